// Reductions, softmax, cumulative sums, and the matrix product.
#include "autograd/ops/common.h"
#include "tensor/kernels/softmax_rows.h"
#include "tensor/parallel.h"

namespace gradus::ops {

namespace {

Axes axes_of(const Attrs& a) { return Axes(a.integers("axes")); }
Keep keep_of(const Attrs& a) { return a.flag("keep") ? Keep::yes : Keep::no; }
Inferred reduced(const InferCall& c) {
  return {reduced_shape(c.shape(0), axes_of(c.attrs()), keep_of(c.attrs())), c.float_input(0)};
}
/// A reduced value (y or g) with its axes back as size 1, ready to broadcast against x.
Var kept(const Var& y, const VjpCall& c) {
  return reshape(y, reduced_shape(c.shape(0), axes_of(c.attrs()), Keep::yes));
}
std::vector<Sample> reduce_samples(bool distinct, double low = -2, double high = 2) {
  const InputSpec a{.shape = {2, 3, 2}, .low = low, .high = high, .distinct = distinct};
  const InputSpec b{.shape = {4}, .low = low, .high = high, .distinct = distinct};
  using List = std::vector<int64>;
  return {{.in = {a}, .attrs = {{"axes", List{}}, {"keep", int64{0}}}},
          {.in = {a}, .attrs = {{"axes", List{1}}, {"keep", int64{1}}}},
          {.in = {a}, .attrs = {{"axes", List{0, -1}}, {"keep", int64{0}}}},
          {.in = {b}, .attrs = {{"axes", List{0}}, {"keep", int64{0}}}}};
}
std::vector<BadSample> reduce_bad() {
  using List = std::vector<int64>;
  return {{.in = {{.shape = {2, 3}}},
           .attrs = {{"axes", List{2}}, {"keep", int64{0}}},
           .message = "axis 2"},
          {.in = {{.shape = {2}, .high = 4, .dtype = DType::i64}},
           .attrs = {{"axes", List{}}, {"keep", int64{0}}},
           .message = "must be f32 or f64"}};
}
Inferred extreme_infer(const InferCall& c) {
  const Shape& s = c.shape(0);
  const std::vector<bool> axes = reduced_axes(axes_of(c.attrs()), s.rank());
  for (int axis = 0; axis < s.rank(); ++axis)
    check_shape(!axes[static_cast<std::size_t>(axis)] || s[axis] > 0,
                "{} of {} over axis {}: no elements", c.op().name, text(s), axis);
  return reduced(c);
}
std::vector<BadSample> extreme_bad() {
  std::vector<BadSample> list = reduce_bad();
  list.push_back({.in = {{.shape = {2, 0}}},
                  .attrs = {{"axes", std::vector<int64>{1}}, {"keep", int64{0}}},
                  .message = "no elements"});
  return list;
}
/// Equal extremes share the gradient.
Grads extreme_vjp(const VjpCall& c, const Var& g) {
  const Var x = c.in(0), y = kept(c.out(), c);
  const Tensor hit = cast(gradus::equal(x.value(), y.value()), x.dtype());
  const Tensor count = gradus::sum(hit, axes_of(c.attrs()), Keep::yes);
  return kept(g, c) * fixed(gradus::div(hit, count));
}
Inferred along_axis(const InferCall& c) {
  normal_axis(c.attrs().integer("axis"), c.shape(0).rank());
  return same_shape(c);
}
std::vector<Sample> axis_samples() {
  return {{.in = {{.shape = {2, 3}, .low = -2, .high = 2}}, .attrs = {{"axis", int64{-1}}}},
          {.in = {{.shape = {3, 2, 2}, .low = -2, .high = 2}}, .attrs = {{"axis", int64{0}}}}};
}
std::vector<BadSample> axis_bad() {
  return {{.in = {{.shape = {2, 3}}}, .attrs = {{"axis", int64{2}}}, .message = "axis 2"}};
}

/// p (c - sum_axis c p)
Tensor softmax_gradient(const Tensor& p, const Tensor& c, int64 axis) {
  const int a = normal_axis(axis, p.rank());
  if (a != p.rank() - 1)
    return contiguous(transpose(softmax_gradient(transpose(p, a), transpose(c, a), -1), a));
  const Tensor rows = contiguous(p), cotangents = contiguous(c);
  Tensor out = Tensor::empty(p.shape(), p.dtype());
  const int64 n = p.shape()[a];
  if (out.numel() == 0) return out;
  return dispatch_float(p.dtype(), "softmax_gradient", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *from = rows.data<T>(), *cp = cotangents.data<T>();
    T* to = out.writable<T>();
    const auto back = GRADUS_KERNELS(softmax_kernels).of(T{}).softmax_back;
    parallel_for(0, out.numel() / n, 1 + 16384 / n, [&](int64 begin, int64 end) {
      back(from + begin * n, cp + begin * n, end - begin, n, to + begin * n);
    });
    return out;
  });
}

}  // namespace

