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

/// The table of the ops of pe/, sorted by name.
std::span<const OpDef* const> pe_ops();

}  // namespace gradus
