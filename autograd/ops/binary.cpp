// Elementwise ops of two and three inputs, broadcast.
#include "autograd/ops/common.h"

namespace gradus::ops {

namespace {

Grads pair(const VjpCall& c, const auto& da, const auto& db) {
  return Grads(c.wanted(0) ? sum_to(da(), c.shape(0)) : Var(),
               c.wanted(1) ? sum_to(db(), c.shape(1)) : Var());
}

/// Broadcast pairs: equal, row against matrix, column against row, scalar against matrix, size 1
/// and size 0 apart.
std::vector<Sample> pair_samples(double low, double high) {
  const auto two = [&](Shape a, Shape b) {
    return Sample{
        .in = {{.shape = a, .low = low, .high = high}, {.shape = b, .low = low, .high = high}}};
  };
  return {two({2, 3}, {2, 3}), two({2, 3}, {3}), two({2, 1}, {1, 3}), two({}, {2, 2})};
}

/// Which of the two was taken, ties shared: 1, 0.5 or 0 for the first.
Tensor share_of_first(const Tensor& a, const Tensor& b, bool largest) {
  const Tensor first = largest ? greater(a, b) : less(a, b);
  return gradus::add(cast(first, a.dtype()),
                     gradus::mul(cast(gradus::equal(a, b), a.dtype()), 0.5));
}
Grads shared(const VjpCall& c, const Var& g, bool largest) {
  const Tensor first = share_of_first(c.in(0).value(), c.in(1).value(), largest);
  return pair(
      c, [&] { return g * fixed(first); },
      [&] { return g * fixed(gradus::add(gradus::neg(first), 1)); });
}
/// Larger here, smaller there; ties are no matter of chance.
std::vector<Sample> mixed_pairs() {
  const auto two = [](Shape a, Shape b) {
    return Sample{.in = {{.shape = a, .low = -2, .high = 2}, {.shape = b, .low = -2, .high = 2}}};
  };
  return {two({2, 3}, {2, 3}), two({2, 3}, {3}), two({4, 1}, {1, 3})};
}

}  // namespace

extern const OpDef kAdd{
    .name = "add",
    .formula = "y = a + b",
    .vjp_formula = "da = g, db = g",
    .infer = broadcast_pair,
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::add(c.in(0), c.in(1)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return pair(
          c, [&] { return g; }, [&] { return g; });
    },
    .samples = pair_samples(-2, 2),
    .bad_samples = pair_bad()};

extern const OpDef kSub{
    .name = "sub",
    .formula = "y = a - b",
    .vjp_formula = "da = g, db = -g",
    .infer = broadcast_pair,
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::sub(c.in(0), c.in(1)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return pair(
          c, [&] { return g; }, [&] { return -g; });
    },
    .samples = pair_samples(-2, 2),
    .bad_samples = pair_bad()};

extern const OpDef kMul{
    .name = "mul",
    .formula = "y = a b",
    .vjp_formula = "da = g b, db = g a",
    .infer = broadcast_pair,
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::mul(c.in(0), c.in(1)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return pair(
          c, [&] { return g * c.in(1); }, [&] { return g * c.in(0); });
    },
    .samples = pair_samples(-2, 2),
    .bad_samples = pair_bad()};

extern const OpDef kDiv{
    .name = "div",
    .formula = "y = a / b",
    .vjp_formula = "da = g / b, db = -g a / b^2",
    .infer = broadcast_pair,
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::div(c.in(0), c.in(1)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return pair(
          c, [&] { return g / c.in(1); },
          // Not by b^2, which is 0 in f32 below 1e-23.
          [&] { return -(g / c.in(1)) * (c.in(0) / c.in(1)); });
    },
    .samples = pair_samples(0.5, 2),
    .bad_samples = pair_bad()};

extern const OpDef kPow{
    .name = "pow",
    .formula = "y = a^b, a > 0",
    .vjp_formula = "da = g b a^(b-1), db = g y ln a",
    .infer = broadcast_pair,
    .reads = kReadsAll,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::pow(c.in(0), c.in(1)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return pair(
          c, [&] { return g * c.in(1) * pow(c.in(0), c.in(1) - 1.0); },
          [&] { return g * c.out() * log(c.in(0)); });
    },
    .samples = pair_samples(0.5, 2),
    .bad_samples = pair_bad()};

extern const OpDef kMaximum{
    .name = "maximum",
    .formula = "y = max(a, b)",
    .vjp_formula = "da = g [a > b], db = g [b > a]; half each where a = b",
    .infer = broadcast_pair,
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::maximum(c.in(0), c.in(1)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return shared(c, g, true); },
    .samples = mixed_pairs(),
    .bad_samples = pair_bad()};

extern const OpDef kMinimum{
    .name = "minimum",
    .formula = "y = min(a, b)",
    .vjp_formula = "da = g [a < b], db = g [b < a]; half each where a = b",
    .infer = broadcast_pair,
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::minimum(c.in(0), c.in(1)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return shared(c, g, false); },
    .samples = mixed_pairs(),
    .bad_samples = pair_bad()};

extern const OpDef kWhere{
    .name = "where",
    .formula = "y = condition ? a : b",
    .vjp_formula = "da = condition ? g : 0, db = condition ? 0 : g",
    .infer = [](const InferCall& c) -> Inferred {
      check_dtype(c.dtype(0) == DType::u8, "the condition must be u8, got {}", name(c.dtype(0)));
      c.float_input(1);
      check_dtype(c.dtype(1) == c.dtype(2),
                  "input 1 is {}, input 2 is {}: nothing is promoted; use cast", name(c.dtype(1)),
                  name(c.dtype(2)));
      return {broadcast_shapes(c.shape(0), broadcast_shapes(c.shape(1), c.shape(2))), c.dtype(1)};
    },
    .reads = reads_input(0),
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::where(c.in(0), c.in(1), c.in(2));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      const Var condition = c.in(0);
      return Grads(
          Var(),
          c.wanted(1) ? sum_to(masked_fill(g, fixed(logical_not(condition.value())), 0), c.shape(1))
                      : Var(),
          c.wanted(2) ? sum_to(masked_fill(g, condition, 0), c.shape(2)) : Var());
    },
    .samples = {{.in = {{.shape = {2, 3}, .low = 0, .high = 2, .dtype = DType::u8},
                        {.shape = {2, 3}},
                        {.shape = {2, 3}}}},
                {.in = {{.shape = {4, 1}, .low = 0, .high = 2, .dtype = DType::u8},
                        {.shape = {3}},
                        {.shape = {}}}}},
    .bad_samples = {{.in = {{.shape = {2}}, {.shape = {2}}, {.shape = {2}}},
                     .message = "condition must be u8"},
                    {.in = {{.shape = {2}, .low = 0, .high = 2, .dtype = DType::u8},
                            {.shape = {3}},
                            {.shape = {2}}},
                     .message = "(3)"}}};

