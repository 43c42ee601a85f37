// favor_plus: positive random features of the exponential kernel (FAVOR+, Choromanski et al. 2021,
// lemma 1, symmetric form). With x' = sqrt(tau) x, u = x' W and W [r, m/2] block-orthogonal,
//
//   phi(x) = [exp(u - |x'|^2/2), exp(-u - |x'|^2/2)] / sqrt(m),   E phi(q) . phi(k) = exp(tau q.k).
//
// tau = 1/sqrt(head size before any transform), so that encodings of different widths estimate the
// same kernel as softmax attention. Options: features (m, even, 128), temperature (tau).
//
// Stabiliser: the largest exponent is taken out of phi, one number for all keys of a head, one for
// each query, and reported as log_scale; as a function it is the identity, so it takes no part in
// the gradient.
#include <array>
#include <cmath>

#include "nn/feature_maps/common.h"
#include "tensor/elementwise.h"

namespace gradus::detail {
namespace {

double dot(std::span<const double> a, std::span<const double> b) {
  double s = 0;
  for (std::size_t i = 0; i < a.size(); ++i) s += a[i] * b[i];
  return s;
}

/// Makes `rows` of `width` numbers each orthogonal and keeps their lengths: Gram-Schmidt, twice,
/// for once loses orthogonality to rounding. The length of a Gaussian row is chi-distributed and
/// does not depend on directions, so that each row stays Gaussian by itself.
void orthogonalise(std::vector<double>& block, std::size_t rows, std::size_t width) {
  const auto row = [&](std::size_t i) { return std::span(block).subspan(i * width, width); };
  std::vector<double> lengths(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::span<double> w = row(i);
    lengths[i] = std::sqrt(dot(w, w));
    for (int pass = 0; pass < 2; ++pass)
      for (std::size_t j = 0; j < i; ++j) {
        const double along = dot(w, row(j));
        for (std::size_t d = 0; d < width; ++d) w[d] -= along * row(j)[d];
      }
    const double rest = std::sqrt(dot(w, w));
    for (double& d : w) d /= rest;
  }
  for (std::size_t i = 0; i < rows; ++i)
    for (double& d : row(i)) d *= lengths[i];
}

/// [width, columns]: blocks of `width` columns, orthogonal inside a block, independent beside it.
Tensor orthogonal_projection(Rng& rng, int64 width, int64 columns) {
  Tensor w = Tensor::empty({width, columns}, DType::f64);
  double* to = w.writable<double>();
  for (int64 first = 0; first < columns; first += width) {
    const int64 count = std::min(width, columns - first);
    std::vector<double> block = normal(rng, {count, width}, 0, 1, DType::f64).to_vector<double>();
    orthogonalise(block, static_cast<std::size_t>(count), static_cast<std::size_t>(width));
    for (int64 i = 0; i < count; ++i)
      for (int64 d = 0; d < width; ++d)
        to[d * columns + first + i] = block[static_cast<std::size_t>(i * width + d)];
  }
  return w;
}

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
    Tensor largest;
    if (exponent.numel() > 0)
      largest = max(exponent.value(), side == Side::key ? Axes{-2, -1} : Axes{-1}, Keep::yes);
    const Var phi = exp(largest.defined() ? exponent - Var(largest) : exponent);
    return {phi * (1 / std::sqrt(static_cast<double>(m_))), largest};
  }
  int64 features(int64) const override { return m_; }
  bool non_negative() const override { return true; }
  void draw(Rng& rng) override {
    projection_.set(cast(orthogonal_projection(rng, width_, m_ / 2), projection_.value().dtype()));
  }
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
