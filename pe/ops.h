// The differentiable ops of pe/: tied by the generic suite to references of plain ops.
#pragma once

#include "autograd/op.h"
#include "autograd/ops.h"

namespace gradus {

/// [cos theta | sin theta], theta = f . p in f64: f [H|1, F, L], p [B|1, N, L] -> [B|1, H|1, N,
/// 2F]. One pass each way where the plain ops take ten.
Var turn_table(At frequencies, const Var& labels, DType dtype);

/// The table of the ops of pe/, sorted by name.
std::span<const OpDef* const> pe_ops();

}  // namespace gradus
