// One pass of the way back through an elementwise function: y is its value, g the cotangent, of one
// dtype, f32 or f64; strides and broadcasting as in elementwise.h.
#pragma once

#include "tensor/array.h"

namespace gradus {

Tensor tanh_gradient(const Tensor& y, const Tensor& g);     ///< g (1 - y^2)
Tensor sigmoid_gradient(const Tensor& y, const Tensor& g);  ///< g y (1 - y)

}  // namespace gradus
