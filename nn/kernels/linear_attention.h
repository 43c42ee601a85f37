// Linear attention of one head, as the kernels see it: with features f = map(q), h = map(k),
//
//   y_m = f_m S_m / (f_m . z_m + eps_m),   S_m = sum h_n v_n^T,   z_m = sum h_n   (n <= m, or all)
//
// or y_m = f_m S_m where eps is null. Turned rows have features [f c, f s] and [h c, h s], with two
// numbers c, s a row (the cosine of a difference of angles, by its identity). Features are computed
// chunk by chunk, forward and backward, and never stored; what a head needs beside its outputs does
// not grow with the number of rows.
#pragma once

#include <cstdint>

#include "nn/element_map.h"
#include "tensor/level.h"

namespace gradus {

/// Rows of numbers that lie side by side, `lead` from row to row (which may be negative).
template <class T>
struct RowsAt {
  T* first = nullptr;
  std::int64_t lead = 0;
};

template <class T>
struct LinearHead {
  std::int64_t queries, keys, features, width;
  Keys keys_seen;  ///< earlier: then there are as many queries as keys
  ElementMap map;
  RowsAt<const T> q, k, v;
  RowsAt<const T> eps;              ///< one number a row; null: no division
  RowsAt<const std::uint8_t> kept;  ///< one byte a key, 0: features of 0; null: all are kept
  RowsAt<const T> q_turn = {}, k_turn = {};  ///< two numbers a row; null: features as they are
};
template <class T>
struct LinearForward {
  LinearHead<T> head;
  RowsAt<T> y;
  T* totals;  ///< [queries], what y was divided by; unused without eps
};
template <class T>
struct LinearBackward {
  LinearHead<T> head;
  RowsAt<const T> g, y;
  const T* totals;
  RowsAt<T> dq, dk, dv;                  ///< null: not wanted
  T* deps;                               ///< [queries]; needed for the others, unused without eps
  RowsAt<T> dq_turn = {}, dk_turn = {};  ///< null: not wanted; need dq and dk
};

/// `scratch` numbers of memory, 64-byte aligned, for one call at a time; turned heads have twice
/// the features of q.
template <class T>
struct LinearKernelsOf {
  std::int64_t (*scratch)(std::int64_t features, std::int64_t width);
  void (*forward)(const LinearForward<T>&, T* scratch);
  void (*backward)(const LinearBackward<T>&, T* scratch);
};
struct LinearKernels {
  LinearKernelsOf<float> f32;
  LinearKernelsOf<double> f64;
  const LinearKernelsOf<float>& of(float) const { return f32; }
  const LinearKernelsOf<double>& of(double) const { return f64; }
};
GRADUS_DECLARE_KERNELS(LinearKernels, kLinearAttention);

}  // namespace gradus
