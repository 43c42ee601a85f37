// Coordinates times stripes, and the way back, a row at a time: a row of the table holds F numbers
// c and F numbers s, coordinate d stands beside W = F / D of them, and weights [a | b] turn and
// stretch each stripe. Formulas: pe/stripe_ops.cpp.
#pragma once

#include "pe/kernels/pair_rows.h"

namespace gradus {

/// The rows of one sequence and head. `room` is for stripe_room(stripes) numbers.
template <class T>
struct StripeRows {
  PairRows<T> table;           ///< [c | s]
  const T* weights = nullptr;  ///< [a | b]
  std::int64_t rows = 0, coordinates = 0, stripes = 0;
  T* room = nullptr;
};
/// A copy of every coordinate, a row of results, and the vector that the last of them may spill.
constexpr std::int64_t stripe_room(std::int64_t stripes) { return 3 * stripes + 64; }

/// Gradients, each where it is not null. dx and `own_table` [rows][c, s][F], of a table that nobody
/// shares, are written; what is added to, in f64: `table`, of the same shape, and `weights`
/// [a, b][F].
template <class T>
struct StripeGradients {
  T *x = nullptr, *own_table = nullptr;
  double* table = nullptr;
  double* weights = nullptr;
};

/// What is written is contiguous, in the order [d][w][cos, sin].
template <class T>
struct StripeKernels {
  /// y [rows][2F], or added up over d, [rows][2W].
  void (*modulate)(const StripeRows<T>&, PairRows<T> x, T* y);
  void (*pool)(const StripeRows<T>&, PairRows<T> x, T* y);
  /// g: cotangents of y.
  void (*modulate_back)(const StripeRows<T>&, PairRows<T> x, PairRows<T> g,
                        const StripeGradients<T>&);
  void (*pool_back)(const StripeRows<T>&, PairRows<T> x, PairRows<T> g, const StripeGradients<T>&);
};
struct StripeRowKernels {
  StripeKernels<float> f32;
  StripeKernels<double> f64;

  const StripeKernels<float>& of(float) const { return f32; }
  const StripeKernels<double>& of(double) const { return f64; }
};

GRADUS_DECLARE_KERNELS(StripeRowKernels, stripe_kernels);

}  // namespace gradus
