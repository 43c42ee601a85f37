// The element maps of linear attention and their slopes, on vectors; for .cpp files in a kernels
// folder.
#pragma once

#include "nn/kernels/linear_attention.h"
#include "tensor/kernels/vec.h"

namespace gradus {
namespace GRADUS_LEVEL {

/// e^x for x <= 0, within 1 ulp: n = round(x / ln 2), e^x = 2^n e^(x - n ln 2), the latter by its
/// Taylor polynomial, 2^n in two factors (one alone leaves the range of normal numbers).
GRADUS_INLINE Vec<float> exp_below_1(Vec<float> x) {
  x = select<float>(x < -105.0f, Vec<float>{} - 105.0f, x);
  const Vec<float> shifted = x * 1.442695041f + 12582912.0f, n = shifted - 12582912.0f;
  const Vec<float> r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  Vec<float> p = r * (1.0f / 5040) + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  const Vec<std::int32_t> whole = (Vec<std::int32_t>)shifted - 0x4b400000;
  const Vec<std::int32_t> half = whole >> 1;
  const Vec<float> a = (Vec<float>)((half + 127) << 23);
  const Vec<float> b = (Vec<float>)((whole - half + 127) << 23);
  return (1.0f + (r + (r * r) * p)) * a * b;
}
GRADUS_INLINE Vec<double> exp_below_1(Vec<double> x) {
  x = select<double>(x < -746.0, Vec<double>{} - 746.0, x);
  const Vec<double> shifted = x * 1.4426950408889634 + 6755399441055744.0;
  const Vec<double> n = shifted - 6755399441055744.0;
  const Vec<double> r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  Vec<double> p = r * (1.0 / 6227020800) + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  const Vec<std::int64_t> whole = (Vec<std::int64_t>)shifted - 0x4338000000000000;
  const Vec<std::int64_t> half = whole >> 1;
  const Vec<double> a = (Vec<double>)((half + 1023) << 52);
  const Vec<double> b = (Vec<double>)((whole - half + 1023) << 52);
  return (1.0 + (r + (r * r) * p)) * a * b;
}

/// elu1: x + 1 where x > 0, else e^x. A NaN passes.
template <class T, ElementMap kMap>
GRADUS_INLINE Vec<T> mapped(Vec<T> x) {
  const Vec<T> zero{};
  if constexpr (kMap == ElementMap::elu1)
    return select<T>(x < zero, zero, x) + exp_below_1(select<T>(x < zero, x, zero));
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
    return g * exp_below_1(select<T>(x < zero, x, zero));
  else if constexpr (kMap == ElementMap::relu)
    return select<T>(x > zero, g, zero);
  else
    return g;
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
