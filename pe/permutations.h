// Powers of permutations: pi^p of m numbers for any whole p, by the cycles of pi. A permutation a
// head acts on features as (M x)_i = x_{pi(i)}, and M^a M^b = M^(a+b): a rotation of finite order.
#pragma once

#include "nn/position.h"

namespace gradus {

/// i64 [heads, m]: a random permutation of 0 .. m-1 for each head.
Tensor random_permutations(Rng rng, int64 heads, int64 m);

/// i64 [B|1, H, N, m]: pi_h^p(i), for whole labels p f64 [B|1, N, 1].
Tensor permutation_powers(const Tensor& permutations, const Tensor& labels);

/// x [B,H,N,m] -> x_{index_i}, for [B|1,H,N,m] of the above.
Var permuted(const Var& x, const Tensor& index);

/// f64 [H, m, m]: M^m^T M^n = M^(n-m), the closed form for labels p_m and p_n f64 [1].
Tensor permutation_products(const Tensor& permutations, const Tensor& p_m, const Tensor& p_n);

}  // namespace gradus
