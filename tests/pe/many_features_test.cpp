// As many features as a map may make, 8,192: every encoding of cost `linear` behind every
// non-negative map, causal, bidirectional and as a recurrence.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "nn/attention_core.h"
#include "tensor/index.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr int64 kTokens = 3, kValue = 2;

/// Settings of an encoding with which inputs of a map are `width` wide, and the head size for them.
struct Wide {
  int64 head_size;
  std::vector<std::string> settings = {};
};

Wide wide(std::string_view name, int64 width, int64 features) {
  const auto realizations = fmt::format("realizations={}", width);
  const std::map<std::string_view, Wide> list{
      {"conv_spe", {2, {realizations, "kernel=3"}}},
      {"cosformer", {width}},
      {"f_stripe", {2, {fmt::format("sines={}", width / 2)}}},
      {"f_stripe1", {width / 2, {"pooled=false"}}},
      {"f_stripe_sff", {2, {realizations, "sines=1"}}},
      {"gated", {2, {realizations, "sines=1"}}},
      {"learned", {width, {"max_length=4"}}},
      {"lrpe", {width}},
      {"none", {width}},
      {"permuteformer", {width, {fmt::format("features={}", features)}}},
      {"randomized", {width}},
      {"rff", {2, {fmt::format("samples={}", width / 4)}}},
      {"rope", {width}},
      {"rope_scaled", {width}},
      {"ropepool", {2 * width}},
      {"s_ape", {width, {"tracks=chord", "values=4"}}},
      {"sine_spe", {2, {realizations, "sines=1"}}},
      {"sinusoidal", {width}},
      {"xpos", {width}}};
  const auto found = list.find(name);
  REQUIRE_MESSAGE(found != list.end(), "no settings for ", name);
  return found->second;
}

/// The inputs of a map whose features are not as many as its options say.
int64 width_of(const FeatureMapDef& map) {
  if (map.name == "hedgehog") return kMaxFeatures / 2;
  return map.stochastic ? 8 : kMaxFeatures;
}

/// Of hedgehog's 4,096 x 4,096 matrix, which an f64 would make 128 MB.
DType type_of(const FeatureMapDef& map) { return map.learned ? DType::f32 : DType::f64; }

/// x [1,N,D] with what the encoding adds to it, as one head.
Var embedded(const PositionalEncoding& e, const Var& x, const Positions& p, Pass& pass) {
  return unsqueeze(e.embed(x, p, pass), 1);
}

struct Wired {
  std::unique_ptr<PositionalEncoding> encoding;
  std::unique_ptr<AttentionCore> core;
  Tensor x, y, v;  // what queries and keys are made of [1,N,D], values [1,1,N,dv]

  Var operator()(const Positions& p, Pass& pass) const {
    return (*core)(query(p, pass), key(p, pass), Var(v), p, pass);
  }
  Var by_weights(const Positions& p, Pass& pass) const {
    return matmul(core->weights(query(p, pass), key(p, pass), p, pass), Var(v));
  }
  Var step(const Positions& all, int64 i, AttentionState& state, Pass& pass) const {
    const Positions one = labelled_positions(slice(all.labels, 1, i, i + 1), all.tracks);
    const auto row = [&](const Tensor& t) {
      return embedded(*encoding, Var(slice(t, 1, i, i + 1)), one, pass);
    };
    return core->step(row(x), row(y), Var(slice(v, 2, i, i + 1)), one, state, pass);
  }

 private:
  Var query(const Positions& p, Pass& pass) const { return embedded(*encoding, Var(x), p, pass); }
  Var key(const Positions& p, Pass& pass) const { return embedded(*encoding, Var(y), p, pass); }
};

Wired build(const EncodingDef& def, const FeatureMapDef& map) {
  const DType type = type_of(map);
  const Wide w = wide(def.name, width_of(map), kMaxFeatures);
  Options options;
  for (const std::string& s : w.settings) options.set(s);
  Wired l;
  l.encoding = build_encoding(def, Build("pe", Rng(1), type), {w.head_size, 1}, options);
  CoreConfig config;
  config.feature_map = map.name;
  if (map.stochastic) config.feature_options.set("features", OptionValue(kMaxFeatures));
  l.core = make_core(Build("core", Rng(2), type), config, *l.encoding, w.head_size);
  // As many as there can be.
  const int64 width = l.encoding->transformed_width(w.head_size);
  REQUIRE(width == width_of(map));
  REQUIRE(build_feature_map(map, Build("count"), map.stochastic ? width : 1, w.head_size,
                            config.feature_options)
              ->features(width) == kMaxFeatures);
  Rng rng(3);
  l.x = normal(rng, {1, kTokens, w.head_size}, 0, 0.5, type);
  l.y = normal(rng, {1, kTokens, w.head_size}, 0, 0.5, type);
  l.v = normal(rng, {1, 1, kTokens, kValue}, 0, 1, type);
  return l;
}

[[nodiscard]] bool close(const Tensor& a, const Tensor& b) {
  return max_difference(a, b) <= (a.dtype() == DType::f64 ? 1e-9 : 1e-4);
}

}  // namespace

TEST_CASE("8,192 features of every non-negative map behind every encoding of linear cost") {
  int pairs = 0;
  for (const EncodingDef* def : encodings())
    for (const FeatureMapDef* map : feature_maps()) {
      if (def->traits.cost != Cost::linear || !map->non_negative) continue;
      CAPTURE(def->name);
      CAPTURE(map->name);
      const Wired layer = build(*def, *map);
      Pass pass = Pass::eval();
      Positions p = positions_for(*layer.encoding, time_positions(kTokens).labels, def->name);
      p.uniform = p.tracks[0].name == "time";
      const Tensor causal = layer(p, pass).value();
      CHECK(close(causal, layer.by_weights(p, pass).value()));
      AttentionState state;
      for (int64 i = 0; i < kTokens; ++i)
        CHECK(close(layer.step(p, i, state, pass).value(), slice(causal, 2, i, i + 1)));
      if (!layer.encoding->traits().causal_only) {
        p.causal = false;
        const Tensor both_ways = layer(p, pass).value();
        CHECK(close(both_ways, layer.by_weights(p, pass).value()));
        CHECK(max_difference(both_ways, causal) > 1e-5);
      }
      ++pairs;
    }
  MESSAGE("pairs of encoding and feature map at 8,192 features: " << pairs);
  CHECK(pairs >= 19 * 8);
}
