// Every encoding of the table has an experiment of its name, which is its own and trains: a few
// steps of it at a small size, whose loss falls.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "pe/table.h"
#include "tensor/file.h"
#include "train/presets.h"
#include "train/trainer.h"

using namespace gradus;

namespace {

const std::vector<std::string> kSmall{
    "data.steps=24",          "data.hop_bars=16", "data.transpose_down=0",
    "data.transpose_up=0",    "model.d_model=16", "model.heads=2",
    "model.layers=1",         "model.d_ff=16",    "model.dropout=0",
    "train.warmup=1",         "train.batch=8",    "train.learning_rate=1e-2",
    "train.schedule=constant"};
constexpr std::size_t kSteps = 4;

Experiment experiment(const EncodingDef& def, const std::vector<std::string>& overrides) {
  const std::string file = fmt::format("{}/train/experiments/{}.toml", GRADUS_SOURCE_DIR, def.name);
  return Experiment::read(file, overrides);
}

}  // namespace

TEST_CASE("every encoding has an experiment, a preset too, with a core that carries it") {
  for (const EncodingDef* def : encodings()) {
    CAPTURE(def->name);
    const Experiment e = experiment(*def, {});
    CHECK(e.pe == def->name);
    CHECK(Experiment::parse(preset(std::string(def->name)), "preset").to_toml() == e.to_toml());
    CHECK(core_fits(parse_core(e.model.attention), def->traits.hooks));
    CHECK(e.train.epochs == 1);
    if (def->traits.cost == Cost::linear) CHECK(e.model.attention == "linear");
    CHECK(e.model.feature_map == Experiment{}.model.feature_map);
  }
}

TEST_CASE("every encoding's experiment trains") {
  for (const EncodingDef* def : encodings()) {
    CAPTURE(def->name);
    Trainer trainer(experiment(*def, kSmall));
    const auto batches = trainer.epoch_batches(0);
    REQUIRE(batches.size() >= 1);
    std::vector<double> losses;  // of one batch
    for (std::size_t i = 0; i < kSteps; ++i) losses.push_back(trainer.step({batches.data(), 1}));
    for (const double loss : losses) CHECK(std::isfinite(loss));
    CHECK(losses.back() < 0.98 * losses.front());
  }
}
