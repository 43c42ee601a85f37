// Every encoding of the table has an experiment of its name, which is its own and trains: an epoch
// of it at a small size, after which it predicts better than each output's mean.
#include <doctest/doctest.h>

#include "pe/table.h"
#include "tests/train/scratch_folder.h"
#include "train/presets.h"
#include "train/trainer.h"

using namespace gradus;
using gradus::testing::ScratchFolder;

namespace {

const std::vector<std::string> kSmall{
    "data.steps=24",          "data.hop_bars=16", "data.transpose_down=0",
    "data.transpose_up=0",    "model.d_model=16", "model.heads=2",
    "model.layers=1",         "model.d_ff=16",    "model.dropout=0",
    "train.warmup=1",         "train.batch=8",    "train.learning_rate=1e-2",
    "train.schedule=constant"};

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

TEST_CASE("every encoding's experiment learns more than how often each note sounds") {
  const ScratchFolder scratch;
  for (const EncodingDef* def : encodings()) {
    CAPTURE(def->name);
    const Experiment e = experiment(*def, kSmall);
    CHECK(e.train.base_rate_bias);  // so that a loss that falls is no bias that finds its place
    Trainer trainer(e);
    const TrainingReport r = trainer.run(RunFolder::create(scratch.path / def->name, e), true);
    CHECK(r.validation_loss < 0.99 * r.mean_loss);
  }
}
