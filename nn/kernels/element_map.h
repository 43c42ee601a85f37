// The element maps of linear attention and their slopes, on vectors; for .cpp files in a kernels
// folder.
#pragma once

#include <type_traits>

#include "nn/kernels/linear_attention.h"
#include "tensor/kernels/vec_math.h"

namespace gradus {
namespace GRADUS_LEVEL {

/// f(map), where `map` is a constant of the type given to f.
template <class F>
GRADUS_INLINE void with_map(ElementMap map, F f) {
  switch (map) {
    case ElementMap::identity:
      return f(std::integral_constant<ElementMap, ElementMap::identity>());
    case ElementMap::elu1:
      return f(std::integral_constant<ElementMap, ElementMap::elu1>());
    case ElementMap::relu:
      return f(std::integral_constant<ElementMap, ElementMap::relu>());
    case ElementMap::softplus:
      return f(std::integral_constant<ElementMap, ElementMap::softplus>());
    case ElementMap::squared_relu:
      return f(std::integral_constant<ElementMap, ElementMap::squared_relu>());
    case ElementMap::exp:  // nn/kernels/feature_stage.h makes these
    case ElementMap::exp_pair:
    case ElementMap::cos_sin:
    case ElementMap::quadratic:
      return f(std::integral_constant<ElementMap, ElementMap::identity>());
  }
}

/// elu1: x + 1 where x > 0, else e^x. A NaN passes.
template <class T, ElementMap kMap>
GRADUS_INLINE Vec<T> mapped(Vec<T> x) {
  const Vec<T> zero{};
  if constexpr (kMap == ElementMap::elu1)
    return select<T>(x < zero, zero, x) + vec_exp<T>(select<T>(x < zero, x, zero));
  else if constexpr (kMap == ElementMap::relu)
    return select<T>(x < zero, zero, x);
  else if constexpr (kMap == ElementMap::softplus)
    return vec_softplus<T>(x);
  else if constexpr (kMap == ElementMap::squared_relu)
    return select<T>(x < zero, zero, x) * select<T>(x < zero, zero, x);
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
  else if constexpr (kMap == ElementMap::softplus)
    return g * vec_sigmoid<T>(x);
  else if constexpr (kMap == ElementMap::squared_relu)
    return g * (T(2) * select<T>(x < zero, zero, x));
  else
    return g;
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
