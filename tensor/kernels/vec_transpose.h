// Transposes of matrices whose sizes are multiples of a vector's lanes; for .cpp files in a kernels
// folder.
#pragma once

#include "tensor/kernels/vec.h"

namespace gradus {
namespace GRADUS_LEVEL {

/// [a0 b0 a1 b1 ...] of the first half of the lanes (kHalf = 0) or the second (1).
template <class T, int kHalf>
GRADUS_INLINE Vec<T> interleaved(Vec<T> a, Vec<T> b) {
  if constexpr (kLanes<T> == 2) {
    return __builtin_shufflevector(a, b, kHalf, 2 + kHalf);
  } else if constexpr (kLanes<T> == 4) {
    constexpr int h = 2 * kHalf;
    return __builtin_shufflevector(a, b, h, 4 + h, 1 + h, 5 + h);
  } else if constexpr (kLanes<T> == 8) {
    constexpr int h = 4 * kHalf;
    return __builtin_shufflevector(a, b, h, 8 + h, 1 + h, 9 + h, 2 + h, 10 + h, 3 + h, 11 + h);
  } else {
    constexpr int h = 8 * kHalf;
    return __builtin_shufflevector(a, b, h, 16 + h, 1 + h, 17 + h, 2 + h, 18 + h, 3 + h, 19 + h,
                                   4 + h, 20 + h, 5 + h, 21 + h, 6 + h, 22 + h, 7 + h, 23 + h);
  }
}

/// kLanes vectors as a square matrix, transposed: log2(kLanes) times, row i is woven with row i +
/// kLanes / 2.
template <class T>
GRADUS_INLINE void transpose_square(Vec<T> (&rows)[kLanes<T>]) {
  constexpr int n = kLanes<T>;
#pragma GCC unroll 4
  for (int step = 1; step < n; step *= 2) {
    Vec<T> woven[n];
#pragma GCC unroll 8
    for (int i = 0; i < n / 2; ++i) {
      woven[2 * i] = interleaved<T, 0>(rows[i], rows[i + n / 2]);
      woven[2 * i + 1] = interleaved<T, 1>(rows[i], rows[i + n / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < n; ++i) rows[i] = woven[i];
  }
}

/// to[c][r] = from[r][c]; both sizes are multiples of kLanes.
template <class T>
static void transpose(T* to, std::int64_t lead_to, const T* from, std::int64_t lead_from,
                      std::int64_t rows, std::int64_t columns) {
  constexpr int n = kLanes<T>;
  for (std::int64_t r = 0; r < rows; r += n)
    for (std::int64_t c = 0; c < columns; c += n) {
      Vec<T> square[n];
#pragma GCC unroll 16
      for (int i = 0; i < n; ++i) square[i] = load(from + (r + i) * lead_from + c);
      transpose_square<T>(square);
#pragma GCC unroll 16
      for (int i = 0; i < n; ++i) store(to + (c + i) * lead_to + r, square[i]);
    }
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
