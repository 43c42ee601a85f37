// Pairs of coordinates turned, or pooled, by rows of cos and sin, and the way back: one pass over
// the rows, nothing beside the result. Formulas: pe/pair_ops.cpp.
#pragma once

#include <cstdint>

#include "tensor/level.h"

namespace gradus {

/// Rows of numbers side by side, in somebody's memory; step 0: one row for all.
template <class T>
struct PairRows {
  const T* at = nullptr;
  std::int64_t step = 0;
};

/// Which rows meet: `pairs` cosines and sines a row; coordinates 2i and 2i + 1 are pair i, or
/// (`half`) i and pairs + i.
template <class T>
struct PairTable {
  PairRows<T> cos, sin;
  std::int64_t rows = 0, pairs = 0;
  bool half = false;
};

/// What is written is contiguous. `sums`, [rows][cos, sin][pairs], are added to.
template <class T>
struct PairKernels {
  /// y = x turned; `back`: by the negated angles, which is the gradient by x for x a cotangent.
  void (*turn)(const PairTable<T>&, PairRows<T> x, bool back, T* y);
  /// The sums inside the turned pairs, and the gradient by x.
  void (*pool)(const PairTable<T>&, PairRows<T> x, T* y);
  void (*pool_back)(const PairTable<T>&, PairRows<T> g, T* dx);
  /// The gradients by cos and sin.
  void (*turn_sums)(const PairTable<T>&, PairRows<T> x, PairRows<T> g, double* sums);
  void (*pool_sums)(const PairTable<T>&, PairRows<T> x, PairRows<T> g, double* sums);
};
struct PairRowKernels {
  PairKernels<float> f32;
  PairKernels<double> f64;

  const PairKernels<float>& of(float) const { return f32; }
  const PairKernels<double>& of(double) const { return f64; }
};

GRADUS_DECLARE_KERNELS(PairRowKernels, pair_kernels);

}  // namespace gradus
