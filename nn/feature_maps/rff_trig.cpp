// rff_trig: trigonometric random features of the Gaussian kernel. With x' = sqrt(tau) x, u = x' W
// and W [r, m/2] block-orthogonal,
//
//   phi(x) = sqrt(2/m) [cos u, sin u],   phi(x) . phi(y) = 2/m sum over w of cos(w.(x' - y')),
//   E phi(x) . phi(y) = e^(-tau |x - y|^2 / 2)
//
// (Rahimi & Recht 2007; Peng et al. 2021, Random Feature Attention). tau = 1/sqrt(head size before
// any transform), so that the kernel is that of softmax attention, e^(tau x.y), but for factors of
// x alone and of y alone. Signed, so it needs normaliser = none. Options: features (m, even, 128),
// temperature (tau).
#include <array>
#include <cmath>

#include "nn/feature_maps/projection.h"

namespace gradus::detail {
namespace {

class RffTrig : public ProjectedMap {
 public:
  RffTrig(const Build& build, int64 width, const PairedOptions& o)
      : ProjectedMap(build, "rff_trig", width, o.features, o.features / 2),
        temperature_(o.temperature) {}

  Features operator()(const Var& x, Side, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Var u = projected(x * std::sqrt(temperature_));
    const std::array<Var, 2> both{cos(u), sin(u)};
    return {concat(both, -1) * factor(), {}};
  }
  std::optional<FeaturesInside> inside(const Var& q, const Var&, Pass&) const override {
    return FeaturesInside{{.map = ElementMap::cos_sin,
                           .weight = scaled_projection(q, std::sqrt(temperature_)),
                           .scale = factor()},
                          {}};
  }
  bool non_negative() const override { return false; }

 private:
  double factor() const { return std::sqrt(2 / static_cast<double>(count())); }

  double temperature_;
};

}  // namespace

extern const FeatureMapDef kRffTrigMap{
    .name = "rff_trig",
    .formula = "phi(x) = sqrt(2/m) [cos u, sin u], u = sqrt(tau) x W",
    .source = "Rahimi & Recht 2007; Peng et al. 2021",
    .non_negative = false,
    .stochastic = true,
    .learned = false,
    .options = {kPairedFeaturesOption, kTemperatureOption},
    .make = [](const Build& build, int64 width, int64 head_dim,
               Options& o) -> std::unique_ptr<FeatureMap> {
      return std::make_unique<RffTrig>(build, width, PairedOptions::read(o, head_dim));
    }};

}  // namespace gradus::detail
