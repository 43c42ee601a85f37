// The training loop on the bundled tunes, with models so small that a step takes a millisecond.
#include "train/trainer.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "tensor/file.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"

using namespace gradus;

namespace {

Experiment tiny(const std::vector<std::string>& overrides = {}) {
  std::vector<std::string> all{"data.steps=32",   "data.transpose_down=0", "data.transpose_up=0",
                               "model.d_model=8", "model.layers=1",        "model.heads=2",
                               "model.d_ff=8",    "train.epochs=1",        "train.warmup=0",
                               "train.batch=4"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return Experiment::parse("", "test", all);
}

std::vector<double> losses(Trainer& trainer, int steps) {
  std::vector<double> list;
  const auto batches = trainer.epoch_batches(0);
  for (int i = 0; i < steps; ++i) list.push_back(trainer.step({batches.data() + i, 1}));
  return list;
}

struct TemporaryFolder {
  TemporaryFolder()
      : path(std::filesystem::temp_directory_path() /
             ("gradus_trainer_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

bool same_state(const StateDict& a, const StateDict& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&](const auto& e) {
           return b.count(e.first) && same_bits(e.second, b.at(e.first));
         });
}

}  // namespace

TEST_CASE("the same seed gives the same bits, another seed others") {
  Trainer a(tiny()), b(tiny()), other(tiny({"train.seed=2"}));
  const auto la = losses(a, 6), lb = losses(b, 6), lo = losses(other, 6);
  CHECK(la == lb);
  CHECK(la != lo);
  CHECK(same_state(a.harmonizer().model().state(), b.harmonizer().model().state()));
  CHECK_FALSE(same_state(a.harmonizer().model().state(), other.harmonizer().model().state()));
}

TEST_CASE("training does not depend on the number of threads, with any core") {
  const int before = threads();
  for (const char* core : {"linear", "softmax", "toeplitz"}) {
    CAPTURE(core);
    // Wide enough that products, rows and attention are cut into parts for several threads.
    const Experiment e =
        tiny({"model.dropout=0.5", "model.d_model=64", "model.d_ff=128", "data.steps=128",
              "data.context=time", fmt::format("model.attention={}", core),
              std::string("pe.name=") + (core == std::string_view("toeplitz") ? "alibi" : "none")});
    std::vector<double> first;
    StateDict state;
    for (int n : {1, 2, 5}) {
      CAPTURE(n);
      set_threads(n);
      Trainer trainer(e);
      const auto l = losses(trainer, 3);
      const StateDict end = trainer.harmonizer().model().state();
      if (n == 1)
        first = l, state = end;
      else
        CHECK((l == first && same_state(end, state)));
    }
  }
  set_threads(before);
}

TEST_CASE("the loss falls below that of predicting the mean") {
  TemporaryFolder folder;
  const Experiment e = tiny({"train.epochs=6", "train.learning_rate=1e-2", "model.d_model=16"});
  Trainer trainer(e);
  const double at_first = trainer.validation_loss();
  const TrainingReport r = trainer.run(RunFolder::create(folder.path, e), true);
  CHECK(r.validation_loss < at_first / 2);
  CHECK(r.validation_loss < r.mean_loss);
  // The model and the four floors, over windows of the held-out pieces.
  REQUIRE(r.table.rows.size() == 5);
  CHECK(r.table.split == Split::validation);
  CHECK(r.table.windows > 0);
  CHECK(r.table.rows[0].score.matches.onsets.target > 0);
  CHECK(r.table.rows[0].score.matches.onsets.predicted > 0);
  CHECK(r.table.rows[4].name == "block-chords");
  CHECK(r.table.rows[4].score.matches.onsets.hits > 0);
  CHECK(r.steps == e.train.epochs * trainer.steps_per_epoch());

  // What was saved is what was reported.
  Harmonizer again(RunFolder::open(folder.path).experiment());
  const TrainingPoint point =
      load_checkpoint(RunFolder::open(folder.path).checkpoint("best"), again.model(), nullptr);
  CHECK(point.threshold == r.threshold);
  CHECK(same_state(again.model().state(), trainer.harmonizer().model().state()));
}

TEST_CASE("two micro-batches make the step of one batch") {
  const std::vector<std::string> plain{"model.dropout=0",         "train.clip=0",
                                       "train.optimizer=sgd",     "train.momentum=0",
                                       "train.learning_rate=0.1", "data.validation_share=0.5"};
  Trainer whole(tiny(plain)), parts(tiny(plain));
  // Windows without padding weigh the same, so that the mean of two means is the mean of all.
  std::vector<PieceWindow> full;
  for (const auto& batch : whole.epoch_batches(0))
    for (const PieceWindow& w : batch)
      if (w.length == 32 && full.size() < 4) full.push_back(w);
  REQUIRE(full.size() == 4);
  const std::vector<std::vector<PieceWindow>> one{full},
      two{{full[0], full[1]}, {full[2], full[3]}};
  CHECK(whole.step(one) == doctest::Approx(parts.step(two)).epsilon(1e-6));
  for (const auto& [path, value] : whole.harmonizer().model().state())
    CHECK(max_difference(value, parts.harmonizer().model().state().at(path)) < 1e-6);
}

TEST_CASE("1,245 lengths in turn stay within 1.5 times the memory of the largest step") {
  Trainer trainer(tiny());
  const Harmonizer& h = trainer.harmonizer();
  const auto run = [&](int64 n) {
    HarmonyBatch b;
    b.input = zeros({1, n, h.format().features()});
    b.onset = b.sustain = zeros({1, n, h.format().pitches()});
    b.labels = zeros({1, n, 12}, DType::f64);
    b.mask = ones({1, n}, DType::u8);
    Pass pass(Mode::train);
    return backward(h.loss(b, pass)).global_norm();
  };
  constexpr int64 kLongest = 320;
  pool_trim();
  pool_reset_peak();
  const auto before = pool_stats();
  run(kLongest);
  const auto largest = pool_stats().peak_live_bytes - before.live_bytes;
  pool_trim();
  pool_reset_peak();
  for (int64 i = 0; i < 1245; ++i) REQUIRE(std::isfinite(run(16 + (kLongest - 16) * i / 1244)));
  const auto held = pool_stats().peak_held_bytes - before.live_bytes;
  MESSAGE("largest step " << largest << " bytes, most held in 1,245 steps " << held);
  CHECK(held <= largest + largest / 2);
}

TEST_CASE("the tune that the demo harmonizes was not trained on") {
  const Experiment demo =
      Experiment::read(std::string(GRADUS_SOURCE_DIR) + "/train/experiments/demo.toml");
  const std::string script = read_file(std::string(GRADUS_SOURCE_DIR) + "/tools/demo");
  Trainer trainer(demo);
  int held_out = 0;
  for (const Piece& p : trainer.pieces())
    if (p.split == Split::validation && script.find("\ntune=" + p.name + " ") != std::string::npos)
      ++held_out;
  CHECK(held_out == 1);
}
