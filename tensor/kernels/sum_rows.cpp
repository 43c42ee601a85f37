#include "tensor/kernels/sum_rows.h"

#include "tensor/kernels/vec_rows.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

using N = std::int64_t;

/// kVectors vectors of columns; of the last one `size` numbers.
template <class T, int kVectors, class Size>
GRADUS_INLINE void sum_columns(const T* x, N lead, N rows, T* total, Size size) {
  constexpr int kLane = kLanes<T>;
  Vec<T> all[kVectors] = {};
  for (N begin = 0; begin < rows; begin += kSumBlock) {
    const N end = begin + kSumBlock < rows ? begin + kSumBlock : rows;
    Vec<T> block[kVectors] = {};
    for (N r = begin; r < end; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) block[v] += get(x + r * lead + v * kLane, size);
    }
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) all[v] += block[v];
  }
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) put(total + v * kLane, all[v], size);
}

template <class T>
void sum_rows(const T* x, N lead, N rows, N columns, T* total) {
  constexpr int kMost = kVectorBytes == 64 ? 16 : 8, kFew = 4;
  N c = 0;
  for (; c + kMost * kLanes<T> <= columns; c += kMost * kLanes<T>)
    sum_columns<T, kMost>(x + c, lead, rows, total + c, Whole{});
  for (; c + kFew * kLanes<T> <= columns; c += kFew * kLanes<T>)
    sum_columns<T, kFew>(x + c, lead, rows, total + c, Whole{});
  for (; c + kLanes<T> <= columns; c += kLanes<T>)
    sum_columns<T, 1>(x + c, lead, rows, total + c, Whole{});
  if (c < columns) sum_columns<T, 1>(x + c, lead, rows, total + c, Tail{columns - c});
}

}  // namespace

extern const SumRowsKernels sum_rows_kernels = {sum_rows<float>, sum_rows<double>};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
