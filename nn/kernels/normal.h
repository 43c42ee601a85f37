// The normal distribution on vectors, whose tail keeps its relative precision: for a >= 0
//   1 - Phi(a) = e^(-a^2/2) q P(a q - d),  q = 1 / (a + c),
// P a minimax polynomial made with 50 digits. GELU and its slope are made of these parts; for .cpp
// files in a kernels folder.
#pragma once

#include "tensor/kernels/vec_math.h"

namespace gradus {
namespace GRADUS_LEVEL {

/// c, d (where rounding needs it), from where on the tail is 0, and the polynomials, lowest power
/// first.
template <class T>
struct NormalOf;
template <>
struct NormalOf<float> {
  static constexpr float kOffset = 2.5f, kCentre = 0, kMost = 14.5f;
  /// e^(-r/2) = 1 + r (kBell[0] + kBell[1] r + ...) for |r| <= ln 2
  static constexpr float kBell[] = {-0.500000019f,   0.1249999825f,   -0.0208330033f,
                                    0.002604261417f, -0.00026176858f, 2.162553986e-5f};
  static constexpr float kTail[] = {1.250000019f,   -1.243393545f,  0.1696332375f, 0.2916362527f,
                                    0.05714022437f, -0.1528548997f, 0.1433029695f, -0.3187660215f,
                                    0.2827628172f,  -0.08052100158f};
};
template <>
struct NormalOf<double> {
  static constexpr double kOffset = 3.5, kCentre = 0.5, kMost = 39;
  static constexpr double kBell[] = {-0.5,
                                     0.125,
                                     -0.0208333333333333336,
                                     0.00260416666666667044,
                                     -0.000260416666666663105,
                                     0.0000217013888888405513,
                                     -1.55009920637332238e-6,
                                     9.68812006809428943e-8,
                                     -5.38228883429857872e-9,
                                     2.691136023316266e-10,
                                     -1.22325840537964866e-11,
                                     5.10916109265831009e-13,
                                     -1.95603866587519892e-14};
  static constexpr double kTail[] = {
      0.744416075435938129,    -1.13112363210755798,   1.2616998795518083,
      -0.928407429712627506,   0.278525321633129391,   0.207239005435939319,
      -0.204102467119048942,   -0.0569616576034149635, 0.122024218986900087,
      0.0343210143981731356,   -0.0773987068533186908, -0.0384796544311113218,
      0.04713129444808648,     0.0463003822456540751,  -0.019088263727453771,
      -0.0484687385970351628,  -0.0093865358496760668, 0.0385861235649637024,
      0.0325024807091798371,   -0.015781431307822258,  -0.0381751502902667536,
      -0.00812862700774486777, 0.0206877964938742585,  0.0125580339753957235};
};

/// x^2 - square: what rounding took from x^2.
template <class T>
GRADUS_INLINE Vec<T> rest_of_square(Vec<T> x, Vec<T> square) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vec<T>>(_mm512_maskz_fmsub_ps(0xffff, reinterpret_cast<__m512>(x),
                                                          reinterpret_cast<__m512>(x),
                                                          reinterpret_cast<__m512>(square)));
  else
    return reinterpret_cast<Vec<T>>(_mm512_maskz_fmsub_pd(0xff, reinterpret_cast<__m512d>(x),
                                                          reinterpret_cast<__m512d>(x),
                                                          reinterpret_cast<__m512d>(square)));
#elif defined(__FMA__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vec<T>>(_mm256_fmsub_ps(reinterpret_cast<__m256>(x),
                                                    reinterpret_cast<__m256>(x),
                                                    reinterpret_cast<__m256>(square)));
  else
    return reinterpret_cast<Vec<T>>(_mm256_fmsub_pd(reinterpret_cast<__m256d>(x),
                                                    reinterpret_cast<__m256d>(x),
                                                    reinterpret_cast<__m256d>(square)));
#else
  using M = MathOf<T>;
  // The upper half of the digits, whose square is exact.
  const typename M::Word lower = (typename M::Word{1} << (M::kMantissa / 2 + 1)) - 1;
  const Vec<T> upper = from_bits<T>(bits_of<T>(x) & ~lower);
  return (upper * upper - square) + (x - upper) * (x + upper);
#endif
}

/// Of a = min(|x|, kMost): e^(-a^2/2), and q and P of the tail.
template <class T>
struct NormalParts {
  Vec<T> a, bell, q, p;
};
template <class T>
GRADUS_INLINE NormalParts<T> normal_parts(Vec<T> x) {
  using M = MathOf<T>;
  using N = NormalOf<T>;
  const Vec<T> a = at_most<T>(absolute<T>(x), N::kMost);
  // e^(-a^2/2) = 2^n e^(-r/2), r = a^2 + 2 n ln 2, where the square is taken with its rest.
  const Vec<T> square = a * a, shifted = square * (M::kLog2E * T(-0.5)) + M::kRound;
  const Vec<T> n = shifted - M::kRound;
  const Vec<T> r =
      ((square + n * (2 * M::kLn2High)) + n * (2 * M::kLn2Low)) + rest_of_square<T>(a, square);
  const Vec<T> q = T(1) / (a + N::kOffset);
  return {a, scale_by_two_to<T>(T(1) + r * polynomial(r, N::kBell), shifted), q,
          polynomial(a * q - N::kCentre, N::kTail)};
}

/// x Phi(x), within 5 ulp for every x.
template <class T>
GRADUS_INLINE Vec<T> vec_gelu(Vec<T> x) {
  const NormalParts<T> of = normal_parts<T>(x);
  return at_least<T>(x, T(0)) - (of.a * of.q * of.p) * of.bell;
}
/// Its derivative Phi(x) + x phi(x): the tail of the sum on the left, 1 minus that on the right.
template <class T>
GRADUS_INLINE Vec<T> vec_gelu_slope(Vec<T> x) {
  const NormalParts<T> of = normal_parts<T>(x);
  constexpr T kInvSqrt2Pi = static_cast<T>(0.39894228040143268);
  const Vec<T> left = of.bell * (of.q * of.p - of.a * kInvSqrt2Pi);
  return select<T>(x < T(0), left, T(1) - left);
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
