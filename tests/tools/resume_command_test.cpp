// gradus train --resume as a user runs it: after SIGKILL at any moment the run ends with the files
// of one that was never ended; Ctrl-C saves and says how to go on.
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tensor/random.h"
#include "tests/tools/process.h"
#include "tests/train/run_files.h"
#include "train/run_folder.h"

using namespace gradus;
using gradus::testing::check_same, gradus::testing::run_files;
namespace fs = std::filesystem;

namespace {

/// A run of some tenths of a second that writes all the time.
std::string train(const std::string& out, const std::string& more = "") {
  return "train" + kTiny +
         "--set train.epochs=4 --set train.save_every=2 --set train.log_every=1 "
         "--set train.base_rate_bias=true --set train.curriculum_epochs=1 --set data.hop_bars=1 " +
         more + " --out '" + out + "'";
}

const std::string& whole() {
  static const std::string path = [] {
    const std::string out = scratch() / "whole";
    const CommandResult r = gradus_command(train(out));
    REQUIRE_MESSAGE(r.code == 0, r.out);
    return out;
  }();
  return path;
}

bool exists_last(const fs::path& run) { return fs::exists(run / "checkpoints/last.safetensors"); }

}  // namespace

TEST_CASE("killed at random moments, again and again, a run ends as one that was never killed") {
  const auto begin = std::chrono::steady_clock::now();
  whole();
  const double length =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  Rng rng(20);
  for (int round = 0; round < 2; ++round) {
    const std::string out = scratch() / ("killed" + std::to_string(round));
    const std::string output = scratch() / "output";
    int code = -1, kills = 0;
    for (; code != 0 && kills < 40; ++kills) {
      Process p(fs::exists(fs::path(out) / "experiment.toml") ? "train --quiet --resume " + out
                                                              : train(out),
                output);
      // More and more time, so that it ends at last.
      const double seconds = length * uniform_number(rng) * (0.6 + 0.1 * kills);
      const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
      while (p.running() && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      p.signal(SIGKILL);
      code = p.wait();
      CAPTURE(p.output());
      CHECK((code == 0 || code == 128 + SIGKILL));
    }
    CAPTURE(kills);
    CHECK(code == 0);
    check_same(run_files(whole()), run_files(out));
  }
}

TEST_CASE("Ctrl-C and SIGTERM save, say how to go on, and lose nothing") {
  for (const int signal : {SIGINT, SIGTERM}) {
    std::string out;
    int code = 0;
    std::string said;
    // On a machine that is busy the run may end before its signal comes.
    for (int attempt = 0; code == 0 && attempt < 20; ++attempt) {
      out = scratch() / fmt::format("stopped{}-{}", signal, attempt);
      Process p(train(out, "--set train.save_every=0"), scratch() / "output");
      REQUIRE(wait_until([&] { return fs::exists(fs::path(out) / "log.jsonl"); }));
      p.signal(signal);
      code = p.wait();
      said = p.output();
    }
    CHECK(code == 128 + signal);
    CAPTURE(said);
    REQUIRE(exists_last(out));
    CHECK_FALSE(fs::exists(fs::path(out) / "metrics.json"));
    CHECK(said.starts_with("stopped after step "));
    CHECK(said.ends_with("; to go on: gradus train --resume " + out + "\n"));
    CHECK(std::count(said.begin(), said.end(), '\n') == 1);
    const CommandResult r = gradus_command("train --quiet --resume " + out);
    REQUIRE_MESSAGE(r.code == 0, r.out);
    CHECK(r.out.ends_with("run folder: " + out + "\n"));
    auto expected = run_files(whole()), got = run_files(out);
    expected.erase("experiment.toml"), got.erase("experiment.toml");  // save_every
    CHECK(expected == got);
  }
}

TEST_CASE("a run that was killed in its first epoch begins again") {
  const std::string out = scratch() / "first";
  Process p(train(out,
                  "--set train.save_every=0 --set data.hop_bars=1 --set train.batch=1 "
                  "--set data.transpose_up=5"),
            scratch() / "output");
  REQUIRE(wait_until([&] { return fs::exists(fs::path(out) / "log.jsonl"); }));
  p.signal(SIGKILL);
  CHECK(p.wait() == 128 + SIGKILL);
  CHECK_FALSE(exists_last(out));
  // It goes on, and is stopped once more before this test takes long.
  const std::string killed = read_file(fs::path(out) / "log.jsonl");
  const std::string before = killed.substr(0, killed.find('\n') + 1);
  Process again("train --quiet --resume " + out, scratch() / "output");
  const auto first_line = [&] {
    const std::string text = read_file(fs::path(out) / "log.jsonl");
    return text.substr(0, text.find('\n') + 1);
  };
  REQUIRE(wait_until([&] { return !first_line().empty() && first_line() != before; }));
  again.signal(SIGTERM);
  CHECK(again.wait() == 128 + SIGTERM);
  std::istringstream log(read_file(fs::path(out) / "log.jsonl"));
  std::string line;
  for (int step = 1; std::getline(log, line); ++step)
    CHECK(nlohmann::json::parse(line)["step"] == step);
}

TEST_CASE("a finished run says so and stays as it is") {
  const auto before = run_files(whole());
  std::map<std::string, fs::file_time_type> times;
  for (const auto& entry : fs::recursive_directory_iterator(whole()))
    times[entry.path().string()] = fs::last_write_time(entry.path());
  const CommandResult r = gradus_command("train --resume " + whole());
  CHECK(r.code == 0);
  CHECK(r.out ==
        "the run '" + whole() + "' is complete; its report: " + whole() + "/metrics.json\n");
  CHECK(run_files(whole()) == before);
  for (const auto& entry : fs::recursive_directory_iterator(whole()))
    CHECK(fs::last_write_time(entry.path()) == times[entry.path().string()]);
}

TEST_CASE("another run's options, no run, and a damaged checkpoint are refused") {
  const std::string run = scratch() / "damaged";
  fs::copy(whole(), run, fs::copy_options::recursive);
  fs::remove(fs::path(run) / "metrics.json");
  const std::string resume = "train --resume " + run + " ";
  check_refused(resume + "--set train.epochs=9", {"--resume", "nothing of another run", "--set"});
  check_refused(resume + "--out x", {"nothing of another run", "--out"});
  check_refused(resume + "x.toml", {"nothing of another run", "x.toml"});
  check_refused(resume + "--preset demo --epochs 3 --pe rope", {"--preset, --pe, --epochs"});
  check_refused("train --resume " + (scratch() / "nowhere"),
                {"there is no run folder '", "nowhere"});
  check_refused("train --resume " + (scratch() / "."), {"it has no experiment.toml"});
  check_refused("train --resume", {"'resume' is missing an argument"});

  const fs::path last = fs::path(run) / "checkpoints/last.safetensors";
  const std::string good = read_file(last);
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 4);
  for (const std::string& bytes :
       {good.substr(0, good.size() / 2), flipped, std::string(), std::string("x")}) {
    write_file(last, bytes);
    const auto before = run_files(run);
    check_refused(resume, {"last.safetensors"});
    CHECK(run_files(run) == before);
  }
  write_file(last, good);

  const std::string log = read_file(fs::path(run) / "log.jsonl");
  write_file(fs::path(run) / "log.jsonl", log.substr(0, log.size() / 2));
  check_refused(resume, {"log.jsonl", "stood there when the checkpoint was written"});
  write_file(fs::path(run) / "log.jsonl", log);

  const CommandResult r = gradus_command(resume + "--quiet");
  CHECK_MESSAGE(r.code == 0, r.out);
  check_same(run_files(whole()), run_files(run));
}

