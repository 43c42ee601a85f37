// Every encoding with every core that carries it, and every choice of an experiment file, trains:
// a few steps of a tiny model on the bundled tunes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "pe/table.h"
#include "tensor/error.h"
#include "tests/train/tiny_experiment.h"
#include "train/trainer.h"

using namespace gradus;
using testing::kTiny;

namespace {

/// Losses of three steps; the last validation loss must be finite too.
std::vector<double> train(const std::vector<std::string>& overrides) {
  const Experiment e = Experiment::parse(kTiny, "tiny.toml", overrides);
  Trainer trainer(e);
  const auto batches = trainer.epoch_batches(0);
  const auto parts = static_cast<std::size_t>(e.train.accumulate);
  REQUIRE(batches.size() >= 3 * parts);
  std::vector<double> losses;
  for (std::size_t i = 0; i < 3; ++i)
    losses.push_back(trainer.step({batches.data() + i * parts, parts}));
  for (double loss : losses) CHECK(std::isfinite(loss));
  CHECK(trainer.last_norm() > 0);
  CHECK(std::isfinite(trainer.last_norm()));
  return losses;
}

}  // namespace

TEST_CASE("every encoding trains with every core that carries it, and is refused by the others") {
  int trained = 0, refused = 0;
  for (const EncodingDef* def : encodings())
    for (const CoreKind core : core_kinds()) {
      const bool width = std::any_of(def->options.begin(), def->options.end(),
                                     [](const OptionInfo& o) { return o.name == "width"; });
      const std::string context = width && core != CoreKind::toeplitz ? "bin" : "time";
      CAPTURE(def->name);
      CAPTURE(name(core));
      const std::vector<std::string> overrides{fmt::format("pe.name={}", def->name),
                                               fmt::format("model.attention={}", name(core)),
                                               fmt::format("data.context={}", context)};
      if (core_fits(core, def->traits.hooks)) {
        train(overrides);
        ++trained;
      } else {
        CHECK_THROWS_AS(train(overrides), ConfigError);
        ++refused;
      }
    }
  CHECK(trained >= 11);
  CHECK(refused >= 1);
}

TEST_CASE("every choice of the experiment file trains") {
  for (const char* choice :
       {"model.norm=post", "model.activation=gelu", "model.activation=silu", "model.causal=false",
        "model.dropout=0.5", "train.optimizer=sgd", "train.optimizer=adamw", "train.schedule=step",
        "train.schedule=constant", "train.accumulate=2", "train.focal_gamma=2",
        "train.positive_weight=5", "train.clip=0", "data.inputs=melody,chord,style"}) {
    CAPTURE(choice);
    train({choice});
  }
  for (const FeatureMapDef* map : feature_maps()) {
    CAPTURE(map->name);
    const std::string choice = fmt::format("model.feature_map={}", map->name);
    const std::string normaliser =
        fmt::format("model.normaliser={}", map->non_negative ? "sum" : "none");
    train({choice, normaliser});
    train({choice, normaliser, "pe.name=alibi", "data.context=time", "model.attention=toeplitz"});
  }
  for (const char* label :
       {"time", "bin", "chord", "root", "section", "bar", "beat", "melody", "key", "style"}) {
    CAPTURE(label);
    train({fmt::format("data.context={}", label)});
  }
  train({"data.context=bin,time,section"});
}

TEST_CASE("options of feature maps and of encodings inside others train") {
  train({"model.feature_map=favor_plus", "feature_map.features=8192"});
  train({"model.feature_map=rff_trig", "model.normaliser=none", "feature_map.features=16",
         "feature_map.temperature=0.5"});
  train({"pe.name=gated", "pe.wraps=f_stripe_sff", "pe.realizations=8", "data.context=bin"});
  train({"pe.name=gated", "pe.realizations=8", "pe.shared=inside", "model.layers=3",
         "data.context=time"});
  train({"pe.name=randomized", "pe.wraps=gated", "pe.inside.wraps=conv_spe", "pe.kernel=4",
         "pe.realizations=8", "data.context=time"});
  for (const char* decay : {"pe.decay=true", "pe.decay=false"})
    train({"pe.name=randomized", "pe.wraps=permuteformer", decay, "data.context=time"});
}

TEST_CASE("choices change what is learned") {
  const auto plain = train({"model.dropout=0"});
  for (const char* choice :
       {"model.norm=post", "model.activation=gelu", "model.causal=false", "model.feature_map=relu",
        "train.focal_gamma=2", "train.positive_weight=5", "pe.name=none", "data.context=time"}) {
    CAPTURE(choice);
    CHECK(train({"model.dropout=0", choice}) != plain);
  }
  const auto random = train({"model.dropout=0", "model.feature_map=favor_plus"});
  for (const char* choice : {"feature_map.features=64", "feature_map.temperature=2"}) {
    CAPTURE(choice);
    CHECK(train({"model.dropout=0", "model.feature_map=favor_plus", choice}) != random);
  }
  // The first loss is the same, what follows is not.
  for (const char* choice :
       {"train.optimizer=sgd", "train.learning_rate=1e-2", "train.warmup=2", "train.clip=1e-3"}) {
    CAPTURE(choice);
    const auto other = train({"model.dropout=0", choice});
    CHECK(other[0] == plain[0]);
    CHECK(other[2] != plain[2]);
  }
}
