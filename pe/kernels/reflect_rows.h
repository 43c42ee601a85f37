// Rows mirrored in the plane across a vector v, and the sums that the gradient by v is made of.
// Formulas: pe/reflect.cpp.
#pragma once

#include <cstdint>

#include "pe/kernels/pair_rows.h"
#include "tensor/level.h"

namespace gradus {

/// v has `width` numbers, as the rows have; factor = 2 / (v . v).
template <class T>
struct Mirror {
  const T* v = nullptr;
  T factor = 0;
  std::int64_t rows = 0, width = 0;
};

template <class T>
struct ReflectKernels {
  /// y = x - factor (v . x) v, contiguous.
  void (*reflect)(const Mirror<T>&, PairRows<T> x, T* y);
  /// sums [width + 1] += (v . x) g + (v . g) x over the rows and, last, (v . x) (v . g).
  void (*sums)(const Mirror<T>&, PairRows<T> x, PairRows<T> g, double* sums);
};
struct ReflectRowKernels {
  ReflectKernels<float> f32;
  ReflectKernels<double> f64;

  const ReflectKernels<float>& of(float) const { return f32; }
  const ReflectKernels<double>& of(double) const { return f64; }
};

GRADUS_DECLARE_KERNELS(ReflectRowKernels, reflect_kernels);

}  // namespace gradus
