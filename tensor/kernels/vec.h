// Vectors of the level a kernel file is compiled for: Vec<float> holds 4, 8 or 16 numbers. Plain
// operators work on them (compilers know the type), a * b + c becomes one instruction where the
// level has it. Only for .cpp files in a kernels folder. Everything here and in those files stands
// in namespace gradus::GRADUS_LEVEL and they use no templates of the standard library that make
// code: one compiled for AVX-512 must never be linked in where another level runs.
#pragma once

#include <cstdint>
#include <cstring>

// The build defines both, one of them thrice; the defaults are for a lone compiler call.
#ifndef GRADUS_LEVEL
#define GRADUS_LEVEL portable
#define GRADUS_VECTOR_BYTES 16
#endif
#define GRADUS_INLINE [[maybe_unused]] static inline __attribute__((always_inline))

namespace gradus {
namespace GRADUS_LEVEL {

inline constexpr int kVectorBytes = GRADUS_VECTOR_BYTES;
/// Numbers in a vector.
template <class T>
inline constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
struct VecOf {
  typedef T type __attribute__((vector_size(GRADUS_VECTOR_BYTES)));
};
template <class T>
using Vec = typename VecOf<T>::type;

template <class T>
struct WordOf;
template <>
struct WordOf<float> {
  using type = std::int32_t;
};
template <>
struct WordOf<double> {
  using type = std::int64_t;
};
/// The integer as wide as T; comparisons of Vec<T> give Vec<Word<T>> of 0 and -1.
template <class T>
using Word = typename WordOf<T>::type;

template <class T>
GRADUS_INLINE Vec<T> load(const T* p) {
  Vec<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
GRADUS_INLINE void store(T* p, Vec<T> v) {
  std::memcpy(p, &v, sizeof v);
}
/// The first `count` < kLanes numbers; the others are `rest`.
template <class T>
GRADUS_INLINE Vec<T> load_part(const T* p, std::int64_t count, T rest) {
  T all[kLanes<T>];
  for (int i = 0; i < kLanes<T>; ++i) all[i] = i < count ? p[i] : rest;
  return load(all);
}
template <class T>
GRADUS_INLINE void store_part(T* p, Vec<T> v, std::int64_t count) {
  T all[kLanes<T>];
  store(all, v);
  for (std::int64_t i = 0; i < count; ++i) p[i] = all[i];
}
template <class T>
GRADUS_INLINE Vec<T> all_of(T x) {
  return x - Vec<T>{};  // 0 + x would be an addition, for -0
}
/// mask ? a : b, lane by lane
template <class T>
GRADUS_INLINE Vec<T> select(Vec<Word<T>> mask, Vec<T> a, Vec<T> b) {
  return mask ? a : b;
}
/// The sum of the lanes, by halves: one order for every caller.
template <class T>
GRADUS_INLINE T sum_lanes(Vec<T> v) {
  T all[kLanes<T>];
  store(all, v);
  for (int half = kLanes<T> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) all[i] += all[i + half];
  return all[0];
}
/// The largest lane.
template <class T>
GRADUS_INLINE T max_lane(Vec<T> v) {
  T all[kLanes<T>];
  store(all, v);
  for (int half = kLanes<T> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) all[i] = all[i] > all[i + half] ? all[i] : all[i + half];
  return all[0];
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
