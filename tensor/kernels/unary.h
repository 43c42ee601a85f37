// y[i] = f(x[i]) for n contiguous numbers, f one of the functions of vec_math.h and vec_trig.h, or
// an activation made of them. y may be x. A number's result does not depend on its place.
#pragma once

#include <cstdint>

#include "tensor/level.h"

namespace gradus {

template <class T>
struct UnaryMaps {
  using Map = void (*)(const T* x, std::int64_t n, T* y);
  Map exp, log, tanh, sigmoid, softplus, erf, sin, cos;
};
struct UnaryKernels {
  UnaryMaps<float> f32;
  UnaryMaps<double> f64;

  const UnaryMaps<float>& of(float) const { return f32; }
  const UnaryMaps<double>& of(double) const { return f64; }
};

GRADUS_DECLARE_KERNELS(UnaryKernels, unary_kernels);

}  // namespace gradus
