// exp, log, tanh, sigmoid, softplus, erf, sin and cos of a vector, without tables or branches,
// within 2 ulp of the exact value over the whole range; exact at NaN, the infinities and both
// zeros. Only for files in a kernels folder, like vec.h. The polynomials are minimax fits, made
// with 50 digits; which function each one stands for is said where it is used.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "tensor/kernels/vec.h"

namespace gradus {
namespace GRADUS_LEVEL {

// Unsigned, so that a shift to the right brings in zeros and sums wrap around.
template <class T>
struct BitsOf;
template <>
struct BitsOf<float> {
  typedef std::uint32_t type __attribute__((vector_size(GRADUS_VECTOR_BYTES)));
};
template <>
struct BitsOf<double> {
  typedef std::uint64_t type __attribute__((vector_size(GRADUS_VECTOR_BYTES)));
};
template <class T>
using Bits = typename BitsOf<T>::type;

template <class T>
GRADUS_INLINE Bits<T> bits_of(Vec<T> x) {
  return reinterpret_cast<Bits<T>>(x);
}
template <class T>
GRADUS_INLINE Vec<T> from_bits(Bits<T> x) {
  return reinterpret_cast<Vec<T>>(x);
}

/// What the formulas need to know of a float type, and the polynomials, lowest power first.
template <class T>
struct MathOf;
template <>
struct MathOf<float> {
  using Word = std::uint32_t;
  static constexpr int kMantissa = 23;
  static constexpr Word kBias = 127, kSign = 0x80000000u, kOne = 0x3f800000u;
  static constexpr Word kSqrtHalf = 0x3f3504f3u;
  static constexpr float kInfinity = __builtin_inff(), kNan = __builtin_nanf("");
  static constexpr float kLeastNormal = 0x1p-126f, kLift = 0x1p25f, kLiftedBy = 25;
  // Adding it rounds to a whole number and leaves that in the low bits.
  static constexpr float kRound = 0x1.8p23f, kWhole = 0x1p23f;
  static constexpr float kLog2E = 1.44269504f;
  // n times the first part, which has few bits, is exact.
  static constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440055e-4f;
  static constexpr float kExpLeast = -105, kExpMost = 89, kTanhOne = 20, kErfOne = 4;
  static constexpr float kExp[] = {0.5f,           0.1666666668f,   0.0416664646f,
                                   0.00833331089f, 0.001393368586f, 0.0001989103065f};
  static constexpr float kLog[] = {0.6666666655f, 0.4000012221f, 0.2855077863f, 0.2333161447f};
  static constexpr float kTanh[] = {-0.3333333317f, 0.1333330343f,    -0.05395922856f,
                                    0.02176866633f, -0.008343119639f, 0.002291809421f};
  static constexpr float kErf[] = {0.1283791658f,   -0.3761262667f,  0.1128359472f,
                                   -0.02685421201f, 0.005189087423f, -0.0008016864287f,
                                   7.875875063e-5f};
  static constexpr float kErfc[] = {1.84960551f,       2.63896752f,     0.8431070221f,
                                    0.04156372873f,    -0.01004694518f, 0.002012461712f,
                                    -0.0002897688673f, 2.173153792e-5f};
};
template <>
struct MathOf<double> {
  using Word = std::uint64_t;
  static constexpr int kMantissa = 52;
  static constexpr Word kBias = 1023, kSign = Word{1} << 63, kOne = 0x3ff0000000000000u;
  static constexpr Word kSqrtHalf = 0x3fe6a09e667f3bcdu;
  static constexpr double kInfinity = __builtin_inf(), kNan = __builtin_nan("");
  static constexpr double kLeastNormal = 0x1p-1022, kLift = 0x1p54, kLiftedBy = 54;
  static constexpr double kRound = 0x1.8p52, kWhole = 0x1p52;
  static constexpr double kLog2E = 1.4426950408889634;
  static constexpr double kLn2High = 0x1.62e42fefa2p-1, kLn2Low = 0x1.9ef35793c7673p-41;
  static constexpr double kExpLeast = -746, kExpMost = 710, kTanhOne = 22, kErfOne = 6;
  static constexpr double kExp[] = {0.5,
                                    0.166666666666666713,
                                    0.0416666666666666713,
                                    0.00833333333332611156,
                                    0.00138888888888837308,
                                    0.000198412698749012587,
                                    0.000024801587325605324,
                                    2.7557255297969643e-6,
                                    2.75572735701021401e-7,
                                    2.51052595384484935e-8,
                                    2.09147173417163775e-9};
  static constexpr double kLog[] = {
      0.666666666666666963, 0.399999999998988887, 0.285714286262538364, 0.222222110893794955,
      0.181828924325368707, 0.15331611722055008,  0.146178071534173254};
  static constexpr double kTanh[] = {
      -0.333333333333333315,    0.133333333333330389,      -0.0539682539678938422,
      0.0218694885188735547,    -0.00886323510029706461,   0.00359212171378755487,
      -0.00145577511739837994,  0.000589659170430803341,   -0.000237585840397917228,
      0.0000925615303651674436, -0.0000311902274378155134, 6.47987291895110938e-6};
  static constexpr double kErf[] = {
      0.128379167095512586,    -0.376126389031837483,     0.112837916709548791,
      -0.0268661706450767923,  0.00522397762481801448,    -0.000854832698083379003,
      0.000120553311116427105, -0.0000149255952668311818, 1.64610004841213676e-6,
      -1.63503127010546952e-7, 1.46597752740474363e-8,    -1.13728488567916737e-9,
      5.95717614774891131e-11};
  static constexpr double kErfc[] = {
      1.84960550993324824,      2.63896751423478815,       0.843107256358677115,
      0.0415610980418066739,    -0.0100338253744020976,    0.00197790256790526938,
      -0.000237322481508880906, -0.0000262778748452993488, 0.0000271591117520053871,
      -9.60889990477178941e-6,  2.05977189999901436e-6,    -1.42875463354892484e-7,
      -9.75472760038634647e-8,  5.20378382954210579e-8,    -1.49114501346693429e-8,
      2.86404578005600971e-9,   -3.68250414486388599e-10,  2.88159786884316067e-11,
      -1.03912832772752919e-12};
};

/// c[0] + c[1] x + ...
template <class T, int N>
GRADUS_INLINE Vec<T> polynomial(Vec<T> x, const T (&c)[N]) {
  Vec<T> y = all_of(c[N - 1]);
#pragma GCC unroll 32
  for (int i = N - 2; i >= 0; --i) y = y * x + c[i];
  return y;
}
template <class T>
GRADUS_INLINE Vec<T> absolute(Vec<T> x) {
  return from_bits<T>(bits_of<T>(x) & ~MathOf<T>::kSign);
}
template <class T>
GRADUS_INLINE Vec<T> with_sign_of(Vec<T> size, Vec<T> x) {
  return from_bits<T>(bits_of<T>(size) | (bits_of<T>(x) & MathOf<T>::kSign));
}
/// Whether a lane of a comparison is true.
template <class T>
GRADUS_INLINE bool any(Vec<Word<T>> mask) {
#if defined(__AVX512DQ__)
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask)) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_epi8(reinterpret_cast<__m256i>(mask)) != 0;
#elif defined(__SSE2__)
  return _mm_movemask_epi8(reinterpret_cast<__m128i>(mask)) != 0;
#else
  Word<T> words[kLanes<T>], some = 0;
  std::memcpy(words, &mask, sizeof words);
  for (Word<T> w : words) some |= w;
  return some != 0;
#endif
}