extern const OpDef kMaskedFill{
    .name = "masked_fill",
    .formula = "y = mask ? value : x",
    .vjp_formula = "dx = mask ? 0 : g",
    .infer = [](const InferCall& c) -> Inferred {
      check_dtype(c.dtype(1) == DType::u8, "the mask must be u8, got {}", name(c.dtype(1)));
      return {broadcast_shapes(c.shape(0), c.shape(1)), c.float_input(0)};
    },
    .reads = reads_input(1),
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::where(c.in(1), scalar(c.attrs().real("value"), c.in(0).dtype()), c.in(0));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return Grads(sum_to(masked_fill(g, c.in(1), 0), c.shape(0)), Var());
    },
    .samples = {{.in = {{.shape = {2, 3}},
                        {.shape = {2, 3}, .low = 0, .high = 2, .dtype = DType::u8}},
                 .attrs = {{"value", 0.5}}},
                {.in = {{.shape = {3, 1}}, {.shape = {4}, .low = 0, .high = 2, .dtype = DType::u8}},
                 .attrs = {{"value", -2.0}}}},
    .bad_samples = {{.in = {{.shape = {2}}, {.shape = {2}}},
                     .attrs = {{"value", 0.0}},
                     .message = "mask must be u8"}},
    .may_be_infinite = true};

