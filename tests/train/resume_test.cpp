// A run that was ended anywhere and goes on writes the files of one that was never ended.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/error_text.h"
#include "tests/train/run_files.h"
#include "train/run_lock.h"
#include "train/trainer.h"

using namespace gradus;
using namespace gradus::testing;
namespace fs = std::filesystem;

namespace {

/// Two epochs of a few steps; everything that a run can do between two of them is on.
Experiment tiny(const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{"data.steps=48",
                               "data.hop_bars=32",
                               "data.validation_share=0.02",
                               "data.transpose_down=0",
                               "data.transpose_up=0",
                               "model.d_model=8",
                               "model.layers=1",
                               "model.heads=2",
                               "model.d_ff=8",
                               "model.dropout=0.2",
                               "train.epochs=2",
                               "train.batch=48",
                               "train.accumulate=2",
                               "train.warmup=3",
                               "train.log_every=2",
                               "train.save_every=2",
                               "train.base_rate_bias=true",
                               "train.patience=3",
                               "train.curriculum_epochs=1",
                               "train.curriculum_steps=8",
                               "model.feature_map=favor_plus"};
  all.insert(all.end(), more.begin(), more.end());
  return Experiment::parse("", "test", all);
}

void replace_copy(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

TrainingReport go_on(const fs::path& run, const std::function<bool()>& stop = {}) {
  const RunFolder folder = RunFolder::open(run);
  Trainer trainer(folder.experiment());
  return trainer.run(folder, true, stop);
}

/// A run that was never ended, and copies of its folder as it stood after each step.
struct Whole {
  Whole() {
    const RunFolder folder = RunFolder::create(scratch.path / "whole", tiny());
    Trainer trainer(folder.experiment());
    const TrainingReport r = trainer.run(folder, true, [&] {
      replace_copy(folder.path(), at(trainer.point().step));
      return false;
    });
    steps = r.steps;
    per_epoch = trainer.steps_per_epoch();
    all = run_files(folder.path());
  }
  fs::path at(int64 step) const { return scratch.path / fmt::format("step{}", step); }
  ScratchFolder scratch;
  int64 steps = 0, per_epoch = 0;
  std::map<std::string, std::string> all;
};
const Whole& whole() {
  static const Whole w;
  return w;
}

}  // namespace

TEST_CASE("a tiny run writes all files of a run") {
  CHECK(whole().steps == 2 * whole().per_epoch);
  CHECK(whole().per_epoch >= 3);
  for (const char* name : {"experiment.toml", "environment.json", "log.jsonl", "metrics.json",
                           "checkpoints/last.safetensors", "checkpoints/best.safetensors"})
    CHECK_MESSAGE(whole().all.count(name), name);
  CHECK(std::count_if(whole().all.begin(), whole().all.end(),
                      [](const auto& file) { return file.first.starts_with("samples/"); }) >= 1);
}

TEST_CASE("stopped after each step, a run goes on to the same files") {
  for (int64 k = 1; k <= whole().steps; ++k) {
    CAPTURE(k);
    const fs::path path = whole().scratch.path / "stopped";
    fs::remove_all(path);
    {
      const RunFolder folder = RunFolder::create(path, tiny());
      Trainer trainer(folder.experiment());
      const TrainingReport r = trainer.run(folder, true, [&] { return trainer.point().step == k; });
      CHECK(r.ending == TrainingReport::Ending::stopped);
      CHECK(r.steps == k);
      CHECK_FALSE(folder.complete());
    }
    CHECK(go_on(path).ending == TrainingReport::Ending::all_epochs);
    check_same(whole().all, run_files(path));
  }
}

TEST_CASE("killed after each step, a run goes on to the same files") {
  for (int64 k = 1; k <= whole().steps; ++k) {
    CAPTURE(k);
    go_on(whole().at(k));
    check_same(whole().all, run_files(whole().at(k)));
  }
}

TEST_CASE("stopped at every step of its way, by a new process each time") {
  const ScratchFolder s;
  const fs::path path = s.path / "run";
  RunFolder::create(path, tiny());
  int64 steps = 0;
  while (go_on(path, [] { return true; }).ending == TrainingReport::Ending::stopped) ++steps;
  CHECK(steps == whole().steps);
  check_same(whole().all, run_files(path));
}

TEST_CASE("killed between any two files of an epoch's end or of the run's end") {
  const ScratchFolder s;
  const fs::path path = s.path / "run";
  // What a later state has of these stands beside an earlier checkpoint.
  const std::vector<std::string> order{"log.jsonl", "checkpoints/best.safetensors", "samples",
                                       "metrics.json"};
  const fs::path end = whole().scratch.path / "whole";
  for (int64 k = 1; k <= whole().steps; ++k) {
    // The state after step k was used up by the test above: make it again.
    fs::remove_all(path);
    const RunFolder folder = RunFolder::create(path, tiny());
    {
      Trainer trainer(folder.experiment());
      trainer.run(folder, true, [&] { return trainer.point().step == k; });
    }
    for (std::size_t ahead = 0; ahead + 1 < order.size(); ++ahead) {
      CAPTURE(k);
      CAPTURE(order[ahead]);
      const fs::path killed = s.path / "killed";
      replace_copy(path, killed);
      for (std::size_t i = 0; i <= ahead; ++i) {
        fs::remove_all(killed / order[i]);
        fs::copy(end / order[i], killed / order[i], fs::copy_options::recursive);
      }
      // And half of what came next.
      write_file(killed / "checkpoints/last.safetensors.77.3.tmp", "half");
      write_file(killed / "metrics.json.77.4.tmp", "half");
      write_file(killed / "log.jsonl", read_file(killed / "log.jsonl") + "{\"step\":");
      go_on(killed);
      check_same(whole().all, run_files(killed));
      if (k % whole().per_epoch != 0) break;
    }
  }
}

TEST_CASE("a complete run, another process, and changed data are refused; nothing is changed") {
  const ScratchFolder s;
  const fs::path path = s.path / "run";
  replace_copy(whole().scratch.path / "whole", path);
  auto before = contents(path);
  CHECK(has(message<ConfigError>([&] { go_on(path); }),
            "the run '" + path.string() + "' is complete"));
  CHECK(contents(path) == before);

  fs::remove(path / "metrics.json");
  before = contents(path);
  {
    const RunLock lock(path);
    CHECK(has(message<ConfigError>([&] { go_on(path); }),
              "another process trains in '" + path.string()));
    CHECK(contents(path) == before);
  }
  std::string toml = before["experiment.toml"];
  toml.replace(toml.find("batch = 48"), 10, "batch = 7");
  write_file(path / "experiment.toml", toml);
  before = contents(path);
  CHECK(has(message<ConfigError>([&] { go_on(path); }),
            "its data or its experiment.toml have changed"));
  CHECK(contents(path) == before);
}

TEST_CASE("patience ends a run that learns nothing") {
  const ScratchFolder s;
  // Without a learning rate no epoch after the first is better.
  const Experiment e = tiny({"train.learning_rate=0", "train.epochs=50", "train.patience=2",
                             "model.dropout=0", "model.feature_map=elu1", "train.save_every=0"});
  const RunFolder folder = RunFolder::create(s.path / "run", e);
  const TrainingReport r = Trainer(e).run(folder, true);
  CHECK(r.ending == TrainingReport::Ending::patience);
  CHECK(r.epochs == 3);
  CHECK(nlohmann::json::parse(read_file(folder.metrics()))["ended_early"] == true);
  // Ended early, then killed before its report: it is not trained on.
  const auto before = run_files(folder.path());
  fs::remove(folder.metrics());
  CHECK(go_on(folder.path()).epochs == 3);
  check_same(before, run_files(folder.path()));
}

TEST_CASE("the log is cut to the lines of the checkpoint, and its time goes on") {
  const ScratchFolder s;
  const RunFolder folder = RunFolder::create(s.path / "run", {});
  CHECK(folder.keep_log(0) == 0);
  CHECK(has(message<IoError>([&] { folder.keep_log(1); }), "has 0 lines; 1 stood there"));
  folder.log({{"step", int64{1}}, {"seconds", 2.5}});
  folder.log({{"step", int64{2}}, {"seconds", 3.5}});
  folder.log({{"step", int64{3}}});
  const std::string all = read_file(s.path / "run/log.jsonl");
  CHECK(folder.keep_log(3) == 3.5);
  CHECK(read_file(s.path / "run/log.jsonl") == all);
  CHECK(has(message<IoError>([&] { folder.keep_log(4); }), "has 3 lines; 4 stood there"));
  CHECK(read_file(s.path / "run/log.jsonl") == all);
  write_file(s.path / "run/log.jsonl", all + "{\"ste");
  CHECK(has(message<IoError>([&] { folder.keep_log(4); }), "has 3 lines; 4 stood there"));
  CHECK(folder.keep_log(1) == 2.5);
  CHECK(read_file(s.path / "run/log.jsonl") == all.substr(0, all.find('\n') + 1));
  CHECK(folder.keep_log(0) == 0);
  CHECK(read_file(s.path / "run/log.jsonl").empty());
}

TEST_CASE("a run folder has one writer; its lock leaves nothing behind and ends with its holder") {
  const ScratchFolder s;
  {
    const RunLock lock(s.path);
    CHECK_THROWS_AS(RunLock second(s.path), ConfigError);
    CHECK_THROWS_AS(RunFolder::create(s.path, {}), ConfigError);
  }
  const RunLock again(s.path);
  CHECK(contents(s.path).empty());
  CHECK(
      has(message<IoError>([&] { RunLock none(s.path / "none"); }), "cannot open the run folder"));
}
