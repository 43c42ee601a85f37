// Base rates against their formula, and as the bias at which a run begins.
#include "train/base_rate.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/elementwise.h"
#include "tests/train/scratch_folder.h"
#include "train/trainer.h"

using namespace gradus;
using namespace gradus::testing;

TEST_CASE("log-odds of outputs that are always, never and sometimes on") {
  MeanPredictor mean;
  CHECK(log_odds(mean).numel() == 0);
  // Two windows of two steps, the last step padding: three steps count.
  const Tensor target = tensor({1, 0, 0,  //
                                1, 0, 1,  //
                                1, 0, 0,  //
                                0, 1, 1},
                               {2, 2, 3});
  const Tensor mask = cast(tensor({1, 1, 1, 0}, {2, 2}), DType::u8);
  mean.learn(target, mask);
  const std::vector<double> odds = log_odds(mean).to_vector<double>();
  REQUIRE(odds.size() == 3);
  CHECK(odds[0] == doctest::Approx(std::log(3.5 / 0.5)));
  CHECK(odds[1] == doctest::Approx(std::log(0.5 / 3.5)));
  CHECK(odds[2] == doctest::Approx(std::log(1.5 / 2.5)));
}

TEST_CASE("a run begins with the loss of predicting the mean, and only at its begin") {
  const auto experiment = [](const char* bias) {
    return Experiment::parse(
        "", "test",
        {"data.steps=48", "data.transpose_down=0", "data.transpose_up=0", "model.d_model=8",
         "model.layers=1", "model.heads=2", "model.d_ff=8", "model.dropout=0", "train.epochs=2",
         "train.batch=64", "train.learning_rate=0", std::string("train.base_rate_bias=") + bias});
  };
  const ScratchFolder s;
  const auto final_bias = [&](const char* bias, TrainingReport& report) {
    const Experiment e = experiment(bias);
    Trainer trainer(e);
    report = trainer.run(RunFolder::create(s.path / bias, e), true);
    return trainer.harmonizer().model().output().bias()->value();
  };
  TrainingReport with, without;
  const Tensor bias = final_bias("true", with), none = final_bias("false", without);
  CHECK(max_difference(none, zeros(none.shape())) == 0);
  // Most cells are silent.
  for (float b : bias.to_vector<float>()) CHECK(b < 0);
  CHECK(with.mean_loss == without.mean_loss);
  CHECK(with.validation_loss < without.validation_loss / 2);
  CHECK(with.validation_loss < 2 * with.mean_loss);

  // A run that goes on keeps the bias that its checkpoint holds.
  const Experiment e = experiment("true");
  const RunFolder folder = RunFolder::create(s.path / "moved", e);
  {
    Trainer trainer(e);
    trainer.run(folder, true, [] { return true; });
  }
  Trainer moved(e);
  const TrainingPoint point =
      load_checkpoint(folder.checkpoint("last"), moved.harmonizer().model(), nullptr);
  moved.harmonizer().model().output().bias()->set(ones(bias.shape()));
  // Without an optimizer's state nothing would go on: write the one of the stopped run.
  Trainer stopped(e);
  Adam adam;
  load_checkpoint(folder.checkpoint("last"), stopped.harmonizer().model(), &adam);
  save_checkpoint(folder.checkpoint("last"), moved.harmonizer().model(), &adam, point);
  stopped.run(folder, true);
  CHECK(same_bits(stopped.harmonizer().model().output().bias()->value(), ones(bias.shape())));
}
