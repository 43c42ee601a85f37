// Sums over the rows of a matrix, as many columns side by side as the level has registers for. An
// element of the sum is made in one order at every level: blocks of kSumBlock rows from 0 up, and
// the blocks in order (tensor/reduce_rows.h does the same by plain loops).
#pragma once

#include <cstdint>

#include "tensor/level.h"

namespace gradus {

inline constexpr std::int64_t kSumBlock = 64;

/// total[c] = sum over r of x[r * lead + c], for rows >= 0 and columns > 0.
template <class T>
using SumRows = void (*)(const T* x, std::int64_t lead, std::int64_t rows, std::int64_t columns,
                         T* total);

struct SumRowsKernels {
  SumRows<float> f32;
  SumRows<double> f64;

  SumRows<float> of(float) const { return f32; }
  SumRows<double> of(double) const { return f64; }
};

GRADUS_DECLARE_KERNELS(SumRowsKernels, sum_rows_kernels);

}  // namespace gradus
