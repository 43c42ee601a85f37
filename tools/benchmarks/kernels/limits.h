// Loops that do nothing but what a limit is made of, at each level of the kernels.
#pragma once

#include <cstdint>

#include "tensor/level.h"

namespace gradus {

struct LimitKernels {
  /// Multiply-adds on registers, `steps` rounds of ten vectors; returns how many operations that
  /// was. `sink` holds 0 at first; what it holds then keeps the loop from being dropped.
  double (*multiply_add)(std::int64_t steps, float* sink);
  /// a = b + 0.5 c
  void (*triad)(float* a, const float* b, const float* c, std::int64_t n);
  /// y = e^x
  void (*exponentials)(float* y, const float* x, std::int64_t n);
};

GRADUS_DECLARE_KERNELS(LimitKernels, limit_kernels);

}  // namespace gradus
