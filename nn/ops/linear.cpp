// linear: a layer's product with its bias; the gradient of the weight lies as the weight does.
#include "nn/ops.h"
#include "tensor/matmul.h"
#include "tensor/reduce.h"

namespace gradus::ops {

namespace {

Inferred infer_linear(const InferCall& c) {
  const DType t = c.same_float();
  const Shape &x = c.shape(0), &weight = c.shape(1), &bias = c.shape(2);
  check_shape(weight.rank() == 2, "the weight is a matrix [out, in], got {}", weight);
  check_shape(x.rank() >= 1, "needs a last axis of size {}, got a scalar", weight[1]);
  check_shape(x.back() == weight[1], "{} has rows of {}, a weight {} takes rows of {}", x, x.back(),
              weight, weight[1]);
  check_shape(bias == Shape{weight[0]}, "a weight {} needs a bias ({}), got {}", weight, weight[0],
              bias);
  Shape y = x;
  y[y.rank() - 1] = weight[0];
  return {y, t};
}

/// [..., n] as a matrix.
Tensor as_rows(const Tensor& x, int64 n) { return gradus::reshape(x, {n ? x.numel() / n : 0, n}); }

std::vector<Tensor> gradients(const KernelCall& c) {
  const Tensor& g = c.cotangent;
  std::vector<Tensor> out(3);
  if (c.wanted[0]) out[0] = gradus::matmul(g, c.in[1]);
  if (c.wanted[1]) {
    const int64 from = c.in[0].shape().back(), to = g.shape().back();
    out[1] = from && to ? gradus::matmul(gradus::transpose(as_rows(g, to)), as_rows(c.in[0], from))
                        : zeros({to, from}, g.dtype());
  }
  if (c.wanted[2]) out[2] = gradus::sum_to(g, {g.shape().back()});
  return out;
}

}  // namespace

extern const OpDef kLinear{
    .name = "linear",
    .formula = "y = x W^T + b",
    .vjp_formula = "dx = g W, dW = g^T x, db = sum g",
    .infer = infer_linear,
    .reads = {0b11u, false},
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::matmul(c.in(0), gradus::transpose(c.in(1)), c.in(2));
    },
    .vjp_kernel = gradients,
    .reference = [](std::span<const Var> in, const Attrs&) -> Var {
      return matmul(in[0], transpose(in[1])) + in[2];
    },
    .samples = {{.in = {{.shape = {4, 3}}, {.shape = {2, 3}}, {.shape = {2}}}},
                {.in = {{.shape = {2, 2, 3}}, {.shape = {1, 3}}, {.shape = {1}}}},
                {.in = {{.shape = {3}}, {.shape = {2, 3}}, {.shape = {2}}}}},
    .bad_samples = {{.in = {{.shape = {2, 3}}, {.shape = {3, 2}}, {.shape = {3}}},
                     .message = "takes rows of 2"},
                    {.in = {{.shape = {2, 3}}, {.shape = {4, 3}}, {.shape = {3}}},
                     .message = "needs a bias (4), got (3)"},
                    {.in = {{.shape = {2, 3}}, {.shape = {3}}, {.shape = {3}}},
                     .message = "the weight is a matrix"}}};

}  // namespace gradus::ops

namespace gradus {

Var linear(At x, const Var& weight, const Var& bias) {
  return apply(ops::kLinear, {x, weight, bias}, {}, x.where);
}

}  // namespace gradus
