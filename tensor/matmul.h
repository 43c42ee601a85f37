// Batched matrix product through OpenBLAS, which is called single-threaded from our own pool in
// blocks of fixed size: the same bits at any number of threads. Transposed and sliced views are
// taken without a copy where one of the two matrix strides is 1; batch axes broadcast without a
// copy.
#pragma once

#include "tensor/array.h"

namespace gradus {

/// a [..., M, K] times b [..., K, N] -> [..., M, N], batch axes broadcast; f32 or f64.
/// One axis only: a [K] counts as [1, K], b [K] as [K, 1], and that axis goes away again.
Tensor matmul(const Tensor& a, const Tensor& b);
/// The same plus row [N], added to each row of the product; before it leaves the registers, where
/// the product is one of tensor/kernels/product.h. b [..., K, N].
Tensor matmul(const Tensor& a, const Tensor& b, const Tensor& row);
/// The output's shape; ShapeError names both shapes and hints at a missing transpose.
Shape matmul_shape(const Shape& a, const Shape& b);

}  // namespace gradus
