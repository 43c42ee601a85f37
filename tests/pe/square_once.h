// A planted bug: x^2 whose vjp is right once, for it takes its own factor for a constant.
// First-order checks cannot see it.
#pragma once

#include "autograd/op.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"

namespace gradus {

inline const OpDef kSquareOnce{
    .name = "square_once",
    .formula = "y = x^2",
    .vjp_formula = "dx = 2 g x, x a constant",
    .infer = [](const InferCall& c) -> Inferred {
      return {c.shape(0), c.dtype(0)};
    },
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) -> Forward { return mul(c.in(0), c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return Grads(g * Var(mul(c.in(0).value(), 2)));
    }};

}  // namespace gradus