extern const OpDef kSum{.name = "sum",
                        .formula = "y = sum_axes x",
                        .vjp_formula = "dx = g, broadcast",
                        .infer = reduced,
                        .reads = kReadsNothing,
                        .forward = [](const ForwardCall& c) -> Forward {
                          return gradus::sum(c.in(0), axes_of(c.attrs()), keep_of(c.attrs()));
                        },
                        .vjp = [](const VjpCall& c, const Var& g) -> Grads {
                          return broadcast_to(kept(g, c), c.shape(0));
                        },
                        .samples = reduce_samples(false),
                        .bad_samples = reduce_bad()};

extern const OpDef kMax{.name = "max",
                        .formula = "y = max_axes x",
                        .vjp_formula = "dx = g [x = y] / number of such x",
                        .infer = extreme_infer,
                        .reads = {1u, true},
                        .forward = [](const ForwardCall& c) -> Forward {
                          return gradus::max(c.in(0), axes_of(c.attrs()), keep_of(c.attrs()));
                        },
                        .vjp = extreme_vjp,
                        .samples = reduce_samples(true),
                        .bad_samples = extreme_bad()};

extern const OpDef kMin{.name = "min",
                        .formula = "y = min_axes x",
                        .vjp_formula = "dx = g [x = y] / number of such x",
                        .infer = extreme_infer,
                        .reads = {1u, true},
                        .forward = [](const ForwardCall& c) -> Forward {
                          return gradus::min(c.in(0), axes_of(c.attrs()), keep_of(c.attrs()));
                        },
                        .vjp = extreme_vjp,
                        .samples = reduce_samples(true),
                        .bad_samples = extreme_bad()};

extern const OpDef kNorm{.name = "norm",
                         .formula = "y = sqrt(sum_axes x^2)",
                         .vjp_formula = "dx = g x / y; 0 where y = 0",
                         .infer = reduced,
                         .reads = {1u, true},
                         .forward = [](const ForwardCall& c) -> Forward {
                           return gradus::norm(c.in(0), axes_of(c.attrs()), keep_of(c.attrs()));
                         },
                         .vjp = [](const VjpCall& c, const Var& g) -> Grads {
                           const Var y = kept(c.out(), c);
                           const Var zero = fixed(gradus::equal(y.value(), scalar(0, y.dtype())));
                           return c.in(0) *
                                  masked_fill(kept(g, c) / masked_fill(y, zero, 1), zero, 0);
                         },
                         .samples = reduce_samples(false),
                         .bad_samples = reduce_bad()};

extern const OpDef kLogSumExp{.name = "logsumexp",
                              .formula = "y = ln sum_axes e^x",
                              .vjp_formula = "dx = g e^(x - y)",
                              .infer = reduced,
                              .reads = {1u, true},
                              .forward = [](const ForwardCall& c) -> Forward {
                                return gradus::logsumexp(c.in(0), axes_of(c.attrs()),
                                                         keep_of(c.attrs()));
                              },
                              .vjp = [](const VjpCall& c, const Var& g) -> Grads {
                                return kept(g, c) * exp(c.in(0) - kept(c.out(), c));
                              },
                              .samples = reduce_samples(false),
                              .bad_samples = reduce_bad()};

