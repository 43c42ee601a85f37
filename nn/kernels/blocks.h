// Small matrix products on scratch memory, for .cpp files in a kernels folder: rows
// are `lead` apart, and sizes are rounded up by the caller, who fills what is beyond with zeros.
//
//   product   C (=, +=) A1 B1 + A2 B2,   C and B in vectors along their rows, A one number at a
//   time
//
// A block of C of kBlockRows rows and two vectors stays in registers while it is summed.
#pragma once

#include "tensor/kernels/vec_transpose.h"

namespace gradus {
namespace GRADUS_LEVEL {

/// Rows of a block: two accumulators each, as many as the level has registers for.
inline constexpr int kBlockRows = kVectorBytes == 64 ? 8 : 4;
/// What rows and columns are rounded up to.
template <class T>
inline constexpr std::int64_t kBlockPad = kLanes<T> < 8 ? 8 : kLanes<T>;
template <class T>
GRADUS_INLINE std::int64_t padded(std::int64_t n) {
  return (n + kBlockPad<T> - 1) / kBlockPad<T> * kBlockPad<T>;
}

/// A (any strides) and B (rows `lead_b` apart), summed over `depth`.
template <class T>
struct Factors {
  const T* a;
  std::int64_t row_a, column_a;
  const T* b;
  std::int64_t lead_b, depth;
};

/// Which part of A1 is not 0, and, with lower_result, which part of C is wanted.
enum class Part { all, lower, upper, lower_result };
enum class Store { over, add };

template <class T, int kRows, int kVectors>
GRADUS_INLINE void sum_block(Vec<T> (&sum)[kRows][kVectors], const Factors<T>& f, std::int64_t row,
                             std::int64_t column, std::int64_t begin, std::int64_t end) {
  const T* a = f.a + row * f.row_a + begin * f.column_a;
  const T* b = f.b + begin * f.lead_b + column;
  const std::int64_t step_row = f.row_a, step_a = f.column_a, step_b = f.lead_b;
  for (std::int64_t k = begin; k < end; ++k, a += step_a, b += step_b) {
    Vec<T> vb[kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) vb[j] = load(b + j * kLanes<T>);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const T x = a[i * step_row];
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) sum[i][j] += vb[j] * x;
    }
  }
}

template <class T, int kVectors>
GRADUS_INLINE void product_block(T* c, std::int64_t lead_c, const Factors<T>& first,
                                 const Factors<T>& second, Part part, Store mode, std::int64_t row,
                                 std::int64_t column) {
  constexpr int kRows = kBlockRows;
  Vec<T> sum[kRows][kVectors];
  T* const to = c + row * lead_c + column;
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j)
      sum[i][j] = mode == Store::add ? load(to + i * lead_c + j * kLanes<T>) : Vec<T>{};
  const std::int64_t diagonal = row + kRows;
  const std::int64_t begin = part == Part::upper ? row : 0;
  const std::int64_t end = part == Part::lower && diagonal < first.depth ? diagonal : first.depth;
  sum_block<T, kRows, kVectors>(sum, first, row, column, begin, end);
  if (second.depth > 0) sum_block<T, kRows, kVectors>(sum, second, row, column, 0, second.depth);
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) store(to + i * lead_c + j * kLanes<T>, sum[i][j]);
}

/// `rows` is a multiple of kBlockRows, `columns` one of kLanes.
template <class T>
static void product(T* c, std::int64_t lead_c, std::int64_t rows, std::int64_t columns, Part part,
                    Store mode, const Factors<T>& first, const Factors<T>& second = {}) {
  constexpr std::int64_t kLane = kLanes<T>;
  for (std::int64_t column = 0; column < columns;) {
    const bool two = column + 2 * kLane <= columns;
    // Blocks wholly to the right of the diagonal are left as they are.
    const std::int64_t first_row =
        part == Part::lower_result ? column / kBlockRows * kBlockRows : 0;
    for (std::int64_t row = first_row; row < rows; row += kBlockRows) {
      if (two)
        product_block<T, 2>(c, lead_c, first, second, part, mode, row, column);
      else
        product_block<T, 1>(c, lead_c, first, second, part, mode, row, column);
    }
    column += two ? 2 * kLane : kLane;
  }
}

/// The sums of the lanes of kLanes vectors, as one vector.
template <class T>
GRADUS_INLINE Vec<T> sums_of(Vec<T> (&rows)[kLanes<T>]) {
  transpose_square<T>(rows);
  Vec<T> sum = rows[0];
#pragma GCC unroll 16
  for (int i = 1; i < kLanes<T>; ++i) sum += rows[i];
  return sum;
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
