// How the ops of stripes go through memory: one pass each way, in blocks of rows of the table;
// noise mixes one block after the other, so that what it mixes is never whole.
#pragma once

#include <span>
#include <vector>

#include "autograd/op.h"

namespace gradus {

/// What becomes of the stripes of a token: all of them, sums over coordinates, mixtures by noise.
enum class StripeForm { whole, pooled, mixed };

/// Numbers of a row of the result, whole or pooled.
int64 stripe_width(const Shape& x, const Shape& table, StripeForm form);
/// Of x, table, weights and, for mixtures, noise.
Tensor stripes_forward(std::span<const Tensor* const> in, StripeForm form);
std::vector<Tensor> stripes_backward(const KernelCall& call, StripeForm form);

}  // namespace gradus