extern const OpDef kSoftmaxGradient{
    .name = "softmax_gradient",
    .formula = "y = p (c - sum_axis c p)",
    .vjp_formula = "dp = g (c - sum_axis c p) - c sum_axis g p, dc = p (g - sum_axis g p)",
    .infer = [](const InferCall& c) -> Inferred {
      const DType t = c.same_float();
      check_shape(c.shape(0) == c.shape(1), "the softmax is {}, its cotangent {}", text(c.shape(0)),
                  text(c.shape(1)));
      normal_axis(c.attrs().integer("axis"), c.shape(0).rank());
      return {c.shape(0), t};
    },
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) -> Forward {
      return softmax_gradient(c.in(0), c.in(1), c.attrs().integer("axis"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      const Axes axis{c.attrs().integer("axis")};
      const auto along = [&](const Var& v) { return sum(v * c.in(0), axis, Keep::yes); };
      Var dp, dc;
      if (c.wanted(0)) dp = g * (c.in(1) - along(c.in(1))) - c.in(1) * along(g);
      if (c.wanted(1)) dc = apply(kSoftmaxGradient, {c.in(0), g}, c.attrs());
      return Grads(dp, dc);
    },
    .samples = {{.in = {{.shape = {2, 3}, .low = 0, .high = 1}, {.shape = {2, 3}}},
                 .attrs = {{"axis", int64{-1}}}},
                {.in = {{.shape = {3, 2, 2}, .low = 0, .high = 1}, {.shape = {3, 2, 2}}},
                 .attrs = {{"axis", int64{0}}}}},
    .bad_samples = {{.in = {{.shape = {2, 3}}, {.shape = {3}}},
                     .attrs = {{"axis", int64{-1}}},
                     .message = "its cotangent (3)"}}};

extern const OpDef kSoftmax{.name = "softmax",
                            .formula = "y = e^x / sum_axis e^x",
                            .vjp_formula = "dx = y (g - sum_axis g y)",
                            .infer = along_axis,
                            .reads = kReadsOutput,
                            .forward = [](const ForwardCall& c) -> Forward {
                              return gradus::softmax(c.in(0), c.attrs().integer("axis"));
                            },
                            .vjp = [](const VjpCall& c, const Var& g) -> Grads {
                              return apply(kSoftmaxGradient, {c.out(), g}, c.attrs());
                            },
                            .samples = axis_samples(),
                            .bad_samples = axis_bad()};

extern const OpDef kLogSoftmax{.name = "log_softmax",
                               .formula = "y = x - ln sum_axis e^x",
                               .vjp_formula = "dx = g - e^y sum_axis g",
                               .infer = along_axis,
                               .reads = kReadsOutput,
                               .forward = [](const ForwardCall& c) -> Forward {
                                 return gradus::log_softmax(c.in(0), c.attrs().integer("axis"));
                               },
                               .vjp = [](const VjpCall& c, const Var& g) -> Grads {
                                 return g - exp(c.out()) *
                                                sum(g, {c.attrs().integer("axis")}, Keep::yes);
                               },
                               .samples = axis_samples(),
                               .bad_samples = axis_bad()};

extern const OpDef kCumsum{
    .name = "cumsum",
    .formula = "y_i = x_0 + ... + x_i; reverse: x_i + ... + x_last",
    .vjp_formula = "dx = cumsum of g in the other direction",
    .infer = along_axis,
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::cumsum(c.in(0), c.attrs().integer("axis"),
                            c.attrs().flag("reverse") ? Direction::reverse : Direction::forward);
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return cumsum(g, c.attrs().integer("axis"),
                    c.attrs().flag("reverse") ? Direction::forward : Direction::reverse);
    },
    .samples = {{.in = {{.shape = {2, 3}}}, .attrs = {{"axis", int64{1}}, {"reverse", int64{0}}}},
                {.in = {{.shape = {3, 2}}}, .attrs = {{"axis", int64{0}}, {"reverse", int64{1}}}}},
    .bad_samples = {{.in = {{.shape = {3}}},
                     .attrs = {{"axis", int64{1}}, {"reverse", int64{0}}},
                     .message = "axis 1"}}};

extern const OpDef kSumTo{
    .name = "sum_to",
    .formula = "y = sum of x over the axes that a broadcast from a shape stretched",
    .vjp_formula = "dx = g, broadcast",
    .infer = [](const InferCall& c) -> Inferred {
      const Shape to = c.attrs().shape("shape");
      check_shape(can_broadcast(to, c.shape(0)), "{} is not a broadcast of {}", text(c.shape(0)),
                  text(to));
      return {to, c.float_input(0)};
    },
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::sum_to(c.in(0), c.attrs().shape("shape"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return broadcast_to(g, c.shape(0)); },
    .samples = {{.in = {{.shape = {2, 3}}}, .attrs = {{"shape", attr(Shape{3})}}},
                {.in = {{.shape = {2, 3, 2}}}, .attrs = {{"shape", attr(Shape{3, 1})}}},
                {.in = {{.shape = {2, 2}}}, .attrs = {{"shape", attr(Shape{})}}}},
    .bad_samples = {{.in = {{.shape = {2, 3}}},
                     .attrs = {{"shape", attr(Shape{2})}},
                     .message = "not a broadcast"}}};

extern const OpDef kMatmul{
    .name = "matmul",
    .formula = "Y = A B",
    .vjp_formula = "dA = G B^T, dB = A^T G",
    .infer = [](const InferCall& c) -> Inferred {
      return {matmul_shape(c.shape(0), c.shape(1)), c.same_float()};
    },
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::matmul(c.in(0), c.in(1)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      Var da, db;
      if (c.wanted(0)) da = sum_to(matmul(g, transpose(c.in(1))), c.shape(0));
      if (c.wanted(1)) {
        const Var a = c.in(0);
        // One matrix for the whole batch: the batch is just more rows, and one product does it.
        const int64 k = c.shape(1)[0], n = c.shape(1).back();
        const int64 rows = k ? a.numel() / k : 0;
        db = c.shape(1).rank() == 2 && a.rank() > 2 && k && n
                 ? matmul(transpose(reshape(a, {rows, k})), reshape(g, {rows, n}))
                 : sum_to(matmul(transpose(a), g), c.shape(1));
      }
      return Grads(da, db);
    },
    .samples = {{.in = {{.shape = {2, 3}}, {.shape = {3, 4}}}},
                {.in = {{.shape = {2, 3, 2}}, {.shape = {2, 2}}}},
                {.in = {{.shape = {2, 1, 2, 3}}, {.shape = {2, 3, 1}}}},
                {.in = {{.shape = {1, 2}}, {.shape = {3, 2, 2}}}}},
    .bad_samples = {{.in = {{.shape = {4, 8}}, {.shape = {4, 8}}}, .message = "inner sizes differ"},
                    {.in = {{.shape = {2, 3, 4}}, {.shape = {3, 4, 2}}}, .message = "(2, 3, 4)"},
                    {.in = {{.shape = {2, 2}}, {.shape = {2, 2}, .dtype = DType::f32}},
                     .message = "nothing is promoted"}}};

}  // namespace gradus::ops

