// taylor2: the exponential to second order. With x' = sqrt(tau) x and s = tau q.k,
//
//   phi(x) = [1, x', vec(x' x'^T) / sqrt 2],   phi(q) . phi(k) = 1 + s + s^2/2,   m = 1 + r + r^2,
//
// for (q'.k')^2 = sum over i, j of (q'_i q'_j) (k'_i k'_j). Exact, with no randomness, so what is
// relative before it stays relative. tau = 1/sqrt(head size before any transform), as softmax
// attention; option temperature. The features are signed. Their kernel is 1/2 or more, but only
// while nothing turns them: an encoding that works behind phi breaks it, so normaliser = none.
#include <array>
#include <cmath>

#include "nn/feature_maps/common.h"

namespace gradus::detail {
namespace {

class Taylor2 : public FeatureMap {
 public:
  Taylor2(const Build& build, int64 width, double temperature)
      : FeatureMap(build), temperature_(temperature) {
    features(width);
  }

  Features operator()(const Var& x, Side, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Var scaled = x * std::sqrt(temperature_);
    const Var outer = unsqueeze(scaled, -1) * unsqueeze(scaled, -2);
    Shape row = x.shape();
    row[row.rank() - 1] = 1;
    Shape flat = x.shape();
    flat[flat.rank() - 1] = x.size(-1) * x.size(-1);
    const std::array<Var, 3> parts{Var(ones(row, x.dtype())), scaled,
                                   reshape(outer, flat) * std::sqrt(0.5)};
    return {concat(parts, -1), {}};
  }
  std::optional<FeaturesInside> inside(const Var&, const Var&, Pass&) const override {
    return FeaturesInside{{.map = ElementMap::quadratic, .scale = std::sqrt(temperature_)}, {}};
  }
  int64 features(int64 width) const override {
    constexpr int64 kWidest = 90;  // 1 + 90 + 90^2 = 8191
    return checked_features("taylor2", width, 1 + width + width * width, kWidest);
  }
  bool non_negative() const override { return false; }

 private:
  double temperature_;
};

}  // namespace

extern const FeatureMapDef kTaylor2Map{
    .name = "taylor2",
    .formula = "phi(x) = [1, x', vec(x' x'^T) / sqrt 2], x' = sqrt(tau) x",
    .source = "Arora et al. 2024; Zhang et al. 2024",
    .non_negative = false,
    .stochastic = false,
    .learned = false,
    .options = {kTemperatureOption},
    .make = [](const Build& build, int64 width, int64 head_dim,
               Options& o) -> std::unique_ptr<FeatureMap> {
      const double tau =
          o.real("temperature", 1 / std::sqrt(static_cast<double>(head_dim)), 1e-6, 1e6);
      return std::make_unique<Taylor2>(build, width, tau);
    }};

}  // namespace gradus::detail
