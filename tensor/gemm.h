// The one call of BLAS, for kernels that cut their own blocks (matmul, causal products): row-major
// C = alpha op(A) op(B) + beta C on one thread; callers run it from our own pool.
#pragma once

#include "tensor/dtype.h"

namespace gradus {

enum class Transposed { no, yes };

/// op(A) is m x k, op(B) k x n, C m x n; leads are the distances of rows in memory. With beta = 0
/// nothing is read from C. Sizes and leads are at most 2^31 - 1, checked by the caller; T is float
/// or double.
template <class T>
void gemm(Transposed transposed_a, Transposed transposed_b, int64 m, int64 n, int64 k, T alpha,
          const T* a, int64 lead_a, const T* b, int64 lead_b, T beta, T* c, int64 lead_c);

}  // namespace gradus
