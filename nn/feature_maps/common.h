// What the feature maps share: the limit on their size, and exponentials that do not overflow.
#pragma once

#include <cmath>

#include "nn/feature_map.h"
#include "tensor/elementwise.h"

namespace gradus::detail {

/// m itself; ConfigError above kMaxFeatures, which inputs `widest` wide just keep.
inline int64 checked_features(std::string_view map, int64 width, int64 m, int64 widest) {
  check<ConfigError>(m <= kMaxFeatures,
                     "feature map '{}' makes {} features of inputs {} wide; {} is the limit: "
                     "reduce the inputs to {} (more heads, a smaller d_model, an encoding that "
                     "makes them less wide)",
                     map, m, width, kMaxFeatures, widest);
  return m;
}

inline constexpr OptionInfo kTemperatureOption{"temperature", "1/sqrt(head size)", "1e-6 to 1e6",
                                               "tau"};

/// Whether features that are all tiny become larger: a core's eps then counts for less beside them
/// (nn/linear_core.cpp, note [eps and log_scale]).
enum class Tiny { keep, enlarge };

/// factor e^exponent [B,H,N,m], the largest exponent taken out: one number for all keys of a head,
/// one for each query, reported as log_scale. As a function it is the identity, so it takes no part
/// in the gradient.
inline Features exponentials(const Var& exponent, Side side, Tiny tiny, double factor = 1) {
  Tensor largest;
  if (exponent.numel() > 0)
    largest = max(exponent.value(), side == Side::key ? Axes{-2, -1} : Axes{-1}, Keep::yes);
  if (largest.defined() && tiny == Tiny::keep)
    largest = maximum(largest, full({}, 0, largest.dtype()));
  const Var phi = exp(largest.defined() ? exponent - Var(largest) : exponent);
  return {factor == 1 ? phi : phi * factor, largest};
}

/// The same inside linear_attention: the shifts of its queries and keys.
inline FeaturesInside exponentials_inside(const Var& q, const Var& k, RowFeatures rows, Tiny tiny,
                                          double factor = 1) {
  const auto largest = [&](const Var& x, Side side) {
    const Shape shape{x.size(0), x.size(1), side == Side::key ? 1 : x.size(2), 1};
    if (x.numel() == 0) return zeros(shape, x.dtype());
    Tensor found = largest_exponents(x.value(), rows);
    if (side == Side::key) found = max(found, {-2}, Keep::yes);
    return tiny == Tiny::keep ? maximum(found, full({}, 0, x.dtype())) : found;
  };
  const Tensor of_q = largest(q, Side::query), of_k = largest(k, Side::key);
  const double taken = std::log(factor);
  const auto shift = [&](const Tensor& x) { return Var(taken == 0 ? x : add(x, -taken)); };
  rows.q_shift = shift(of_q), rows.k_shift = shift(of_k);
  return {rows, add(of_q, of_k)};
}

}  // namespace gradus::detail