extern const OpDef kPhase{
    .name = "phase",
    .formula = "y = f p mod 2 pi, in f64",
    .vjp_formula = "df = g p, dp = g f, in f64",
    .infer = [](const InferCall& c) -> Inferred {
      c.float_input(0);
      c.float_input(1);
      return {broadcast_shapes(c.shape(0), c.shape(1)), c.attrs().dtype("dtype")};
    },
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::phase(c.in(0), c.in(1), c.attrs().dtype("dtype"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      const Var g64 = cast(g, DType::f64);
      const auto back = [&](int other, int self) {
        return cast(sum_to(g64 * cast(c.in(other), DType::f64), c.shape(self)), c.dtype(self));
      };
      return Grads(c.wanted(0) ? back(1, 0) : Var(), c.wanted(1) ? back(0, 1) : Var());
    },
    .samples = {{.in = {{.shape = {2, 3}, .low = 0.2, .high = 1},
                        {.shape = {2, 1}, .low = 0.3, .high = 2}},
                 .attrs = {{"dtype", attr(DType::f64)}}},
                {.in = {{.shape = {}, .low = 1, .high = 2}, {.shape = {4}, .low = 0.2, .high = 1}},
                 .attrs = {{"dtype", attr(DType::f64)}}}},
    .bad_samples = {{.in = {{.shape = {2}}, {.shape = {3}}},
                     .attrs = {{"dtype", attr(DType::f64)}},
                     .message = "(2)"},
                    {.in = {{.shape = {2}}, {.shape = {2}, .high = 5, .dtype = DType::i64}},
                     .attrs = {{"dtype", attr(DType::f64)}},
                     .message = "input 1 must be f32 or f64"}}};

extern const OpDef kDropout{
    .name = "dropout",
    .formula = "y = x m / (1 - p), m = [u(key, draw, i) >= p]",
    .vjp_formula = "dx = g m / (1 - p)",
    .source = "Srivastava et al. 2014",
    .infer = [](const InferCall& c) -> Inferred {
      const double p = c.attrs().real("p");
      check<ConfigError>(p >= 0 && p < 1, "the drop probability must be in [0, 1), got {}", p);
      return same_shape(c);
    },
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::mul(c.in(0),
                         dropout_mask(static_cast<std::uint64_t>(c.attrs().integer("key")),
                                      static_cast<std::uint64_t>(c.attrs().integer("draw")),
                                      c.in(0).shape(), c.attrs().real("p"), c.in(0).dtype()));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return dropout(g, c.attrs().real("p"), static_cast<std::uint64_t>(c.attrs().integer("key")),
                     static_cast<std::uint64_t>(c.attrs().integer("draw")));
    },
    .samples = {{.in = {{.shape = {4, 5}}},
                 .attrs = {{"p", 0.4}, {"key", int64{7}}, {"draw", int64{1}}}},
                {.in = {{.shape = {6}}},
                 .attrs = {{"p", 0.1}, {"key", int64{9}}, {"draw", int64{2}}}}},
    .bad_samples = {{.in = {{.shape = {2}}},
                     .attrs = {{"p", 1.0}, {"key", int64{0}}, {"draw", int64{0}}},
                     .message = "must be in [0, 1), got 1"}}};

extern const OpDef kCast{
    .name = "cast",
    .formula = "y = x in another dtype",
    .vjp_formula = "dx = g in x's dtype",
    .infer = [](const InferCall& c) -> Inferred {
      return {c.shape(0), c.attrs().dtype("dtype")};
    },
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::cast(c.in(0), c.attrs().dtype("dtype"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return cast(g, c.dtype(0)); },
    .samples = {{.in = {{.shape = {2, 3}}}, .attrs = {{"dtype", attr(DType::f64)}}},
                {.in = {{.shape = {}}}, .attrs = {{"dtype", attr(DType::f64)}}}}};

}  // namespace gradus::ops

namespace gradus {

Var add(At a, const Var& b) { return apply(ops::kAdd, {a, b}, {}, a.where); }
Var sub(At a, const Var& b) { return apply(ops::kSub, {a, b}, {}, a.where); }
Var mul(At a, const Var& b) { return apply(ops::kMul, {a, b}, {}, a.where); }
Var div(At a, const Var& b) { return apply(ops::kDiv, {a, b}, {}, a.where); }
Var pow(At a, const Var& b) { return apply(ops::kPow, {a, b}, {}, a.where); }
Var maximum(At a, const Var& b) { return apply(ops::kMaximum, {a, b}, {}, a.where); }
Var minimum(At a, const Var& b) { return apply(ops::kMinimum, {a, b}, {}, a.where); }
Var where(const Var& condition, At a, const Var& b) {
  return apply(ops::kWhere, {condition, a, b}, {}, a.where);
}
Var masked_fill(At x, const Var& mask, double value) {
  return apply(ops::kMaskedFill, {x, mask}, {{"value", value}}, x.where);
}
Var phase(At f, const Var& p, DType dtype) {
  return apply(ops::kPhase, {f, p}, {{"dtype", attr(dtype)}}, f.where);
}
Var dropout(At x, double p, std::uint64_t key, std::uint64_t draw) {
  return apply(ops::kDropout, {x},
               {{"p", p}, {"key", static_cast<int64>(key)}, {"draw", static_cast<int64>(draw)}},
               x.where);
}
Var cast(At x, DType dtype) {
  return x.var.dtype() == dtype ? x.var : apply(ops::kCast, {x}, {{"dtype", attr(dtype)}}, x.where);
}

}  // namespace gradus
