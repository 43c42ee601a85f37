// Elementwise kernels: unary, binary with broadcasting, comparisons, where. Inputs may have any
// strides; outputs are fresh and contiguous. Both inputs of a binary kernel have the same dtype
// (DTypeError names both: nothing is promoted).
#pragma once

#include "tensor/array.h"

namespace gradus {

// f32, f64
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);
Tensor expm1(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);  ///< 1/sqrt(x)
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);   ///< 1/(1+e^-x), without overflow
Tensor softplus(const Tensor& x);  ///< log(1+e^x), without overflow
Tensor erf(const Tensor& x);
Tensor floor(const Tensor& x);
Tensor reciprocal(const Tensor& x);
// f32, f64, i64
Tensor neg(const Tensor& x);
Tensor abs(const Tensor& x);
Tensor sign(const Tensor& x);
Tensor square(const Tensor& x);
Tensor relu(const Tensor& x);

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);  ///< floats; integers are refused
Tensor pow(const Tensor& a, const Tensor& b);  ///< floats
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
// The scalar takes the tensor's dtype.
Tensor add(const Tensor& a, double b);
Tensor mul(const Tensor& a, double b);
Tensor pow(const Tensor& a, double b);
Tensor clamp(const Tensor& x, double low, double high);
/// sum += x of the same shape, f32 or f64, in the sum's own storage: it must be writable.
void add_to(Tensor& sum, const Tensor& x);

// Any dtype -> u8 of 0 and 1.
Tensor equal(const Tensor& a, const Tensor& b);
Tensor not_equal(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor greater(const Tensor& a, const Tensor& b);
Tensor greater_equal(const Tensor& a, const Tensor& b);
Tensor is_finite(const Tensor& x);
// u8 -> u8; any non-zero counts as true.
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& a);

/// condition (u8) ? a : b, all three broadcast.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

/// theta = frequency * label modulo 2 pi, broadcast: computed in f64 and reduced before it is
/// rounded to `dtype`, for an f32 product is 0.03 rad off at label 10^6. Both inputs f32 or f64,
/// not necessarily the same (the one exception).
Tensor phase(const Tensor& frequency, const Tensor& label, DType dtype);

}  // namespace gradus
