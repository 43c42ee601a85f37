// layer_norm and rms_norm over `rows` contiguous rows of n numbers each, forward and back, a
// few rows at a time while they are in the nearest cache. Means and sums over rows are taken in
// f64. Formulas: nn/ops/norms.cpp.
#pragma once

#include <cstdint>

#include "tensor/level.h"

namespace gradus {

template <class T>
struct NormRows {
  /// mean and rstd: one number a row, for the way back.
  void (*layer)(const T* x, const T* gain, const T* bias, double eps, std::int64_t rows,
                std::int64_t n, T* y, T* mean, T* rstd);
  void (*rms)(const T* x, const T* gain, double eps, std::int64_t rows, std::int64_t n, T* y,
              T* rstd);
  using Back = void (*)(const T* x, const T* gain, const T* g, const T* mean, const T* rstd,
                        std::int64_t rows, std::int64_t n, T* dx, double* dgain, double* dbias);
  /// dx is written; the n sums of g xhat and of g are added to. dx null where it is not wanted,
  /// dgain and dbias where neither is; rms_norm has no mean and no bias.
  Back layer_back, rms_back;
};
struct NormKernels {
  NormRows<float> f32;
  NormRows<double> f64;

  const NormRows<float>& of(float) const { return f32; }
  const NormRows<double>& of(double) const { return f64; }
};

GRADUS_DECLARE_KERNELS(NormKernels, norm_kernels);

}  // namespace gradus
