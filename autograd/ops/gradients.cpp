// The derivatives of tanh and sigmoid as ops of their own, one pass each: c is the cotangent.
#include "autograd/ops/common.h"
#include "tensor/elementwise_gradients.h"

namespace gradus::ops {

namespace {

Inferred same_pair(const InferCall& c) {
  const DType t = c.same_float();
  check_shape(c.shape(0) == c.shape(1), "the value is {}, its cotangent {}", text(c.shape(0)),
              text(c.shape(1)));
  return {c.shape(0), t};
}
std::vector<Sample> value_samples(double low, double high) {
  return {{.in = {{.shape = {2, 3}, .low = low, .high = high}, {.shape = {2, 3}}}},
          {.in = {{.shape = {}, .low = low, .high = high}, {.shape = {}, .low = 0.5, .high = 1}}}};
}
std::vector<BadSample> value_bad() {
  return {{.in = {{.shape = {2, 3}}, {.shape = {3}}}, .message = "its cotangent (3)"}};
}

}  // namespace

extern const OpDef kTanhGradient{.name = "tanh_gradient",
                                 .formula = "y = c (1 - t^2)",
                                 .vjp_formula = "dt = -2 g c t, dc = g (1 - t^2)",
                                 .infer = same_pair,
                                 .reads = kReadsInputs,
                                 .forward = [](const ForwardCall& c) -> Forward {
                                   return gradus::tanh_gradient(c.in(0), c.in(1));
                                 },
                                 .vjp = [](const VjpCall& c, const Var& g) -> Grads {
                                   Var dt, dc;
                                   if (c.wanted(0)) dt = g * c.in(1) * c.in(0) * -2.0;
                                   if (c.wanted(1)) dc = tanh_gradient(c.in(0), g);
                                   return Grads(dt, dc);
                                 },
                                 .samples = value_samples(-0.9, 0.9),
                                 .bad_samples = value_bad()};

extern const OpDef kSigmoidGradient{.name = "sigmoid_gradient",
                                    .formula = "y = c s (1 - s)",
                                    .vjp_formula = "ds = g c (1 - 2 s), dc = g s (1 - s)",
                                    .infer = same_pair,
                                    .reads = kReadsInputs,
                                    .forward = [](const ForwardCall& c) -> Forward {
                                      return gradus::sigmoid_gradient(c.in(0), c.in(1));
                                    },
                                    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
                                      Var ds, dc;
                                      if (c.wanted(0)) ds = g * c.in(1) * (c.in(0) * -2.0 + 1.0);
                                      if (c.wanted(1)) dc = sigmoid_gradient(c.in(0), g);
                                      return Grads(ds, dc);
                                    },
                                    .samples = value_samples(0.1, 0.4),
                                    .bad_samples = value_bad()};

Var tanh_gradient(const Var& t, const Var& c) { return apply(kTanhGradient, {t, c}); }
Var sigmoid_gradient(const Var& s, const Var& c) { return apply(kSigmoidGradient, {s, c}); }

}  // namespace gradus::ops
