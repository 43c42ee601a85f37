// hedgehog: exponentials of learned features, both signs, so that attention can be as spiky as a
// softmax (Zhang et al. 2024). With u = W x + b,
//
//   phi(x) = [e^u, e^-u],   m = 2r,   phi(q) . phi(k) = 2 sum over i of cosh(u_i(q) + u_i(k)).
//
// One W [r, r] and b [r] for queries, keys and all heads of a layer, so that phi(q) . phi(k) stays
// a kernel; W starts at 1 on its diagonal, b at 0: then phi is [e^x, e^-x].
#include <array>

#include "nn/feature_maps/common.h"

namespace gradus::detail {
namespace {

class Hedgehog : public FeatureMap {
 public:
  Hedgehog(const Build& build, int64 width)
      : FeatureMap(build),
        width_(width),
        weight_(parameter("weight", eye(checked_width(width), dtype()))),
        bias_(parameter("bias", zeros({width}, dtype()))) {}

  Features operator()(const Var& x, Side side, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_width(x);
    const Var u = matmul(x, transpose(*weight_)) + *bias_;
    const std::array<Var, 2> both{u, neg(u)};
    return exponentials(concat(both, -1), side, Tiny::keep);
  }
  std::optional<FeaturesInside> inside(const Var& q, const Var& k, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_width(q);
    return exponentials_inside(
        q, k, {.map = ElementMap::exp_pair, .weight = transpose(*weight_), .bias = *bias_},
        Tiny::keep);
  }
  int64 features(int64 width) const override {
    return checked_features("hedgehog", width, 2 * width, kMaxFeatures / 2);
  }
  bool non_negative() const override { return true; }

 private:
  void check_width(const Var& x) const {
    check_shape(x.size(-1) == width_, "hedgehog was built for inputs {} wide, got {}", width_,
                x.shape());
  }
  int64 checked_width(int64 width) const { return features(width) / 2; }

  int64 width_;
  Parameter &weight_, &bias_;
};

}  // namespace

extern const FeatureMapDef kHedgehogMap{
    .name = "hedgehog",
    .formula = "phi(x) = [e^u, e^-u], u = W x + b",
    .source = "Zhang et al. 2024 (Hedgehog)",
    .non_negative = true,
    .stochastic = false,
    .learned = true,
    .options = {},
    .make = [](const Build& build, int64 width, int64, Options&) -> std::unique_ptr<FeatureMap> {
      return std::make_unique<Hedgehog>(build, width);
    }};

}  // namespace gradus::detail
