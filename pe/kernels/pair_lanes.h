// Vectors of any number of lanes up to the level's, and rows of pairs read and written as vectors
// of first and of second coordinates; for .cpp files in a kernels folder. Heads are narrow: a row
// of 8 pairs is one half of an AVX-512 vector, and would be all remainder without the narrow ones.
#pragma once

#include "tensor/kernels/vec.h"

namespace gradus {
namespace GRADUS_LEVEL {

template <class T, int kCount>
struct LanesOf {
  typedef T type __attribute__((vector_size(kCount * sizeof(T))));
};
template <class T>
struct LanesOf<T, 1> {
  using type = T;
};
/// kCount numbers, a power of 2; one number is a plain T.
template <class T, int kCount>
using Lanes = typename LanesOf<T, kCount>::type;

template <class T, int kCount>
GRADUS_INLINE Lanes<T, kCount> load_lanes(const T* p) {
  Lanes<T, kCount> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T, int kCount>
GRADUS_INLINE void store_lanes(T* p, Lanes<T, kCount> v) {
  std::memcpy(p, &v, sizeof v);
}

/// to += v in f64, a vector's worth at a time.
template <int kCount, class T>
GRADUS_INLINE void add_lanes(double* to, Lanes<T, kCount> v) {
  if constexpr (kCount == 1) {
    *to += static_cast<double>(v);
  } else if constexpr (kCount * static_cast<int>(sizeof(double)) <= kVectorBytes) {
    using Sums = Lanes<double, kCount>;
    store_lanes<double, kCount>(to,
                                load_lanes<double, kCount>(to) + __builtin_convertvector(v, Sums));
  } else {
    T all[kCount];
    store_lanes<T, kCount>(all, v);
    add_lanes<kCount / 2, T>(to, load_lanes<T, kCount / 2>(all));
    add_lanes<kCount / 2, T>(to + kCount / 2, load_lanes<T, kCount / 2>(all + kCount / 2));
  }
}

/// The numbers of even place (kPart = 0) or odd place (1) in [a b].
template <int kCount, int kPart, class V>
GRADUS_INLINE V every_second(V a, V b) {
  constexpr int p = kPart;
  if constexpr (kCount == 2)
    return __builtin_shufflevector(a, b, p, p + 2);
  else if constexpr (kCount == 4)
    return __builtin_shufflevector(a, b, p, p + 2, p + 4, p + 6);
  else if constexpr (kCount == 8)
    return __builtin_shufflevector(a, b, p, p + 2, p + 4, p + 6, p + 8, p + 10, p + 12, p + 14);
  else
    return __builtin_shufflevector(a, b, p, p + 2, p + 4, p + 6, p + 8, p + 10, p + 12, p + 14,
                                   p + 16, p + 18, p + 20, p + 22, p + 24, p + 26, p + 28, p + 30);
}
/// [a0 b0 a1 b1 ...] of the first half of the lanes (kPart = 0) or the second (1).
template <int kCount, int kPart, class V>
GRADUS_INLINE V woven(V a, V b) {
  constexpr int n = kCount, h = kPart * n / 2;
  if constexpr (n == 2)
    return __builtin_shufflevector(a, b, h, n + h);
  else if constexpr (n == 4)
    return __builtin_shufflevector(a, b, h, n + h, h + 1, n + h + 1);
  else if constexpr (n == 8)
    return __builtin_shufflevector(a, b, h, n + h, h + 1, n + h + 1, h + 2, n + h + 2, h + 3,
                                   n + h + 3);
  else
    return __builtin_shufflevector(a, b, h, n + h, h + 1, n + h + 1, h + 2, n + h + 2, h + 3,
                                   n + h + 3, h + 4, n + h + 4, h + 5, n + h + 5, h + 6, n + h + 6,
                                   h + 7, n + h + 7);
}

/// kCount pairs of a row of `pairs`, from pair i on.
template <class T, int kCount>
struct PairLanes {
  Lanes<T, kCount> first, second;
};
template <class T, int kCount, bool kHalf>
GRADUS_INLINE PairLanes<T, kCount> load_pairs(const T* row, std::int64_t i, std::int64_t pairs) {
  if constexpr (kHalf) {
    return {load_lanes<T, kCount>(row + i), load_lanes<T, kCount>(row + pairs + i)};
  } else if constexpr (kCount == 1) {
    return {row[2 * i], row[2 * i + 1]};
  } else {
    const Lanes<T, kCount> a = load_lanes<T, kCount>(row + 2 * i),
                           b = load_lanes<T, kCount>(row + 2 * i + kCount);
    return {every_second<kCount, 0>(a, b), every_second<kCount, 1>(a, b)};
  }
}
template <class T, int kCount, bool kHalf>
GRADUS_INLINE void store_pairs(T* row, std::int64_t i, std::int64_t pairs, PairLanes<T, kCount> p) {
  if constexpr (kHalf) {
    store_lanes<T, kCount>(row + i, p.first);
    store_lanes<T, kCount>(row + pairs + i, p.second);
  } else if constexpr (kCount == 1) {
    row[2 * i] = p.first;
    row[2 * i + 1] = p.second;
  } else {
    store_lanes<T, kCount>(row + 2 * i, woven<kCount, 0>(p.first, p.second));
    store_lanes<T, kCount>(row + 2 * i + kCount, woven<kCount, 1>(p.first, p.second));
  }
}

/// How many lanes a step of each_lanes has.
template <int kCount>
struct Count {
  static constexpr int value = kCount;
};
/// f(i, Count) for n numbers: whole vectors, then halves of them, down to single numbers.
template <class T, int kCount = kLanes<T>, class F>
GRADUS_INLINE void each_lanes(std::int64_t n, F f, std::int64_t i = 0) {
  for (; i + kCount <= n; i += kCount) f(i, Count<kCount>{});
  if constexpr (kCount > 1)
    if (i < n) each_lanes<T, kCount / 2>(n, f, i);
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
