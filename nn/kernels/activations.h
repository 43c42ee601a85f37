// Activations and element losses over n contiguous numbers, forward and back. Formulas: the ops
// that call them (nn/ops).
#pragma once

#include <cstdint>

#include "tensor/level.h"

namespace gradus {

template <class T>
struct ActivationMaps {
  using Map = void (*)(const T* x, std::int64_t n, T* y);
  using Back = void (*)(const T* x, const T* g, std::int64_t n, T* dx);
  Map gelu, silu, elu1;
  Back gelu_back, silu_back;
  /// w t a + (1-t) b of bce_with_logits.
  void (*bce)(const T* x, const T* target, T weight, T gamma, std::int64_t n, T* y);
  /// dx, dtarget: null where not wanted.
  void (*bce_back)(const T* x, const T* target, const T* g, T weight, T gamma, std::int64_t n,
                   T* dx, T* dtarget);
};
struct ActivationKernels {
  ActivationMaps<float> f32;
  ActivationMaps<double> f64;

  const ActivationMaps<float>& of(float) const { return f32; }
  const ActivationMaps<double>& of(double) const { return f64; }
};

GRADUS_DECLARE_KERNELS(ActivationKernels, activation_kernels);

}  // namespace gradus
