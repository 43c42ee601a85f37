// What the feature maps share: the limit on their size, and exponentials that do not overflow.
#pragma once

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

}  // namespace gradus::detail
