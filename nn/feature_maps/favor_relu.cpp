// favor_relu: positive random features of the arc-cosine kernel of order 1. With W [r, m]
// block-orthogonal and w.x, w.y Gaussian of angle theta = angle(x, y),
//
//   phi(x) = sqrt(2/m) max(x W, 0),
//   E phi(x) . phi(y) = 2 E max(w.x, 0) max(w.y, 0) = |x| |y| (sin theta + (pi - theta) cos theta)
//   / pi
//
// (Cho & Saul 2009, eq. 3 and 6, n = 1; the generalised attention of Choromanski et al. 2021). The
// kernel of x with itself is |x|^2; a factor of x is a factor of phi, so there is no temperature.
// Option: features (m, 128).
#include <cmath>

#include "nn/feature_maps/projection.h"

namespace gradus::detail {
namespace {

class FavorRelu : public ProjectedMap {
 public:
  FavorRelu(const Build& build, int64 width, int64 features)
      : ProjectedMap(build, "favor_relu", width, features, features) {}

  Features operator()(const Var& x, Side, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    return {relu(projected(x)) * factor(), {}};
  }
  std::optional<FeaturesInside> inside(const Var& q, const Var&, Pass&) const override {
    return FeaturesInside{{.map = ElementMap::relu, .weight = scaled_projection(q, factor())}, {}};
  }
  bool non_negative() const override { return true; }

 private:
  double factor() const { return std::sqrt(2 / static_cast<double>(count())); }
};

}  // namespace

extern const FeatureMapDef kFavorReluMap{
    .name = "favor_relu",
    .formula = "phi(x) = sqrt(2/m) max(x W, 0)",
    .source = "Cho & Saul 2009; Choromanski et al. 2021",
    .non_negative = true,
    .stochastic = true,
    .learned = false,
    .options = {{"features", "128", "1 to 8192", "m"}},
    .make = [](const Build& build, int64 width, int64, Options& o) -> std::unique_ptr<FeatureMap> {
      const int64 m = o.integer("features", 128, 1, kMaxFeatures);
      return std::make_unique<FavorRelu>(build, width, m);
    }};

}  // namespace gradus::detail
