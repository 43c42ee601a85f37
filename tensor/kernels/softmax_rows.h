// softmax and its kin over `rows` contiguous rows of n numbers each. Every row's largest element is
// taken off first, so that no exponential overflows; sums are taken in f64.
#pragma once

#include <cstdint>

#include "tensor/level.h"

namespace gradus {

template <class T>
struct SoftmaxRows {
  using Map = void (*)(const T* x, std::int64_t rows, std::int64_t n, T* y);
  /// y may be x.
  Map softmax, log_softmax;
  /// Of one row; n = 0 gives -inf.
  double (*logsumexp)(const T* x, std::int64_t n);
  /// dx = y (g - sum g y)
  void (*softmax_back)(const T* y, const T* g, std::int64_t rows, std::int64_t n, T* dx);
  /// y = factor (e^(x - shift) - less), of one row
  void (*scaled_exp)(const T* x, T shift, T factor, T less, std::int64_t n, T* y);
};
struct SoftmaxKernels {
  SoftmaxRows<float> f32;
  SoftmaxRows<double> f64;

  const SoftmaxRows<float>& of(float) const { return f32; }
  const SoftmaxRows<double>& of(double) const { return f64; }
};

GRADUS_DECLARE_KERNELS(SoftmaxKernels, softmax_kernels);

}  // namespace gradus
