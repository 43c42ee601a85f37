// The differentiable ops of nn/: fused layers and losses, each tied by the generic suite to a
// reference of plain ops.
#pragma once

#include <optional>
#include <string_view>

#include "autograd/op.h"
#include "autograd/ops.h"
#include "nn/element_map.h"

namespace gradus {

/// y = x W^T + b: x [..., in], W [out, in], b [out].
Var linear(At x, const Var& weight, const Var& bias);
/// y = (x - mean) / sqrt(var + eps) * gain + bias over the last axis (Ba et al. 2016). gain, bias
/// [C].
Var layer_norm(At x, const Var& gain, const Var& bias, double eps = 1e-5);
/// y = x / sqrt(mean x^2 + eps) * gain over the last axis (Zhang & Sennrich 2019).
Var rms_norm(At x, const Var& gain, double eps = 1e-6);
/// y = x Phi(x), exact (Hendrycks & Gimpel 2016).
Var gelu(At x);
/// y = x sigmoid(x).
Var silu(At x);
/// y = x + 1 where x > 0, else e^x: the feature map elu(x) + 1 (Katharopoulos et al. 2020).
Var elu1(At x);
/// Per element: -[w t (1-p)^gamma ln p + (1-t) p^gamma ln(1-p)], p = sigmoid(x); w: positive
/// weight, gamma: focal weight (Lin et al. 2017; 0: none). Targets t in [0, 1], same shape and
/// dtype.
Var bce_with_logits(At x, const Var& target, double positive_weight = 1, double focal_gamma = 0);
/// Per row of logits [..., C] with ids i64 [...]: lse(x) - (1-s) x_id - s mean(x), s: label
/// smoothing; rows whose id is ignore_index give 0. An id outside [0, C) is an IndexError.
Var cross_entropy_rows(At logits, const Var& ids, double label_smoothing = 0,
                       int64 ignore_index = -100);
/// y_m = sum over n <= m of (a_m . b_n) c_n (reverse: n >= m). a, b [..., N, m], c [..., N, v]; O(N
/// m v), no N x N.
Var causal_product(At a, const Var& b, const Var& c, Direction direction = Direction::forward);
/// How linear_attention makes features of a row x, of u = x W + b (u = x where there is no W);
/// formulas: FeatureStage in nn/kernels/linear_attention.h.
struct RowFeatures {
  ElementMap map = ElementMap::identity;
  Var weight = {}, bias = {};      ///< [r, m'], [m']; or undefined
  Var q_shift = {}, k_shift = {};  ///< [..., Nq, 1], [..., 1, 1], out of exponents; or undefined
  double norm = 0;                 ///< exponents are u - norm |x|^2 / 2
  double scale = 1;                ///< of cosines and sines, and of the x of `quadratic`
};
/// What linear_attention may know beside q, k and v; each may be undefined.
struct LinearTerms {
  Var eps = {};                  ///< [..., Nq, 1], beside the sum that is divided by; none: no
                                 ///< division
  Var kept = {};                 ///< u8 [..., Nk, 1], 0: features of 0
  Var q_turn = {}, k_turn = {};  ///< [..., N, 2]: features are [f c, f s] and [h c, h s]
  /// f64 or f32 [..., N, 1], s and t of any size: features are e^s f and e^t h (decay); for earlier
  /// keys alone.
  Var q_scale = {}, k_scale = {};
};
/// y_m = f_m S_m / (f_m . z_m + eps_m), S_m = sum h_n v_n^T, z_m = sum h_n, f and h the features of
/// q and k, over n <= m (causal: as many queries as keys) or all n; without eps y_m = f_m S_m. q
/// [..., Nq, r], k [..., Nk, r], v [..., Nk, w] -> [..., Nq, w]. One pass over the rows forward,
/// two back; features are computed, not stored, and no power of a scale need be a number.
Var linear_attention(At q, const Var& k, const Var& v, Keys keys, const RowFeatures& features,
                     const LinearTerms& terms = {});
/// The map that linear_attention calls by that name, as the feature map of the same formula; none
/// for features that are no function of one number each.
std::optional<ElementMap> find_element_map(std::string_view name);
/// The largest exponent of the features of each row, before any shift: [..., N, 1]. A NaN is passed
/// over.
Tensor largest_exponents(const Tensor& x, const RowFeatures& features);
/// y_m = sum over n of w[m - n] (a_m . b_n) c_n: a [..., Nq, m], b [..., Nk, m], c [..., Nk, v], w
/// [..., Nq + Nk - 1] from lag -(Nk - 1) on. By FFT, O(N log N m v), no N x N (Luo et al. 2021).
Var toeplitz_product(At a, const Var& b, const Var& c, const Var& w);
/// y[l] = sum over m - n = l of (a_m . b_n) (g_m . c_n), the gradient by w: g [..., Nq, v].
Var lag_product(At a, const Var& b, const Var& c, const Var& g);

/// What softmax attention adds to its products, and what it hides.
struct SoftmaxTerms {
  double scale = 1;
  bool causal = false;
  int64 first = 0;       ///< query i is row first + i of the keys
  Var lag = {};          ///< [H|1, Nq + Nk - 1]: by i - n, from -(Nk - 1) on; or undefined
  Var bias = {};         ///< [B|1, H|1, Nq, Nk]; or undefined
  Tensor key_mask = {};  ///< u8 [B|1, Nk], 0: hidden; or undefined
  double drop = 0;       ///< dropout of the weights, of (key, draw) and the element [B,H,Nq,Nk]
  std::uint64_t key = 0, draw = 0;
};
/// y = softmax(scale q k^T + lag + bias) v: q [B,H,Nq,d], k [B,H,Nk,d], v [B,H,Nk,dv]. In blocks,
/// no N x N is stored. A query whose keys are all hidden gives zeros.
Var softmax_attention(At q, const Var& k, const Var& v, const SoftmaxTerms& terms = {});
/// The weights for scores [B,H,Nq,Nk], named "weights".
Var masked_softmax(const Var& scores, bool causal, int64 first, const Tensor& key_mask);

/// The table of the ops of nn/, sorted by name.
std::span<const OpDef* const> nn_ops();

}  // namespace gradus
