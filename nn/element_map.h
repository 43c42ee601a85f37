// The choices of linear_attention (nn/ops.h), apart so that its kernels need no other header.
#pragma once

namespace gradus {

/// What makes features of the numbers u of a row of q or k: a function of each, the exponential of
/// each, of both signs, cosines and sines, or products of up to two of them.
enum class ElementMap {
  identity,
  elu1,
  relu,
  softplus,
  squared_relu,
  exp,        // e^u
  exp_pair,   // [e^u, e^-u]
  cos_sin,    // [cos u, sin u]
  quadratic,  // [1, u, u_i^2 / sqrt 2, u_i u_j of i < j]
};
/// The keys that a query sees: those of its row and earlier ones, or all.
enum class Keys { earlier, all };

}  // namespace gradus
