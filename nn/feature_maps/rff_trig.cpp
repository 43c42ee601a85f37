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

#include "nn/feature_maps/common.h"
#include "nn/feature_maps/projection.h"

namespace gradus::detail {
namespace {

class RffTrig : public FeatureMap {
 public:
  RffTrig(const Build& build, int64 width, int64 features, double temperature)
      : FeatureMap(build),
        width_(width),
        m_(features),
        temperature_(temperature),
        projection_(buffer("projection", zeros({width, features / 2}, dtype()))) {
    Rng first = rng("projection");
    draw(first);
  }

  Features operator()(const Var& x, Side, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_shape(x.size(-1) == width_, "rff_trig was built for inputs {} wide, got {}", width_,
                x.shape());
    const Var u = matmul(x * std::sqrt(temperature_), Var(projection_.value()));
    const std::array<Var, 2> both{cos(u), sin(u)};
    return {concat(both, -1) * std::sqrt(2 / static_cast<double>(m_)), {}};
  }
  int64 features(int64) const override { return m_; }
  bool non_negative() const override { return false; }
  void draw(Rng& rng) override { redraw(projection_, rng); }
  bool stochastic() const override { return true; }

 private:
  int64 width_, m_;
  double temperature_;
  Buffer& projection_;
};

}  // namespace

extern const FeatureMapDef kRffTrigMap{
    .name = "rff_trig",
    .formula = "phi(x) = sqrt(2/m) [cos u, sin u], u = sqrt(tau) x W",
    .source = "Rahimi & Recht 2007; Peng et al. 2021",
    .non_negative = false,
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
      return std::make_unique<RffTrig>(build, width, m, tau);
    }};

}  // namespace gradus::detail
