#include "nn/feature_maps/projection.h"

#include <cmath>
#include <span>
#include <vector>

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

/// f64 [width, columns]: orthogonal inside a block of `width` columns, independent beside it.
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

}  // namespace

ProjectedMap::ProjectedMap(const Build& build, std::string_view kind, int64 width, int64 features,
                           int64 columns)
    : FeatureMap(build),
      kind_(kind),
      width_(width),
      m_(features),
      projection_(buffer("projection", zeros({width, columns}, dtype()))) {
  Rng first = rng("projection");
  ProjectedMap::draw(first);
}

void ProjectedMap::draw(Rng& rng) {
  const Tensor& old = projection_.value();
  projection_.set(cast(orthogonal_projection(rng, old.size(0), old.size(1)), old.dtype()));
}

void ProjectedMap::check_width(const Var& x) const {
  check_shape(x.size(-1) == width_, "{} was built for inputs {} wide, got {}", kind_, width_,
              x.shape());
}
Var ProjectedMap::projected(const Var& x) const {
  check_width(x);
  return matmul(x, Var(projection_.value()));
}
Var ProjectedMap::scaled_projection(const Var& x, double factor) const {
  check_width(x);
  return Var(mul(projection_.value(), factor));
}

PairedOptions PairedOptions::read(Options& o, int64 head_dim) {
  PairedOptions p;
  p.features = o.integer("features", p.features, 2, kMaxFeatures);
  p.temperature = o.real("temperature", 1 / std::sqrt(static_cast<double>(head_dim)), 1e-6, 1e6);
  check<ConfigError>(p.features % 2 == 0,
                     "{}: option 'features' is even (they come in pairs), got {}", o.where(),
                     p.features);
  return p;
}

}  // namespace gradus::detail
