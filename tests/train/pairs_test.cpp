// Every encoding with every feature map that its cores take trains: 20 steps of a tiny model on the
// bundled tunes, losses finite and falling. Pairs that do not fit are refused with the reason.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pe/table.h"
#include "tests/error_text.h"
#include "tests/train/tiny_experiment.h"
#include "train/trainer.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr int64 kHeadSize = 4;
constexpr std::size_t kSteps = 20;

struct Pair {
  const EncodingDef* encoding;
  const FeatureMapDef* map;
  CoreKind core;

  std::vector<std::string> settings() const {
    std::vector<std::string> s{
        "data.context=time",
        "model.dropout=0",
        "train.batch=2",
        "train.learning_rate=1e-2",
        "train.schedule=constant",
        fmt::format("pe.name={}", encoding->name),
        fmt::format("model.attention={}", name(core)),
        fmt::format("model.feature_map={}", map->name),
        fmt::format("model.normaliser={}", map->non_negative ? "sum" : "none")};
    // An encoding of features is built for the map's number of them.
    if (encoding->traits.hooks & kTransformFeatures)
      for (const OptionInfo& o : encoding->options)
        if (o.name == "features") s.push_back(fmt::format("pe.features={}", features()));
    return s;
  }
  int64 features() const {
    Options none("feature map");
    return map->make(Build("map"), kHeadSize, kHeadSize, none)->features(kHeadSize);
  }
};

template <class F>
void each(F&& f) {
  for (const EncodingDef* def : encodings())
    for (const CoreKind core : {CoreKind::linear, CoreKind::toeplitz}) {
      if (!core_fits(core, def->traits.hooks)) continue;
      for (const FeatureMapDef* map : feature_maps()) {
        CAPTURE(def->name);
        CAPTURE(name(core));
        CAPTURE(map->name);
        f(Pair{def, map, core});
      }
    }
}

double mean(const std::vector<double>& x, std::size_t begin, std::size_t end) {
  return std::accumulate(x.begin() + static_cast<std::ptrdiff_t>(begin),
                         x.begin() + static_cast<std::ptrdiff_t>(end), 0.0) /
         static_cast<double>(end - begin);
}

}  // namespace

TEST_CASE("every allowed pair of encoding and feature map trains for 20 steps") {
  int linear = 0, toeplitz = 0;
  each([&](const Pair& pair) {
    Trainer trainer(Experiment::parse(kTiny, "tiny.toml", pair.settings()));
    const auto batches = trainer.epoch_batches(0);
    REQUIRE(batches.size() >= 1);
    std::vector<double> losses;  // of one batch
    for (std::size_t i = 0; i < kSteps; ++i) losses.push_back(trainer.step({batches.data(), 1}));
    for (const double loss : losses) CHECK(std::isfinite(loss));
    const double first = mean(losses, 0, 5), last = mean(losses, kSteps - 5, kSteps);
    CAPTURE(first);
    CAPTURE(last);
    CHECK(last < 0.98 * first);
    ++(pair.core == CoreKind::linear ? linear : toeplitz);
  });
  MESSAGE("pairs of encoding and feature map trained: " << linear << " by the linear core, "
                                                        << toeplitz << " by the toeplitz core");
  CHECK(linear >= 19 * 11);
  CHECK(toeplitz >= 5 * 11);
}

TEST_CASE("pairs that do not fit are refused with the reason") {
  int signs = 0, sizes = 0;
  each([&](const Pair& pair) {
    const auto refusal = [&](const std::vector<std::string>& changed) {
      std::vector<std::string> settings = pair.settings();
      settings.insert(settings.end(), changed.begin(), changed.end());
      return message<ConfigError>(
          [&] { Harmonizer h(Experiment::parse(kTiny, "tiny.toml", settings)); });
    };
    if (!pair.map->non_negative) {
      CHECK(has(refusal({"model.normaliser=sum"}),
                fmt::format("the features of '{}' can be negative", pair.map->name)));
      ++signs;
    }
    const auto settings = pair.settings();
    if (settings.back().starts_with("pe.features=")) {
      const int64 other = pair.features() + 2;
      CHECK(has(
          refusal({fmt::format("pe.features={}", other)}),
          fmt::format("built for {} features, the feature map gives {}", other, pair.features())));
      ++sizes;
    }
  });
  CHECK(signs >= 2 * 25);
  CHECK(sizes >= 11);
  // Too many features: 1 + r + r^2 of 2 x 4 x 16 numbers.
  const auto wide = message<ConfigError>([&] {
    Harmonizer h(Experiment::parse(kTiny, "tiny.toml",
                                   {"data.context=time", "pe.name=f_stripe", "pe.pooled=false",
                                    "pe.sines=16", "model.feature_map=taylor2"}));
  });
  CHECK(has(wide, "8192"));
}
