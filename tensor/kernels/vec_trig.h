// sin and cos of a vector within 2 ulp for every argument: x = n pi/2 + r by three parts of pi/2
// (Cody and Waite), whose first two have few enough bits that n times them is exact; lanes too
// large for that ask the C library. Numbers of f32 are reduced, and the polynomials taken, in f64.
#pragma once

#include "tensor/kernels/vec_math.h"
#include "tensor/kernels/vec_rows.h"

namespace gradus {
namespace GRADUS_LEVEL {

inline constexpr double kTwoOverPi = 0.63661977236758134;
// sin r = r + r z S(z), cos r = 1 - z/2 + z^2 C(z) with z = r^2, up to pi/4.
inline constexpr double kSin[] = {-0.166666666666666657,    0.00833333333333333148,
                                  -0.000198412698412650518, 2.75573192193298795e-6,
                                  -2.5052106229222596e-8,   1.60585311079428053e-10,
                                  -7.58666700020830624e-13};
inline constexpr double kCos[] = {0.0416666666666666644,    -0.00138888888888873932,
                                  0.0000248015872987600479, -2.75573172688053906e-7,
                                  2.08761456590593437e-9,   -1.13825885353525218e-11};
// The same to the precision of f32.
inline constexpr double kSinShort[] = {-0.166666666638496747, 0.00833333187252686437,
                                       -0.000198400855561953475, 2.72497729411518183e-6};
inline constexpr double kCosShort[] = {0.0416666646564969947, -0.00138883024518731074,
                                       0.0000245478159284341315};

/// The one of sin r and cos r that quadrant n asks for, with its sign.
template <bool kCosine>
GRADUS_INLINE Vec<double> of_quadrant(Bits<double> n, Vec<double> sine, Vec<double> cosine) {
  if (kCosine) n += std::uint64_t{1};
  const Vec<Word<double>> odd = (n & std::uint64_t{1}) != std::uint64_t{0};
  const Bits<double> sign = (n & std::uint64_t{2}) << 62;
  return from_bits<double>(bits_of<double>(select<double>(odd, cosine, sine)) ^ sign);
}

/// Half a vector of floats, as wide numbers: good below 2^28.
template <bool kCosine>
GRADUS_INLINE Vec<double> sin_cos_short(Vec<double> x) {
  const double kPart1 = 0x1.921fb5p+0, kPart2 = 0x1.110b46p-26, kPart3 = 0x1.1a62633145c07p-54;
  const Vec<double> shifted = x * kTwoOverPi + MathOf<double>::kRound;
  const Vec<double> n = shifted - MathOf<double>::kRound;
  const Vec<double> r = ((x - n * kPart1) - n * kPart2) - n * kPart3, z = r * r;
  return of_quadrant<kCosine>(bits_of<double>(shifted), r + r * (z * polynomial(z, kSinShort)),
                              (1.0 - 0.5 * z) + (z * z) * polynomial(z, kCosShort));
}

/// The two parts of a + b: what was rounded, and what that took.
template <class T>
GRADUS_INLINE void exact_sum(Vec<T> a, Vec<T> b, Vec<T>& sum, Vec<T>& lost) {
  sum = a + b;
  const Vec<T> of_b = sum - a;
  lost = (a - (sum - of_b)) + (b - of_b);
}

template <bool kCosine>
GRADUS_INLINE float library_sin_cos(float x) {
  return kCosine ? __builtin_cosf(x) : __builtin_sinf(x);
}
template <bool kCosine>
GRADUS_INLINE double library_sin_cos(double x) {
  return kCosine ? __builtin_cos(x) : __builtin_sin(x);
}
/// Takes the lanes of `mask` from the C library.
template <class T, bool kCosine>
__attribute__((noinline, cold)) static void patch_lanes(const T* x, const Word<T>* mask, T* y) {
  for (int i = 0; i < kLanes<T>; ++i)
    if (mask[i]) y[i] = library_sin_cos<kCosine>(x[i]);
}
template <class T, bool kCosine>
GRADUS_INLINE Vec<T> patched(Vec<T> y, Vec<T> x, Vec<Word<T>> mask) {
  if (__builtin_expect(any<T>(mask), false)) {
    T from[kLanes<T>], to[kLanes<T>];
    Word<T> wanted[kLanes<T>];
    store(from, x);
    store(to, y);
    std::memcpy(wanted, &mask, sizeof wanted);
    patch_lanes<T, kCosine>(from, wanted, to);
    y = load(to);
  }
  return y;
}

template <bool kCosine>
GRADUS_INLINE Vec<float> sin_cos(Vec<float> x) {
  const Wide wide = widen(x);
  const HalfVector half[2] = {
      __builtin_convertvector(sin_cos_short<kCosine>(wide.low), HalfVector),
      __builtin_convertvector(sin_cos_short<kCosine>(wide.high), HalfVector)};
  Vec<float> y;
  std::memcpy(&y, half, sizeof y);
  return patched<float, kCosine>(y, x, absolute<float>(x) > 0x1p28f);
}

template <bool kCosine>
GRADUS_INLINE Vec<double> sin_cos(Vec<double> x) {
  const double kPart1 = 0x1.921fb544p+0, kPart2 = 0x1.0b4611a6p-34, kPart3 = 0x1.3198a2e037073p-69;
  const Vec<double> shifted = x * kTwoOverPi + MathOf<double>::kRound;
  const Vec<double> n = shifted - MathOf<double>::kRound;
  Vec<double> sum, lost, r, rest;
  exact_sum<double>(x - n * kPart1, -(n * kPart2), sum, lost);
  exact_sum<double>(sum, lost - n * kPart3, r, rest);
  const Vec<double> z = r * r, half = 0.5 * z, head = 1.0 - half;
  const Vec<double> sine = r + (r * (z * polynomial(z, kSin)) + rest * head);
  const Vec<double> cosine =
      head + (((1.0 - head) - half) + ((z * z) * polynomial(z, kCos) - r * rest));
  // Close to a multiple of pi/2 the three parts are too short as well.
  const Vec<Word<double>> hard =
      (absolute<double>(x) > 0x1p20) | ((absolute<double>(r) < 0x1p-40) & (n != 0.0));
  return patched<double, kCosine>(of_quadrant<kCosine>(bits_of<double>(shifted), sine, cosine), x,
                                  hard);
}

template <class T>
GRADUS_INLINE Vec<T> vec_sin(Vec<T> x) {
  // The sum of parts of -0 is +0.
  return select<T>(x == T(0), x, sin_cos<false>(x));
}
template <class T>
GRADUS_INLINE Vec<T> vec_cos(Vec<T> x) {
  return sin_cos<true>(x);
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
