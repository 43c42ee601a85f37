// Every feature map does inside linear_attention what it does by itself: with fusion off the cores
// make features by plain ops.
#include "autograd/backward.h"
#include "autograd/record.h"
#include "tests/nn/encodings.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr int64 kTokens = 37;

struct Ran {
  Tensor y;
  std::vector<Tensor> gradients;  // of q, k, v and the map's parameters
};

Ran run_with(Fusion fusion, const AttentionCore& core, const Input& in, const Positions& p) {
  const FusionGuard guard(fusion);
  const Var y = run(core, in, p);
  Rng rng(9);
  const Gradients g = backward(y, normal(rng, y.shape(), 0, 1, y.dtype()));
  Ran ran{y.value(), {g.of(in.q), g.of(in.k), g.of(in.v)}};
  for (const Parameter* parameter : core.parameters()) ran.gradients.push_back(g.of(**parameter));
  return ran;
}

[[nodiscard]] bool close(const Tensor& a, const Tensor& b, double tolerance) {
  return max_difference(a, b) <= tolerance * std::max(1.0, statistics(b).max_abs);
}

void check_both_ways(const FeatureMapDef& map, const MakeEncoding& make, double size, DType dtype) {
  const CoreCase c(core_with_map(CoreKind::linear, map.name), make, 2, 5, dtype);
  const Input in = random_input({2, 2}, kTokens, 5, 3, size, dtype);
  const double tolerance = dtype == DType::f64 ? 1e-10 : 2e-4;
  for (const bool causal : {true, false})
    for (const bool padded : {false, true}) {
      INFO(std::string(map.name) << ", causal " << causal << ", padded " << padded << ", size "
                                 << size << ", " << std::string(name(dtype)));
      Positions p = time_positions(kTokens, causal);
      if (padded) {
        std::vector<std::uint8_t> kept(2 * kTokens, 1);
        for (std::size_t i = 20; i < kept.size(); i += 3) kept[i] = 0;
        p.key_mask = from_values<std::uint8_t>(kept, {2, kTokens});
      }
      const Ran inside = run_with(Fusion::on, *c.core, in, p);
      const Ran outside = run_with(Fusion::off, *c.core, in, p);
      CHECK(close(inside.y, outside.y, tolerance));
      REQUIRE(inside.gradients.size() == outside.gradients.size());
      for (std::size_t i = 0; i < inside.gradients.size(); ++i)
        CHECK(close(inside.gradients[i], outside.gradients[i], tolerance));
    }
}

}  // namespace

TEST_CASE("values and gradients, turned and not") {
  for (const FeatureMapDef* map : feature_maps())
    for (const bool turned : {false, true})
      check_both_ways(*map, turned ? make<FeatureTurns>() : make<Plain>(), 1, DType::f64);
}

TEST_CASE("exponents far beyond what a float holds") {
  for (const char* map : {"exp", "favor_plus", "hedgehog"}) {
    check_both_ways(find_feature_map(map), make<Plain>(), 40, DType::f64);
    // e^100 is no f32: features that nothing was taken out of would be infinite.
    const auto attend = [map](DType dtype) {
      const CoreCase c(core_with_map(CoreKind::linear, map), make<Plain>(), 2, 5, dtype);
      const Input in = random_input({2, 2}, kTokens, 5, 3, 40, DType::f64);
      const Input as{leaf(cast(in.q.value(), dtype)), leaf(cast(in.k.value(), dtype)),
                     leaf(cast(in.v.value(), dtype))};
      CHECK(statistics(in.k.value()).max_abs > 100);
      return cast(run_with(Fusion::on, *c.core, as, time_positions(kTokens)).y, DType::f64);
    };
    CHECK(close(attend(DType::f32), attend(DType::f64), 1e-3));
  }
  for (const FeatureMapDef* map : feature_maps())
    check_both_ways(*map, make<Plain>(), 1, DType::f32);
}

TEST_CASE("hedgehog's matrix and bias have gradients inside as well") {
  const CoreCase c(core_with_map(CoreKind::linear, "hedgehog"), make<Plain>(), 2, 5);
  const Input in = random_input({2, 2}, kTokens, 5, 3);
  const Ran ran = run_with(Fusion::on, *c.core, in, time_positions(kTokens));
  REQUIRE(ran.gradients.size() == 5);
  for (const Tensor& g : ran.gradients) CHECK(statistics(g).max_abs > 1e-3);
}
