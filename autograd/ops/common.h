// What the op blocks share: shape rules and sample makers.
#pragma once

#include "autograd/op.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/matmul.h"
#include "tensor/reduce.h"

namespace gradus::ops {

/// One floating input, same shape out.
inline Inferred same_shape(const InferCall& c) { return {c.shape(0), c.float_input(0)}; }
/// Two inputs of one floating dtype, broadcast.
inline Inferred broadcast_pair(const InferCall& c) {
  return {broadcast_shapes(c.shape(0), c.shape(1)), c.same_float()};
}
/// Samples of an elementwise function of one input.
inline std::vector<Sample> unary_samples(double low, double high, std::vector<double> kinks = {}) {
  return {{.in = {{.shape = {2, 3}, .low = low, .high = high, .kinks = kinks}}},
          {.in = {{.shape = {}, .low = low, .high = high, .kinks = kinks}}},
          {.in = {{.shape = {1, 4, 1}, .low = low, .high = high, .kinks = kinks}}}};
}
inline std::vector<BadSample> unary_bad() {
  return {{.in = {{.shape = {2}, .low = 0, .high = 5, .dtype = DType::i64}},
           .message = "must be f32 or f64, got i64"}};
}
inline std::vector<BadSample> pair_bad() {
  return {{.in = {{.shape = {2, 3}}, {.shape = {4}}}, .message = "(2, 3)"},
          {.in = {{.shape = {2}}, {.shape = {2}, .dtype = DType::f32}},
           .message = "nothing is promoted"}};
}
/// A u8 or i64 Var that takes part in no gradient.
inline Var fixed(Tensor t) { return Var(std::move(t)); }
/// c (1 - t^2), the vjp of t = tanh x; c s (1 - s), that of s = sigmoid(x).
Var tanh_gradient(const Var& t, const Var& c);
Var sigmoid_gradient(const Var& s, const Var& c);

}  // namespace gradus::ops
