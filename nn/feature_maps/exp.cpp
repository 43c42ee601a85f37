// exp: phi(x) = e^x elementwise, so that phi(q) . phi(k) = sum over i of e^(q_i + k_i).
#include "nn/feature_maps/common.h"

namespace gradus::detail {
namespace {

class ExpMap : public FeatureMap {
 public:
  ExpMap(const Build& build, int64 width) : FeatureMap(build) { features(width); }
  Features operator()(const Var& x, Side side, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    return exponentials(x, side, Tiny::keep);
  }
  std::optional<FeaturesInside> inside(const Var& q, const Var& k, Pass&) const override {
    return exponentials_inside(q, k, {.map = ElementMap::exp}, Tiny::keep);
  }
  int64 features(int64 width) const override {
    return checked_features("exp", width, width, kMaxFeatures);
  }
  bool non_negative() const override { return true; }
};

}  // namespace

extern const FeatureMapDef kExpMap{
    .name = "exp",
    .formula = "phi(x) = e^x",
    .source = "Choromanski et al. 2021, generalised attention",
    .non_negative = true,
    .stochastic = false,
    .learned = false,
    .options = {},
    .make = [](const Build& build, int64 width, int64, Options&) -> std::unique_ptr<FeatureMap> {
      return std::make_unique<ExpMap>(build, width);
    }};

}  // namespace gradus::detail
