// Elementwise ops of one input.
#include <cmath>
#include <numbers>

#include "autograd/ops/common.h"

namespace gradus::ops {

extern const OpDef kNeg{
    .name = "neg",
    .formula = "y = -x",
    .vjp_formula = "dx = -g",
    .infer = same_shape,
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::neg(c.in(0)); },
    .vjp = [](const VjpCall&, const Var& g) -> Grads { return gradus::neg(g); },
    .samples = unary_samples(-2, 2),
    .bad_samples = unary_bad()};

extern const OpDef kExp{
    .name = "exp",
    .formula = "y = e^x",
    .vjp_formula = "dx = g y",
    .infer = same_shape,
    .reads = kReadsOutput,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::exp(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return g * c.out(); },
    .samples = unary_samples(-2, 2),
    .bad_samples = unary_bad()};

extern const OpDef kLog{
    .name = "log",
    .formula = "y = ln x",
    .vjp_formula = "dx = g / x",
    .infer = same_shape,
    .reads = reads_input(0),
    .forward = [](const ForwardCall& c) -> Forward { return gradus::log(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return g / c.in(0); },
    .samples = unary_samples(0.3, 3),
    .bad_samples = unary_bad()};

extern const OpDef kLog1p{
    .name = "log1p",
    .formula = "y = ln(1 + x)",
    .vjp_formula = "dx = g / (1 + x)",
    .infer = same_shape,
    .reads = reads_input(0),
    .forward = [](const ForwardCall& c) -> Forward { return gradus::log1p(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return g / (1.0 + c.in(0)); },
    .samples = unary_samples(-0.5, 2),
    .bad_samples = unary_bad()};

extern const OpDef kExpm1{
    .name = "expm1",
    .formula = "y = e^x - 1",
    .vjp_formula = "dx = g (y + 1)",
    .infer = same_shape,
    .reads = kReadsOutput,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::expm1(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return g * (c.out() + 1.0); },
    .samples = unary_samples(-2, 2),
    .bad_samples = unary_bad()};

extern const OpDef kSqrt{
    .name = "sqrt",
    .formula = "y = sqrt(x)",
    .vjp_formula = "dx = g / (2 y)",
    .infer = same_shape,
    .reads = kReadsOutput,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::sqrt(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return g / (2.0 * c.out()); },
    .samples = unary_samples(0.3, 3),
    .bad_samples = unary_bad()};

extern const OpDef kRsqrt{
    .name = "rsqrt",
    .formula = "y = 1 / sqrt(x)",
    .vjp_formula = "dx = -g y^3 / 2",
    .infer = same_shape,
    .reads = kReadsOutput,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::rsqrt(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return g * pow(c.out(), 3.0) * -0.5; },
    .samples = unary_samples(0.5, 3),
    .bad_samples = unary_bad()};

extern const OpDef kSin{
    .name = "sin",
    .formula = "y = sin x",
    .vjp_formula = "dx = g cos x",
    .infer = same_shape,
    .reads = reads_input(0),
    .forward = [](const ForwardCall& c) -> Forward { return gradus::sin(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return g * cos(c.in(0)); },
    .samples = unary_samples(-3, 3),
    .bad_samples = unary_bad()};

extern const OpDef kCos{
    .name = "cos",
    .formula = "y = cos x",
    .vjp_formula = "dx = -g sin x",
    .infer = same_shape,
    .reads = reads_input(0),
    .forward = [](const ForwardCall& c) -> Forward { return gradus::cos(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return -(g * sin(c.in(0))); },
    .samples = unary_samples(-3, 3),
    .bad_samples = unary_bad()};

extern const OpDef kTanh{
    .name = "tanh",
    .formula = "y = tanh x",
    .vjp_formula = "dx = g (1 - y^2)",
    .infer = same_shape,
    .reads = kReadsOutput,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::tanh(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return tanh_gradient(c.out(), g); },
    .samples = unary_samples(-2, 2),
    .bad_samples = unary_bad()};

extern const OpDef kSigmoid{
    .name = "sigmoid",
    .formula = "y = 1 / (1 + e^-x)",
    .vjp_formula = "dx = g y (1 - y)",
    .infer = same_shape,
    .reads = kReadsOutput,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::sigmoid(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return sigmoid_gradient(c.out(), g); },
    .samples = unary_samples(-3, 3),
    .bad_samples = unary_bad()};

extern const OpDef kSoftplus{
    .name = "softplus",
    .formula = "y = ln(1 + e^x)",
    .vjp_formula = "dx = g sigmoid(x)",
    .infer = same_shape,
    .reads = reads_input(0),
    .forward = [](const ForwardCall& c) -> Forward { return gradus::softplus(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return g * sigmoid(c.in(0)); },
    .samples = unary_samples(-3, 3),
    .bad_samples = unary_bad()};

extern const OpDef kErf{
    .name = "erf",
    .formula = "y = 2/sqrt(pi) int_0^x e^(-t^2) dt",
    .vjp_formula = "dx = g 2/sqrt(pi) e^(-x^2)",
    .infer = same_shape,
    .reads = reads_input(0),
    .forward = [](const ForwardCall& c) -> Forward { return gradus::erf(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return g * exp(-square(c.in(0))) * (2 * std::numbers::inv_sqrtpi);
    },
    .samples = unary_samples(-1.5, 1.5),
    .bad_samples = unary_bad()};

extern const OpDef kAbs{
    .name = "abs",
    .formula = "y = |x|",
    .vjp_formula = "dx = g sign(x)",
    .infer = same_shape,
    .reads = reads_input(0),
    .forward = [](const ForwardCall& c) -> Forward { return gradus::abs(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return g * fixed(gradus::sign(c.in(0).value()));
    },
    .samples = unary_samples(-2, 2, {0}),
    .bad_samples = unary_bad()};

extern const OpDef kRelu{
    .name = "relu",
    .formula = "y = max(x, 0)",
    .vjp_formula = "dx = g [x > 0]",
    .infer = same_shape,
    .reads = kReadsOutput,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::relu(c.in(0)); },
    // y > 0 where x > 0: the input may go.
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      const Tensor positive = greater(c.out().value(), scalar(0, g.dtype()));
      return masked_fill(g, fixed(logical_not(positive)), 0);
    },
    .samples = {{.in = {{.shape = {2, 3}, .low = -2, .high = 2, .kinks = {0}}}},
                {.in = {{.shape = {}, .low = 0.5, .high = 2}}},
                {.in = {{.shape = {1, 4, 1}, .low = -2, .high = 2, .kinks = {0}}}}},
    .bad_samples = unary_bad()};

extern const OpDef kSquare{
    .name = "square",
    .formula = "y = x^2",
    .vjp_formula = "dx = 2 g x",
    .infer = same_shape,
    .reads = reads_input(0),
    .forward = [](const ForwardCall& c) -> Forward { return gradus::square(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return 2.0 * (g * c.in(0)); },
    .samples = unary_samples(-2, 2),
    .bad_samples = unary_bad()};

extern const OpDef kReciprocal{
    .name = "reciprocal",
    .formula = "y = 1 / x",
    .vjp_formula = "dx = -g y^2",
    .infer = same_shape,
    .reads = kReadsOutput,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::reciprocal(c.in(0)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return -(g * square(c.out())); },
    .samples = unary_samples(0.5, 2),
    .bad_samples = unary_bad()};

extern const OpDef kPowScalar{
    .name = "pow_scalar",
    .formula = "y = x^p",
    .vjp_formula = "dx = g p x^(p-1)",
    .infer = same_shape,
    .reads = reads_input(0),
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::pow(c.in(0), c.attrs().real("p"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      const double p = c.attrs().real("p");
      return p == 0 ? scale(g, 0) : g * pow(c.in(0), p - 1) * p;
    },
    .samples = {{.in = {{.shape = {2, 3}, .low = 0.5, .high = 2}}, .attrs = {{"p", 1.7}}},
                {.in = {{.shape = {4}, .low = -2, .high = 2}}, .attrs = {{"p", 3.0}}},
                {.in = {{.shape = {2}, .low = 0.5, .high = 2}}, .attrs = {{"p", -0.5}}}},
    .bad_samples = {{.in = {{.shape = {2}, .high = 4, .dtype = DType::u8}},
                     .attrs = {{"p", 2.0}},
                     .message = "must be f32 or f64, got u8"}}};

extern const OpDef kClamp{
    .name = "clamp",
    .formula = "y = min(max(x, low), high)",
    .vjp_formula = "dx = g [low < x < high]",
    .infer = [](const InferCall& c) -> Inferred {
      check_shape(c.attrs().real("low") <= c.attrs().real("high"), "low {} is above high {}",
                  c.attrs().real("low"), c.attrs().real("high"));
      return same_shape(c);
    },
    .reads = reads_input(0),
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::clamp(c.in(0), c.attrs().real("low"), c.attrs().real("high"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      const Tensor x = c.in(0).value();
      const Tensor inside = logical_and(greater(x, scalar(c.attrs().real("low"), x.dtype())),
                                        less(x, scalar(c.attrs().real("high"), x.dtype())));
      return masked_fill(g, fixed(logical_not(inside)), 0);
    },
    .samples = {{.in = {{.shape = {3, 4}, .low = -2, .high = 2, .kinks = {-1, 0.5}}},
                 .attrs = {{"low", -1.0}, {"high", 0.5}}},
                {.in = {{.shape = {5}, .low = -2, .high = 2, .kinks = {-1.5, 1.5}}},
                 .attrs = {{"low", -1.5}, {"high", 1.5}}}},
    .bad_samples = {{.in = {{.shape = {2}}},
                     .attrs = {{"low", 1.0}, {"high", 0.0}},
                     .message = "above high"}}};

extern const OpDef kScale{.name = "scale",
                          .formula = "y = factor x",
                          .vjp_formula = "dx = factor g",
                          .infer = same_shape,
                          .reads = kReadsNothing,
                          .forward = [](const ForwardCall& c) -> Forward {
                            return gradus::mul(c.in(0), c.attrs().real("factor"));
                          },
                          .vjp = [](const VjpCall& c, const Var& g) -> Grads {
                            return scale(g, c.attrs().real("factor"));
                          },
                          .samples = {{.in = {{.shape = {2, 3}}}, .attrs = {{"factor", -1.5}}},
                                      {.in = {{.shape = {}}}, .attrs = {{"factor", 0.25}}}},
                          .bad_samples = {{.in = {{.shape = {2}, .high = 4, .dtype = DType::i64}},
                                           .attrs = {{"factor", 2.0}},
                                           .message = "must be f32 or f64, got i64"}}};

extern const OpDef kShift{.name = "shift",
                          .formula = "y = x + term",
                          .vjp_formula = "dx = g",
                          .infer = same_shape,
                          .reads = kReadsNothing,
                          .forward = [](const ForwardCall& c) -> Forward {
                            return gradus::add(c.in(0), c.attrs().real("term"));
                          },
                          .vjp = [](const VjpCall&, const Var& g) -> Grads { return g; },
                          .samples = {{.in = {{.shape = {2, 3}}}, .attrs = {{"term", -1.5}}},
                                      {.in = {{.shape = {}}}, .attrs = {{"term", 0.25}}}},
                          .bad_samples = {{.in = {{.shape = {2}, .high = 4, .dtype = DType::i64}},
                                           .attrs = {{"term", 2.0}},
                                           .message = "must be f32 or f64, got i64"}}};

}  // namespace gradus::ops

namespace gradus {

Var neg(At x) { return apply(ops::kNeg, {x}, {}, x.where); }
Var exp(At x) { return apply(ops::kExp, {x}, {}, x.where); }
Var log(At x) { return apply(ops::kLog, {x}, {}, x.where); }
Var log1p(At x) { return apply(ops::kLog1p, {x}, {}, x.where); }
Var expm1(At x) { return apply(ops::kExpm1, {x}, {}, x.where); }
Var sqrt(At x) { return apply(ops::kSqrt, {x}, {}, x.where); }
Var rsqrt(At x) { return apply(ops::kRsqrt, {x}, {}, x.where); }
Var sin(At x) { return apply(ops::kSin, {x}, {}, x.where); }
Var cos(At x) { return apply(ops::kCos, {x}, {}, x.where); }
Var tanh(At x) { return apply(ops::kTanh, {x}, {}, x.where); }
Var sigmoid(At x) { return apply(ops::kSigmoid, {x}, {}, x.where); }
Var softplus(At x) { return apply(ops::kSoftplus, {x}, {}, x.where); }
Var erf(At x) { return apply(ops::kErf, {x}, {}, x.where); }
Var abs(At x) { return apply(ops::kAbs, {x}, {}, x.where); }
Var relu(At x) { return apply(ops::kRelu, {x}, {}, x.where); }
Var square(At x) { return apply(ops::kSquare, {x}, {}, x.where); }
Var reciprocal(At x) { return apply(ops::kReciprocal, {x}, {}, x.where); }
Var pow(At x, double exponent) { return apply(ops::kPowScalar, {x}, {{"p", exponent}}, x.where); }
Var clamp(At x, double low, double high) {
  return apply(ops::kClamp, {x}, {{"low", low}, {"high", high}}, x.where);
}
Var scale(At x, double factor) { return apply(ops::kScale, {x}, {{"factor", factor}}, x.where); }
Var shift(At x, double term) { return apply(ops::kShift, {x}, {{"term", term}}, x.where); }

}  // namespace gradus
