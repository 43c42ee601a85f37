// favor_plus: positive random features of the exponential kernel (FAVOR+, Choromanski et al. 2021,
// lemma 1, symmetric form). With x' = sqrt(tau) x, u = x' W and W [r, m/2] block-orthogonal,
//
//   phi(x) = [exp(u - |x'|^2/2), exp(-u - |x'|^2/2)] / sqrt(m),   E phi(q) . phi(k) = exp(tau q.k).
//
// tau = 1/sqrt(head size before any transform), so that encodings of different widths estimate the
// same kernel as softmax attention. Options: features (m, even, 128), temperature (tau).
#include <array>
#include <cmath>

#include "nn/feature_maps/common.h"
#include "nn/feature_maps/projection.h"

namespace gradus::detail {
namespace {

class FavorPlus : public FeatureMap {
 public:
  FavorPlus(const Build& build, int64 width, int64 features, double temperature)
      : FeatureMap(build),
        width_(width),
        m_(features),
        temperature_(temperature),
        projection_(buffer("projection", zeros({width, features / 2}, dtype()))) {
    Rng first = rng("projection");
    draw(first);
  }

  Features operator()(const Var& x, Side side, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_shape(x.size(-1) == width_, "favor_plus was built for inputs {} wide, got {}", width_,
                x.shape());
    const Var scaled = x * std::sqrt(temperature_);
    const Var u = matmul(scaled, Var(projection_.value()));
    const Var half_norm = sum(square(scaled), {-1}, Keep::yes) * 0.5;
    const std::array<Var, 2> both{u, neg(u)};
    const Var exponent = concat(both, -1) - half_norm;
    return exponentials(exponent, side, Tiny::enlarge, 1 / std::sqrt(static_cast<double>(m_)));
  }
  int64 features(int64) const override { return m_; }
  bool non_negative() const override { return true; }
  void draw(Rng& rng) override { redraw(projection_, rng); }
  bool stochastic() const override { return true; }

 private:
  int64 width_, m_;
  double temperature_;
  Buffer& projection_;
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
    .make = [](const Build& build, int64 width, int64 head_dim,
               Options& o) -> std::unique_ptr<FeatureMap> {
      const int64 m = o.integer("features", 128, 2, kMaxFeatures);
      const double tau =
          o.real("temperature", 1 / std::sqrt(static_cast<double>(head_dim)), 1e-6, 1e6);
      o.finish();
      check<ConfigError>(m % 2 == 0, "{}: option 'features' is even (they come in pairs), got {}",
                         o.where(), m);
      return std::make_unique<FavorPlus>(build, width, m, tau);
    }};

}  // namespace gradus::detail
