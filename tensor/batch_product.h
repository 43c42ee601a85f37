// The products of a batch of matrices, for matmul: the kernel of tensor/kernels/product.h computes
// those of small and middle size, BLAS the others. Which one it is depends on sizes, layout and
// level alone, and so do the blocks of BLAS: the bits do not depend on the number of threads.
#pragma once

#include "tensor/array.h"
#include "tensor/gemm.h"

namespace gradus {

/// How a matrix lies in memory: rows `lead` apart, or columns `lead` apart if transposed.
struct Layout {
  bool usable = false;
  Transposed transposed = Transposed::no;
  int64 lead = 1;

  bool turned() const { return transposed == Transposed::yes; }
};

/// out [batch..., m, n] = a [..., m, k] b [..., k, n], plus `row` [n] where that is defined: batch
/// axes broadcast, row and out are contiguous, and no size is 0.
struct BatchProduct {
  Tensor a, b, row;
  Layout layout_a, layout_b;
  Shape batch;
  int64 m, n, k;
};

/// T is float or double.
template <class T>
void multiply(BatchProduct product, T* out);

}  // namespace gradus