template <class T>
GRADUS_INLINE Vec<T> vec_sqrt(Vec<T> x) {
#if defined(__AVX512F__)
  // Not the plain forms: g++ 12 warns of what its own header leaves undefined there.
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vec<T>>(_mm512_maskz_sqrt_ps(0xffff, reinterpret_cast<__m512>(x)));
  else
    return reinterpret_cast<Vec<T>>(_mm512_maskz_sqrt_pd(0xff, reinterpret_cast<__m512d>(x)));
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vec<T>>(_mm256_sqrt_ps(reinterpret_cast<__m256>(x)));
  else
    return reinterpret_cast<Vec<T>>(_mm256_sqrt_pd(reinterpret_cast<__m256d>(x)));
#elif defined(__SSE2__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vec<T>>(_mm_sqrt_ps(reinterpret_cast<__m128>(x)));
  else
    return reinterpret_cast<Vec<T>>(_mm_sqrt_pd(reinterpret_cast<__m128d>(x)));
#else
  T all[kLanes<T>];
  store(all, x);
  for (T& v : all)
    v = sizeof(T) == 4 ? static_cast<T>(__builtin_sqrtf(static_cast<float>(v)))
                       : static_cast<T>(__builtin_sqrt(static_cast<double>(v)));
  return load(all);
#endif
}

