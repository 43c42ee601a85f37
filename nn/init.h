// Initial values of parameters: functions of a generator and a shape.
#pragma once

#include <cmath>

#include "tensor/random.h"

namespace gradus::init {

/// Uniform in +-sqrt(6 / (in + out)) for a weight [out, in] (Glorot & Bengio 2010).
inline Tensor xavier_uniform(Rng rng, int64 out, int64 in, DType dtype) {
  const double bound = std::sqrt(6.0 / static_cast<double>(in + out));
  return uniform(rng, {out, in}, -bound, bound, dtype);
}
/// Normal with deviation sqrt(2 / in) for a weight [out, in] before a relu (He et al. 2015).
inline Tensor he_normal(Rng rng, int64 out, int64 in, DType dtype) {
  return normal(rng, {out, in}, 0, std::sqrt(2.0 / static_cast<double>(in)), dtype);
}
inline Tensor normal_values(Rng rng, const Shape& shape, double deviation, DType dtype) {
  return normal(rng, shape, 0, deviation, dtype);
}

}  // namespace gradus::init