namespace gradus {

namespace {
Attrs reduce_attrs(const Axes& axes, Keep keep) {
  return {{"axes", axes.axes}, {"keep", static_cast<int64>(keep == Keep::yes)}};
}
}  // namespace

Var sum(At x, const Axes& axes, Keep keep) {
  return apply(ops::kSum, {x}, reduce_attrs(axes, keep), x.where);
}
Var mean(At x, const Axes& axes, Keep keep) {
  const Var total = apply(ops::kSum, {x}, reduce_attrs(axes, keep), x.where);
  const int64 n = total.numel() ? x.var.numel() / total.numel() : 0;
  return scale(At(total, x.where.file, x.where.line), 1 / static_cast<double>(n));
}
Var max(At x, const Axes& axes, Keep keep) {
  return apply(ops::kMax, {x}, reduce_attrs(axes, keep), x.where);
}
Var min(At x, const Axes& axes, Keep keep) {
  return apply(ops::kMin, {x}, reduce_attrs(axes, keep), x.where);
}
Var norm(At x, const Axes& axes, Keep keep) {
  return apply(ops::kNorm, {x}, reduce_attrs(axes, keep), x.where);
}
Var logsumexp(At x, const Axes& axes, Keep keep) {
  return apply(ops::kLogSumExp, {x}, reduce_attrs(axes, keep), x.where);
}
Var softmax(At x, int64 axis) { return apply(ops::kSoftmax, {x}, {{"axis", axis}}, x.where); }
Var log_softmax(At x, int64 axis) {
  return apply(ops::kLogSoftmax, {x}, {{"axis", axis}}, x.where);
}
Var cumsum(At x, int64 axis, Direction direction) {
  return apply(ops::kCumsum, {x},
               {{"axis", axis}, {"reverse", static_cast<int64>(direction == Direction::reverse)}},
               x.where);
}
Var sum_to(At x, const Shape& shape) {
  if (x.var.shape() == shape) return x.var;
  return apply(ops::kSumTo, {x}, {{"shape", attr(shape)}}, x.where);
}

Var matmul(At a, const Var& b) {
  const auto at = [&](const Var& v) { return At(v, a.where.file, a.where.line); };
  if (a.var.rank() >= 2 && b.rank() >= 2) return apply(ops::kMatmul, {a, b}, {}, a.where);
  const int64 axis = std::max(b.rank() - 2, 0);
  if (a.var.rank() == 0 || b.rank() == 0 || a.var.size(-1) != b.size(axis) ||
      a.var.dtype() != b.dtype())
    return apply(ops::kMatmul, {a, b}, {}, a.where);  // refuses, in the shapes that the user wrote
  const Var row = a.var.rank() == 1 ? unsqueeze(a, 0) : a.var;
  const Var column = b.rank() == 1 ? unsqueeze(at(b), 1) : b;
  Var y = apply(ops::kMatmul, {row, column}, {}, a.where);
  if (b.rank() == 1) y = squeeze(at(y), -1);
  if (a.var.rank() == 1) y = squeeze(at(y), b.rank() == 1 ? -1 : -2);
  return y;
}

}  // namespace gradus