/// x, but no more than `most`; a NaN passes: of two operands one of which is a NaN the instructions
/// give the second.
template <class T>
GRADUS_INLINE Vec<T> at_most(Vec<T> x, T most) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vec<T>>(_mm512_maskz_min_ps(
        0xffff, reinterpret_cast<__m512>(all_of(most)), reinterpret_cast<__m512>(x)));
  else
    return reinterpret_cast<Vec<T>>(_mm512_maskz_min_pd(
        0xff, reinterpret_cast<__m512d>(all_of(most)), reinterpret_cast<__m512d>(x)));
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vec<T>>(
        _mm256_min_ps(reinterpret_cast<__m256>(all_of(most)), reinterpret_cast<__m256>(x)));
  else
    return reinterpret_cast<Vec<T>>(
        _mm256_min_pd(reinterpret_cast<__m256d>(all_of(most)), reinterpret_cast<__m256d>(x)));
#else
  return select<T>(x > most, all_of(most), x);
#endif
}
/// x, but no less than `least`; a NaN passes.
template <class T>
GRADUS_INLINE Vec<T> at_least(Vec<T> x, T least) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vec<T>>(_mm512_maskz_max_ps(
        0xffff, reinterpret_cast<__m512>(all_of(least)), reinterpret_cast<__m512>(x)));
  else
    return reinterpret_cast<Vec<T>>(_mm512_maskz_max_pd(
        0xff, reinterpret_cast<__m512d>(all_of(least)), reinterpret_cast<__m512d>(x)));
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vec<T>>(
        _mm256_max_ps(reinterpret_cast<__m256>(all_of(least)), reinterpret_cast<__m256>(x)));
  else
    return reinterpret_cast<Vec<T>>(
        _mm256_max_pd(reinterpret_cast<__m256d>(all_of(least)), reinterpret_cast<__m256d>(x)));
#else
  return select<T>(x < least, all_of(least), x);
#endif
}

/// y 2^n, rounded once, for the whole number n in the low bits of `shifted` = n + kRound: two
/// factors, for one alone leaves the range.
template <class T>
GRADUS_INLINE Vec<T> scale_by_two_to(Vec<T> y, Vec<T> shifted) {
  using M = MathOf<T>;
  const Vec<T> n = shifted - M::kRound;
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vec<T>>(
        _mm512_maskz_scalef_ps(0xffff, reinterpret_cast<__m512>(y), reinterpret_cast<__m512>(n)));
  else
    return reinterpret_cast<Vec<T>>(
        _mm512_maskz_scalef_pd(0xff, reinterpret_cast<__m512d>(y), reinterpret_cast<__m512d>(n)));
#else
  const Bits<T> round = bits_of<T>(all_of(M::kRound));
  const Bits<T> whole = bits_of<T>(shifted) - round;
  const Bits<T> half = bits_of<T>(n * T(0.5) + M::kRound) - round;
  return y * from_bits<T>((half + M::kBias) << M::kMantissa) *
         from_bits<T>((whole - half + M::kBias) << M::kMantissa);
#endif
}

/// e^x = (1 + rest) 2^n with n = round(x / ln 2) and r = x - n ln 2, rest = e^r - 1.
template <class T>
struct ExpParts {
  Vec<T> rest, shifted;  ///< shifted: n + kRound
};
template <class T>
GRADUS_INLINE ExpParts<T> exp_parts(Vec<T> x) {
  using M = MathOf<T>;
  // Beyond these the result is 0 or inf already.
  x = at_least<T>(at_most<T>(x, M::kExpMost), M::kExpLeast);
  const Vec<T> shifted = x * M::kLog2E + M::kRound, n = shifted - M::kRound;
  const Vec<T> r = (x - n * M::kLn2High) - n * M::kLn2Low;
  return {r + (r * r) * polynomial(r, M::kExp), shifted};
}

/// e^x
template <class T>
GRADUS_INLINE Vec<T> vec_exp(Vec<T> x) {
  const ExpParts<T> e = exp_parts<T>(x);
  return scale_by_two_to<T>(T(1) + e.rest, e.shifted);
}

