// Linear attention of one head, as the kernels see it: with features f = map(q), h = map(k),
//
//   y_m = f_m S_m / (f_m . z_m + eps_m),   S_m = sum h_n v_n^T,   z_m = sum h_n   (n <= m, or all)
//
// or y_m = f_m S_m where eps is null. Turned rows have features [f c, f s] and [h c, h s], with two
// numbers c, s a row (the cosine of a difference of angles, by its identity). With scales s, t of
// queries and keys, f_m . h_n counts e^(s_m + t_n) times (decay). Features are computed
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

/// What makes the features of a row x that are no functions of one number of x each: of
/// u = x W + b (x without W), with numbers s taken out of the exponents,
///
///   exp         e^(u - s - c |x|^2 / 2)
///   exp_pair    [e^(u - s - c |x|^2 / 2), e^(-u - s - c |x|^2 / 2)]
///   cos_sin     a [cos u, sin u]
///   quadratic   [1, x', x'_i^2 / sqrt 2, x'_i x'_j of i < j], x' = a x
///
/// and any other map of u itself. `columns` are those of W, `inputs` without W. W, its transpose
/// and b are padded: their rows have numbers of 0 up to the next multiple of kStagePad.
template <class T>
struct FeatureStage {
  std::int64_t inputs = 0, columns = 0;          ///< 0: none, features are the map of each number
  RowsAt<const T> weight = {}, transposed = {};  ///< [inputs, columns], [columns, inputs]; or null
  const T* bias = nullptr;
  RowsAt<const T> q_shift = {}, k_shift = {};  ///< s, a number a row; null: 0
  T norm = 0, scale = 1;                       ///< c, a
};
inline constexpr std::int64_t kStagePad = 16;

/// How many features a stage makes of `columns` numbers.
inline std::int64_t features_of(ElementMap map, std::int64_t columns) {
  if (map == ElementMap::quadratic) return 1 + columns + columns * (columns + 1) / 2;
  return map == ElementMap::exp_pair || map == ElementMap::cos_sin ? 2 * columns : columns;
}

template <class T>
struct LinearHead {
  std::int64_t queries, keys, features, width;
  Keys keys_seen;  ///< earlier: then there are as many queries as keys
  ElementMap map;
  RowsAt<const T> q, k, v;
  RowsAt<const T> eps;              ///< one number a row; null: no division
  RowsAt<const std::uint8_t> kept;  ///< one byte a key, 0: features of 0; null: all are kept
  RowsAt<const T> q_turn = {}, k_turn = {};  ///< two numbers a row; null: features as they are
  FeatureStage<T> stage = {};
  RowsAt<const double> q_scale = {}, k_scale = {};  ///< one number a row, earlier alone; null: 0
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
  RowsAt<double> dq_scale = {}, dk_scale = {};  ///< the same
  // Of the stage; null: not wanted; need dq and dk. Added to: padded as W and b are.
  RowsAt<T> dweight = {};
  T* dbias = nullptr;
  RowsAt<T> dq_shift = {}, dk_shift = {};  ///< one number a row
};
/// The largest exponent of each row x, before any shift: of u - c |x|^2 / 2, and of -u where the
/// map takes both signs. A NaN is passed over.
template <class T>
struct LargestExponents {
  FeatureStage<T> stage;
  bool both_signs;
  RowsAt<const T> x;
  std::int64_t rows;
  T* to;  ///< [rows]
};

/// `scratch` numbers of memory, 64-byte aligned, for one call at a time; turned heads have twice
/// the features; `inputs` and `columns` of the stage.
template <class T>
struct LinearKernelsOf {
  std::int64_t (*scratch)(std::int64_t features, std::int64_t width, std::int64_t inputs,
                          std::int64_t columns);
  void (*forward)(const LinearForward<T>&, T* scratch);
  void (*backward)(const LinearBackward<T>&, T* scratch);
  void (*largest)(const LargestExponents<T>&, T* scratch);
};
struct LinearKernels {
  LinearKernelsOf<float> f32;
  LinearKernelsOf<double> f64;
  const LinearKernelsOf<float>& of(float) const { return f32; }
  const LinearKernelsOf<double>& of(double) const { return f64; }
};
GRADUS_DECLARE_KERNELS(LinearKernels, kLinearAttention);

}  // namespace gradus
