// What linear attention holds between forward and backward with each feature map, in units of one
// tensor [B,H,N,d]: maps of one number at a time are computed again, the others are stored.
#include <map>

#include "nn/transformer.h"
#include "tensor/memory.h"
#include "tests/nn/encodings.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr int64 kHeads = 4, kTokens = 2047;  // sizes that the pool does not round up

/// Memory of the pool that a forward pass of q, k, v leaves in use, by that of q.
double units_held(std::string_view map, bool causal, int64 d) {
  CoreConfig config;
  config.kind = CoreKind::linear;
  config.feature_map = std::string(map);
  if (!find_feature_map(map).non_negative) config.normaliser = Normaliser::none;
  const CoreCase c(config, make<Plain>(), kHeads, d, DType::f32);
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

/// As nn/README.md says it; m = 128 random features.
const std::map<std::string_view, double (*)(double d)> kSaid{
    {"elu1", [](double) { return 1.0; }},
    {"exp", [](double) { return 3.0; }},
    {"favor_plus", [](double d) { return 3 + 4 * 128 / d; }},
    {"favor_relu", [](double d) { return 1 + 4 * 128 / d; }},
    {"hedgehog", [](double) { return 5.0; }},
    {"identity", [](double) { return 1.0; }},
    {"relu", [](double) { return 1.0; }},
    {"rff_trig", [](double d) { return 3 + 3 * 128 / d; }},
    {"softplus", [](double) { return 1.0; }},
    {"squared_relu", [](double) { return 1.0; }},
    {"taylor2", [](double d) { return 3 + 2.5 * d; }}};

}  // namespace

TEST_CASE("each map holds what nn/README.md says") {
  for (const FeatureMapDef* def : feature_maps())
    for (const int64 d : {16, 32}) {
      const double units = units_held(def->name, true, d);
      INFO(std::string(def->name) << ", d = " << d << ": " << units << " units");
      REQUIRE(kSaid.count(def->name) == 1);
      const double said = kSaid.at(def->name)(static_cast<double>(d));
      // Beside whole tensors a few columns: totals, the largest exponent.
      CHECK(units > said - 0.1);
      CHECK(units < said + 4.0 / static_cast<double>(d));
    }
}

TEST_CASE("maps of one number at a time hold no features where all keys are seen either") {
  for (const char* map : {"elu1", "identity", "relu", "softplus", "squared_relu"}) {
    INFO(std::string(map));
    CHECK(units_held(map, false, 32) < 1.2);
  }
}

TEST_CASE("a block that is computed again holds its input, whatever the map") {
  for (const char* map : {"elu1", "exp", "favor_plus", "taylor2"}) {
    const double more = units_of_checkpointed(map, 3) - units_of_checkpointed(map, 2);
    INFO(std::string(map) << ": " << more << " units");
    CHECK(more > 0.9);
    CHECK(more < 1.1);
  }
}