/// ln x = e ln 2 + ln(1 + f) with 1 + f in [sqrt 1/2, sqrt 2) and ln(1 + f) = 2 atanh(s), s = f /
/// (2
/// + f), arranged so that f, the largest term, comes in last and exact.
template <class T>
GRADUS_INLINE Vec<T> vec_log(Vec<T> x) {
  using M = MathOf<T>;
  const Vec<Word<T>> small = x < M::kLeastNormal;
  const Bits<T> bits = bits_of<T>(select<T>(small, x * M::kLift, x)) + (M::kOne - M::kSqrtHalf);
  const Vec<T> exponent = from_bits<T>((bits >> M::kMantissa) | bits_of<T>(all_of(M::kWhole))) -
                          (M::kWhole + static_cast<T>(M::kBias)) -
                          select<T>(small, all_of(M::kLiftedBy), Vec<T>{});
  const typename M::Word fraction = (typename M::Word{1} << M::kMantissa) - 1;
  const Vec<T> f = from_bits<T>((bits & fraction) + M::kSqrtHalf) - T(1);
  const Vec<T> s = f / (T(2) + f), z = s * s, half_square = T(0.5) * f * f;
  const Vec<T> series = s * (half_square + z * polynomial(z, M::kLog));
  const Vec<T> y = exponent * M::kLn2High - ((half_square - (series + exponent * M::kLn2Low)) - f);
  const Vec<T> edge = select<T>(x == T(0), all_of(-M::kInfinity), all_of(M::kNan));
  return select<T>(x == M::kInfinity, x, select<T>(x > T(0), y, edge));
}

/// ln(1 + x) for x in [0, 1]: the logarithm of the rounded sum, and what the rounding took.
template <class T>
GRADUS_INLINE Vec<T> log_one_plus(Vec<T> x) {
  const Vec<T> sum = T(1) + x;
  return vec_log<T>(sum) + (x - (sum - T(1))) / sum;
}
/// ln(1 + e^x)
template <class T>
GRADUS_INLINE Vec<T> vec_softplus(Vec<T> x) {
  const Vec<T> tail = log_one_plus<T>(vec_exp<T>(-absolute<T>(x)));
  return select<T>(x > T(0), x + tail, tail);
}

/// Near 0 an odd polynomial, else 1 - 2 / (e^(2|x|) + 1).
template <class T>
GRADUS_INLINE Vec<T> vec_tanh(Vec<T> x) {
  using M = MathOf<T>;
  const Vec<T> size = absolute<T>(x), z = size * size;
  const Vec<T> near = size + size * (z * polynomial(z, M::kTanh));
  const Vec<T> held = at_most<T>(size, M::kTanhOne);
  const Vec<T> far = T(1) - T(2) / (vec_exp<T>(held + held) + T(1));
  return with_sign_of<T>(select<T>(size < T(0.625), near, far), x);
}

/// 1/(1 + e^-x) from e = e^-|x| on both sides; what the roundings of e and of 1 + e took away is
/// put back, for the three errors together pass 2 ulp.
template <class T>
GRADUS_INLINE Vec<T> vec_sigmoid(Vec<T> x) {
  const ExpParts<T> parts = exp_parts<T>(-absolute<T>(x));
  const Vec<T> lead = T(1) + parts.rest, lost = parts.rest - (lead - T(1));
  const Vec<T> e = scale_by_two_to<T>(lead, parts.shifted);
  const Vec<T> e_lost = scale_by_two_to<T>(lost, parts.shifted);
  const Vec<T> sum = T(1) + e, sum_lost = (e - (sum - T(1))) + e_lost;
  const Vec<Word<T>> below = x < T(0);
  const Vec<T> y = select<T>(below, e, all_of(T(1))) / sum;
  const Vec<T> inverse = select<T>(below, T(1) - y, y);
  return y + (select<T>(below, e_lost, Vec<T>{}) - y * sum_lost) * inverse;
}

/// Up to 1 an odd polynomial, then 1 - erfc, where ln erfc is a polynomial.
template <class T>
GRADUS_INLINE Vec<T> vec_erf(Vec<T> x) {
  using M = MathOf<T>;
  const Vec<T> size = absolute<T>(x), z = size * size;
  const Vec<T> near = size + size * polynomial(z, M::kErf);
  const Vec<T> held = at_most<T>(size, M::kErfOne);
  const Vec<T> far = T(1) - vec_exp<T>(-polynomial(held - T(1), M::kErfc));
  return with_sign_of<T>(select<T>(size < T(1), near, far), x);
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