TEST_CASE("a second process in the same run folder is refused") {
  const std::string out = scratch() / "twice";
  Process p(train(out, "--set train.epochs=100000"), scratch() / "output");
  REQUIRE(wait_until([&] { return exists_last(out); }));
  check_refused("train --resume " + out, {"another process trains in '" + out + "'"});
  check_refused(train(out), {"holds a run already", "gradus train --resume " + out});
  p.signal(SIGKILL);
  CHECK(p.wait() == 128 + SIGKILL);
  Process again("train --quiet --resume " + out, scratch() / "output");
  const auto log = [&] { return fs::file_size(fs::path(out) / "log.jsonl"); };
  const auto size = log();
  CHECK(wait_until([&] { return log() != size; }));
  again.signal(SIGTERM);
  CHECK(again.wait() == 128 + SIGTERM);
}

TEST_CASE("ended in the middle, a run harmonizes") {
  const std::string out = scratch() / "ended";
  Process p(train(out, "--set train.epochs=100000"), scratch() / "output");
  const fs::path best = fs::path(out) / "checkpoints/best.safetensors";
  REQUIRE(wait_until([&] { return fs::exists(best); }));
  p.signal(SIGKILL);
  CHECK(p.wait() == 128 + SIGKILL);
  const CommandResult r =
      gradus_command("harmonize --tune twinkle --run " + out + " -o " + (scratch() / "ended.mid"));
  CHECK_MESSAGE(r.code == 0, r.out);
}
