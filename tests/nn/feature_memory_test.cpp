// What linear attention holds between forward and backward, in units of one tensor [B,H,N,d]: its
// output, and no features, whatever the map.
#include "nn/transformer.h"
#include "tensor/memory.h"
#include "tests/nn/encodings.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr int64 kHeads = 4, kTokens = 2047;  // sizes that the pool does not round up

/// Memory of the pool that a forward pass of q, k, v leaves in use, by that of q.
double units_held(std::string_view map, bool causal, int64 d,
                  Normaliser normaliser = Normaliser::sum,
                  const MakeEncoding& make_encoding = make<Plain>()) {
  CoreConfig config;
  config.normaliser = normaliser;
  config.kind = CoreKind::linear;
  config.feature_map = std::string(map);
  if (!find_feature_map(map).non_negative) config.normaliser = Normaliser::none;
  const CoreCase c(config, make_encoding, kHeads, d, DType::f32);
  const Input in = random_input({1, kHeads}, kTokens, d, d, 1, DType::f32);
  const Positions p = time_positions(kTokens, causal);
  Pass pass = Pass::eval();
  const std::uint64_t before = pool_stats().live_bytes;
  const Var y = (*c.core)(in.q, in.k, in.v, p, pass);
  const double held = static_cast<double>(pool_stats().live_bytes - before);
  return held / static_cast<double>(kHeads * kTokens * d * 4);
}

/// The same of a Transformer whose blocks are computed again.
double units_of_checkpointed(std::string_view map, int64 layers) {
  TransformerConfig c;
  c.inputs = c.outputs = 3;
  c.d_model = 64, c.d_ff = 32, c.heads = kHeads, c.layers = layers;
  c.dropout = 0;
  c.core.kind = CoreKind::linear;
  c.core.feature_map = std::string(map);
  if (!find_feature_map(map).non_negative) c.core.normaliser = Normaliser::none;
  c.checkpoint = true;
  const Transformer model(Build("model", Rng(1)), c, make<Plain>());
  Rng rng(2);
  const Var x = leaf(normal(rng, {1, kTokens, 3}));
  Pass pass = Pass::eval();
  const std::uint64_t before = pool_stats().live_bytes;
  const Var y = model(x, time_positions(kTokens), pass);
  const double held = static_cast<double>(pool_stats().live_bytes - before);
  return held / static_cast<double>(kTokens * 64 * 4);
}

}  // namespace

TEST_CASE("each map holds one unit, the output, and a few columns") {
  for (const FeatureMapDef* def : feature_maps())
    for (const bool causal : {true, false})
      for (const int64 d : {16, 32}) {
        const double units = units_held(def->name, causal, d);
        INFO(std::string(def->name)
             << ", causal " << causal << ", d = " << d << ": " << units << " units");
        // Columns: what y was divided by; of exponentials what was taken out, and eps.
        CHECK(units > 1 - 1e-9);
        CHECK(units < 1 + 5.0 / static_cast<double>(d));
      }
}

TEST_CASE("exponentials that nothing divides are scaled back: one unit more") {
  for (const char* map : {"exp", "favor_plus", "hedgehog"}) {
    const double units = units_held(map, true, 32, Normaliser::none);
    INFO(std::string(map) << ": " << units << " units");
    CHECK(units < 2 + 5.0 / 32);
  }
}

TEST_CASE("turned features are not stored either") {
  for (const char* map : {"elu1", "favor_plus", "hedgehog"}) {
    const double units = units_held(map, true, 32, Normaliser::sum, make<FeatureTurns>());
    INFO(std::string(map) << ": " << units << " units");
    CHECK(units < 1 + 6.0 / 32);  // two more columns, of turns, which all heads share
  }
}

TEST_CASE("a block that is computed again holds its input, whatever the map") {
  for (const char* map : {"elu1", "favor_plus", "taylor2"}) {
    const double more = units_of_checkpointed(map, 3) - units_of_checkpointed(map, 2);
    INFO(std::string(map) << ": " << more << " units");
    CHECK(more > 0.9);
    CHECK(more < 1.1);
  }
}
