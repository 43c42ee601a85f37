// Causal linear attention of features that carry scales too large for numbers: with a_mn =
// e^(s_m + t_n) q_m . k_n and t_n not falling with n (decay: s_m = p_m ln r, t_n = -p_n ln r),
//
//   y_m = sum_{n <= m} a_mn v_n.
//
// Rows go in chunks, and each counts its scales from its last key's, c: factors e^(s + c) and
// e^(t - c) of queries and keys stay within e^40, and what earlier chunks summed comes with
// e^(c' - c) <= 1. O(N) but for one number a pair of chunks of 256 rows. Internal to nn/.
#pragma once

#include "nn/ops.h"

namespace gradus::detail {

/// q [B,H,Nq,m], the last rows of the keys k [B,H,N,m]; v [B,H,N,dv]; scales f64 [B|1,H,Nq|N,1].
Var scaled_causal_product(const Var& q, const Var& k, const Var& v, const Tensor& query_scale,
                          const Tensor& key_scale);
/// e^(s_m + t_n) for n <= m + `begin`, 1 beyond: [B|1,H,Nq,N].
Var scale_factors(const Tensor& query_scale, const Tensor& key_scale, int64 begin, DType dtype);

}  // namespace gradus::detail
