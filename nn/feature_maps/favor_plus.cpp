// favor_plus: positive random features of the exponential kernel (FAVOR+, Choromanski et al. 2021,
// lemma 1, symmetric form). With x' = sqrt(tau) x, u = x' W and W [r, m/2] block-orthogonal,
//
//   phi(x) = [exp(u - |x'|^2/2), exp(-u - |x'|^2/2)] / sqrt(m),   E phi(q) . phi(k) = exp(tau q.k).
//
// tau = 1/sqrt(head size before any transform), so that encodings of different widths estimate the
// same kernel as softmax attention. Options: features (m, even, 128), temperature (tau).
#include <array>
#include <cmath>

#include "nn/feature_maps/projection.h"

namespace gradus::detail {
namespace {

class FavorPlus : public ProjectedMap {
 public:
  FavorPlus(const Build& build, int64 width, const PairedOptions& o)
      : ProjectedMap(build, "favor_plus", width, o.features, o.features / 2),
        temperature_(o.temperature) {}

  Features operator()(const Var& x, Side side, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Var scaled = x * std::sqrt(temperature_);
    const Var u = projected(scaled);
    const Var half_norm = sum(square(scaled), {-1}, Keep::yes) * 0.5;
    const std::array<Var, 2> both{u, neg(u)};
    const Var exponent = concat(both, -1) - half_norm;
    return exponentials(exponent, side, Tiny::enlarge, factor());
  }
  std::optional<FeaturesInside> inside(const Var& q, const Var& k, Pass&) const override {
    return exponentials_inside(q, k,
                               {.map = ElementMap::exp_pair,
                                .weight = scaled_projection(q, std::sqrt(temperature_)),
                                .norm = temperature_},
                               Tiny::enlarge, factor());
  }
  bool non_negative() const override { return true; }

 private:
  double factor() const { return 1 / std::sqrt(static_cast<double>(count())); }

  double temperature_;
};

}  // namespace

extern const FeatureMapDef kFavorPlusMap{
    .name = "favor_plus",
    .formula =
        "phi(x) = [e^(u - |x'|^2/2), e^(-u - |x'|^2/2)] / sqrt m, x' = sqrt(tau) x, u = x' W",
    .source = "Choromanski et al. 2021, lemma 1",
    .non_negative = true,
    .stochastic = true,
    .learned = false,
    .options = {kPairedFeaturesOption, kTemperatureOption},
    .make = [](const Build& build, int64 width, int64 head_dim,
               Options& o) -> std::unique_ptr<FeatureMap> {
      return std::make_unique<FavorPlus>(build, width, PairedOptions::read(o, head_dim));
    }};

}  // namespace gradus::detail
