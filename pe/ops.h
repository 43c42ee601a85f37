// The differentiable ops of pe/: tied by the generic suite to references of plain ops.
#pragma once

#include "autograd/op.h"
#include "autograd/ops.h"

namespace gradus {

/// [cos theta | sin theta], theta = f . p in f64: f [H|1, F, L], p [B|1, N, L] -> [B|1, H|1, N,
/// 2F]. One pass each way where the plain ops take ten.
Var turn_table(At frequencies, const Var& labels, DType dtype);

/// Which two coordinates make pair i of n: interleaved 2i, 2i + 1 (the paper); half i, n + i.
enum class Pairing { interleaved, half };

/// x [B,H,N,2F], cos and sin [B|1, H|1, N, F]: each pair turned by its angle, in one pass.
Var turn_pairs(At x, const Var& cos, const Var& sin, Pairing pairing);
/// The sums of the two coordinates of each turned pair, [B,H,N,F].
Var pool_pairs(At x, const Var& cos, const Var& sin, Pairing pairing);

/// x [B,H,N,D] mirrored in the plane across v [H,D]: x - 2 v (v . x) / (v . v), in one pass.
Var reflect(At x, const Var& v);

/// Coordinate d times its W stripes: x [B,H,N,D], table [B|1, H|1, N, 2F] of [cos | sin], F = D W,
/// weights [H|1, 2F] of lambda [cos theta | sin theta], which stretch and shift the stripes ->
/// x_d lambda_dw [cos, sin](angle_dw + theta_dw) in the order [d][w][cos, sin], [B,H,N,2F].
Var modulate(At x, const Var& table, const Var& weights);
/// The same, added up over d: [B,H,N,2W].
Var modulate_and_pool(At x, const Var& table, const Var& weights);
/// The same times noise [H|1, 2F, R]: [B,H,N,R].
Var modulate_and_mix(At x, const Var& table, const Var& weights, const Var& noise);

/// The table of the ops of pe/, sorted by name.
std::span<const OpDef* const> pe_ops();

}  // namespace gradus
