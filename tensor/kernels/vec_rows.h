// Passes over rows of any length: whole vectors, then a part of one. Sums over f32 are taken in
// f64, lane by lane, in one order for every caller.
#pragma once

#include "tensor/kernels/vec.h"

namespace gradus {
namespace GRADUS_LEVEL {

/// Where a pass over a row stands: at a whole vector, or at the last `count` numbers.
struct Whole {};
struct Part {
  std::int64_t count;
};
template <class T>
GRADUS_INLINE Vec<T> get(const T* p, Whole, T = T(0)) {
  return load(p);
}
template <class T>
GRADUS_INLINE Vec<T> get(const T* p, Part part, T rest = T(0)) {
  return load_part(p, part.count, rest);
}
template <class T>
GRADUS_INLINE void put(T* p, Vec<T> v, Whole) {
  store(p, v);
}
template <class T>
GRADUS_INLINE void put(T* p, Vec<T> v, Part part) {
  store_part(p, v, part.count);
}

/// f(i, size) for the vectors of n numbers of T.
template <class T, class F>
GRADUS_INLINE void each_vector(std::int64_t n, F f) {
  std::int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) f(i, Whole{});
  if (i < n) f(i, Part{n - i});
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
GRADUS_INLINE Wide widen(Vec<float> x) {
  HalfVector half[2];
  std::memcpy(half, &x, sizeof x);
  return {__builtin_convertvector(half[0], Vec<double>),
          __builtin_convertvector(half[1], Vec<double>)};
}

/// A sum of vectors, in f64.
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
  __attribute__((always_inline)) static void add_to(double* to, Vec<float> x) {
    const Wide w = widen(x);
    store(to, load(to) + w.low);
    store(to + kLanes<double>, load(to + kLanes<double>) + w.high);
  }
};
template <>
struct WideSum<double> {
  Vec<double> sum = {};
  __attribute__((always_inline)) void add(Vec<double> x) { sum += x; }
  __attribute__((always_inline)) double total() const { return sum_lanes<double>(sum); }
  __attribute__((always_inline)) static void add_to(double* to, Vec<double> x) {
    store(to, load(to) + x);
  }
};

/// to[i] += x[i] in f64, for a vector at i.
template <class T>
GRADUS_INLINE void add_wide(double* to, Vec<T> x, Whole) {
  WideSum<T>::add_to(to, x);
}
template <class T>
GRADUS_INLINE void add_wide(double* to, Vec<T> x, Part part) {
  T all[kLanes<T>];
  store(all, x);
  for (std::int64_t i = 0; i < part.count; ++i) to[i] += static_cast<double>(all[i]);
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
