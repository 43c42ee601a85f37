// The element maps of linear attention and their slopes, on vectors; for .cpp files in a kernels
// folder.
#pragma once

#include "nn/kernels/linear_attention.h"
#include "tensor/kernels/vec_math.h"

namespace gradus {
namespace GRADUS_LEVEL {

/// elu1: x + 1 where x > 0, else e^x. A NaN passes.
template <class T, ElementMap kMap>
GRADUS_INLINE Vec<T> mapped(Vec<T> x) {
  const Vec<T> zero{};
  if constexpr (kMap == ElementMap::elu1)
    return select<T>(x < zero, zero, x) + vec_exp<T>(select<T>(x < zero, x, zero));
  else if constexpr (kMap == ElementMap::relu)
    return select<T>(x < zero, zero, x);
  else
    return x;
}
/// g map'(x)
template <class T, ElementMap kMap>
GRADUS_INLINE Vec<T> times_slope(Vec<T> g, Vec<T> x) {
  const Vec<T> zero{};
  if constexpr (kMap == ElementMap::elu1)
    return g * vec_exp<T>(select<T>(x < zero, x, zero));
  else if constexpr (kMap == ElementMap::relu)
    return select<T>(x > zero, g, zero);
  else
    return g;
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
