// One step of Adam on n contiguous numbers of a parameter, each read and written once. Formula:
// train/optimizer.h.
#pragma once

#include <cstdint>

#include "tensor/level.h"

namespace gradus {

template <class T>
struct AdamStep {
  T beta1, beta2;
  T rate;   ///< learning rate / (1 - beta1^t)
  T scale;  ///< 1 / (1 - beta2^t)
  T eps;
  T shrink;  ///< learning rate * weight decay
};
struct AdamKernels {
  void (*f32)(const AdamStep<float>& step, const float* g, std::int64_t n, float* p, float* m,
              float* v);
  void (*f64)(const AdamStep<double>& step, const double* g, std::int64_t n, double* p, double* m,
              double* v);

  auto of(float) const { return f32; }
  auto of(double) const { return f64; }
};

GRADUS_DECLARE_KERNELS(AdamKernels, adam_kernels);

}  // namespace gradus
