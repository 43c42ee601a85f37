// Passes over rows of any length: whole vectors, then a part of one. Sums over f32 are taken in
// f64, lane by lane, in one order for every caller.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "tensor/kernels/vec.h"

namespace gradus {
namespace GRADUS_LEVEL {

/// Where a pass over a row stands: at a whole vector, or at the last `count` numbers.
struct Whole {};
struct Tail {
  std::int64_t count;
};
template <class T>
GRADUS_INLINE Vec<T> get(const T* p, Whole, T = T(0)) {
  return load(p);
}
template <class T>
GRADUS_INLINE Vec<T> get(const T* p, Tail tail, T rest = T(0)) {
  return load_part(p, tail.count, rest);
}
template <class T>
GRADUS_INLINE void put(T* p, Vec<T> v, Whole) {
  store(p, v);
}
template <class T>
GRADUS_INLINE void put(T* p, Vec<T> v, Tail tail) {
  store_part(p, v, tail.count);
}

/// f(i, size) for the vectors of n numbers of T.
template <class T, class F>
GRADUS_INLINE void each_vector(std::int64_t n, F f) {
  std::int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) f(i, Whole{});
  if (i < n) f(i, Tail{n - i});
}

/// to = from times factor, by vectors: rows are short, and loops of the compiler's begin with
/// tests.
template <class T>
GRADUS_INLINE void scale_row(T* to, const T* from, std::int64_t width, T factor) {
  std::int64_t j = 0;
  for (; j + kLanes<T> <= width; j += kLanes<T>) store(to + j, load(from + j) * factor);
  for (; j < width; ++j) to[j] = from[j] * factor;
}
/// y = f(x); beyond the end f is given `rest`, where it must be defined.
template <class T, class F>
GRADUS_INLINE void map_vectors(const T* x, std::int64_t n, T* y, F f, T rest = T(0)) {
  each_vector<T>(n,
                 [&](std::int64_t i, auto size) { put(y + i, f(get(x + i, size, rest)), size); });
}

typedef float HalfVector __attribute__((vector_size(GRADUS_VECTOR_BYTES / 2)));
/// The two halves of a vector of floats, wide.
struct Wide {
  Vec<double> low, high;
};
// By name of the instructions: of __builtin_convertvector g++ 12 makes twice as many.
GRADUS_INLINE Wide widen(Vec<float> x) {
#if defined(__AVX512DQ__)
  const __m256 low =
      reinterpret_cast<__m256>(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7));
  const __m256 high = _mm512_maskz_extractf32x8_ps(0xff, reinterpret_cast<__m512>(x), 1);
  return {reinterpret_cast<Vec<double>>(_mm512_maskz_cvtps_pd(0xff, low)),
          reinterpret_cast<Vec<double>>(_mm512_maskz_cvtps_pd(0xff, high))};
#elif defined(__AVX2__)
  const __m256 all = reinterpret_cast<__m256>(x);
  return {reinterpret_cast<Vec<double>>(_mm256_cvtps_pd(_mm256_castps256_ps128(all))),
          reinterpret_cast<Vec<double>>(_mm256_cvtps_pd(_mm256_extractf128_ps(all, 1)))};
#elif defined(__SSE2__)
  const __m128 all = reinterpret_cast<__m128>(x);
  return {reinterpret_cast<Vec<double>>(_mm_cvtps_pd(all)),
          reinterpret_cast<Vec<double>>(_mm_cvtps_pd(_mm_movehl_ps(all, all)))};
#else
  HalfVector half[2];
  std::memcpy(half, &x, sizeof x);
  return {__builtin_convertvector(half[0], Vec<double>),
          __builtin_convertvector(half[1], Vec<double>)};
#endif
}

/// A sum of vectors, in f64; it can go on from where `from` stands and be kept by `keep`.
template <class T>
struct WideSum;
template <>
struct WideSum<float> {
  Wide sum = {};
  __attribute__((always_inline)) void add(Vec<float> x) {
    const Wide w = widen(x);
    sum.low += w.low;
    sum.high += w.high;
  }
  __attribute__((always_inline)) double total() const {
    return sum_lanes<double>(sum.low + sum.high);
  }
  __attribute__((always_inline)) static WideSum from(const double* p, Whole) {
    return {{load(p), load(p + kLanes<double>)}};
  }
  __attribute__((always_inline)) static WideSum from(const double* p, Tail tail) {
    double all[kLanes<float>] = {};
    for (std::int64_t i = 0; i < tail.count; ++i) all[i] = p[i];
    return from(all, Whole{});
  }
  __attribute__((always_inline)) void keep(double* p, Whole) const {
    store(p, sum.low);
    store(p + kLanes<double>, sum.high);
  }
  __attribute__((always_inline)) void keep(double* p, Tail tail) const {
    double all[kLanes<float>];
    keep(all, Whole{});
    for (std::int64_t i = 0; i < tail.count; ++i) p[i] = all[i];
  }
};
template <>
struct WideSum<double> {
  Vec<double> sum = {};
  __attribute__((always_inline)) void add(Vec<double> x) { sum += x; }
  __attribute__((always_inline)) double total() const { return sum_lanes<double>(sum); }
  template <class Size>
  __attribute__((always_inline)) static WideSum from(const double* p, Size size) {
    return {get(p, size)};
  }
  template <class Size>
  __attribute__((always_inline)) void keep(double* p, Size size) const {
    put(p, sum, size);
  }
};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
