// causal_product: what causal linear attention is made of. With S_m = sum over n <= m of b_n c_n^T,
// y_m = a_m S_m, by the kernel of linear attention without map and division: O(N m v) time, m v
// numbers of memory a head. The vjp is closed under the op itself.
#include "nn/ops/matrices.h"

namespace gradus::ops {

namespace {

Direction direction_of(const Attrs& a) {
  return a.flag("reverse") ? Direction::reverse : Direction::forward;
}
Direction other(Direction d) {
  return d == Direction::forward ? Direction::reverse : Direction::forward;
}

Inferred infer_product(const InferCall& c) {
  const DType t = c.same_float();
  const Shape &a = c.shape(0), &b = c.shape(1), &v = c.shape(2);
  check_shape(a.rank() >= 2, "a needs the axes [..., tokens, features], got {}", a);
  check_shape(a == b, "a and b need one shape, got {} and {}", a, b);
  Shape beside = v;
  if (v.rank() == a.rank()) beside[v.rank() - 1] = a.back();
  check_shape(beside == a, "c needs the axes of a beside the last one: a is {}, c is {}", a, v);
  return {v, t};
}

/// The other way round, a matrix is the one that begins at its last row and goes up.
template <class Row>
RowsAt<Row> reversed(RowsAt<Row> m, int64 rows) {
  return {m.first + (rows - 1) * m.lead, -m.lead};
}

template <class T>
Tensor product(const Tensor& a, const Tensor& b, const Tensor& c, Direction direction) {
  const int last = a.rank() - 1;
  const int64 rows = a.shape()[last - 1], m = a.shape()[last], width = c.shape()[last];
  if (c.numel() == 0 || m == 0) return zeros(c.shape(), c.dtype());
  NewMatrices<T> y(c.shape(), c);
  const Matrices<T> as(a), bs(b), cs(c);
  for_heads<T>(c.numel() / (rows * width), {rows, rows, m, width}, [&](int64 i, T* scratch) {
    LinearForward<T> f{};
    f.head = {rows,       rows,       m,  width, Keys::earlier, ElementMap::identity, as.rows(i),
              bs.rows(i), cs.rows(i), {}, {}};
    f.y = y.rows(i);
    if (direction == Direction::reverse) {
      f.head.q = reversed(f.head.q, rows);
      f.head.k = reversed(f.head.k, rows);
      f.head.v = reversed(f.head.v, rows);
      f.y = reversed(f.y, rows);
    }
    GRADUS_KERNELS(kLinearAttention).of(T()).forward(f, scratch);
  });
  return y.tensor();
}

std::vector<Sample> product_samples() {
  const Attrs forward{{"reverse", int64{0}}}, reverse{{"reverse", int64{1}}};
  return {
      {.in = {{.shape = {5, 3}}, {.shape = {5, 3}}, {.shape = {5, 2}}}, .attrs = forward},
      {.in = {{.shape = {2, 2, 4, 2}}, {.shape = {2, 2, 4, 2}}, {.shape = {2, 2, 4, 3}}},
       .attrs = reverse},
      {.in = {{.shape = {2, 1, 1}}, {.shape = {2, 1, 1}}, {.shape = {2, 1, 1}}}, .attrs = forward},
      {.in = {{.shape = {66, 1}}, {.shape = {66, 1}}, {.shape = {66, 1}}}, .attrs = forward},
      {.in = {{.shape = {66, 1}}, {.shape = {66, 1}}, {.shape = {66, 1}}}, .attrs = reverse}};
}

std::vector<BadSample> product_bad() {
  const Attrs forward{{"reverse", int64{0}}};
  return {{.in = {{.shape = {5, 3}}, {.shape = {4, 3}}, {.shape = {5, 2}}},
           .attrs = forward,
           .message = "a and b need one shape, got (5, 3) and (4, 3)"},
          {.in = {{.shape = {5, 3}}, {.shape = {5, 3}}, {.shape = {4, 2}}},
           .attrs = forward,
           .message = "a is (5, 3), c is (4, 2)"},
          {.in = {{.shape = {5}}, {.shape = {5}}, {.shape = {5}}},
           .attrs = forward,
           .message = "[..., tokens, features]"},
          {.in = {{.shape = {5, 3}}, {.shape = {5, 3}}, {.shape = {5, 2}, .dtype = DType::f32}},
           .attrs = forward,
           .message = "nothing is promoted"}};
}

}  // namespace

extern const OpDef kCausalProduct{
    .name = "causal_product",
    .formula = "y_m = sum_n (a_m . b_n) c_n over n <= m (reverse: n >= m)",
    .vjp_formula =
        "da = P(g, c, b), db = P'(c, g, a), dc = P'(b, a, g); P this op, P' the other "
        "direction",
    .source = "Katharopoulos et al. 2020, eq. 8-11",
    .infer = infer_product,
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) -> Forward {
      return dispatch_float(c.in(0).dtype(), "causal_product", [&](auto tag) {
        using T = typename decltype(tag)::type;
        return product<T>(c.in(0), c.in(1), c.in(2), direction_of(c.attrs()));
      });
    },
    .vjp = [](const VjpCall& call, const Var& g) -> Grads {
      const Direction d = direction_of(call.attrs());
      const Var a = call.in(0), b = call.in(1), c = call.in(2);
      return Grads(call.wanted(0) ? causal_product(g, c, b, d) : Var(),
                   call.wanted(1) ? causal_product(c, g, a, other(d)) : Var(),
                   call.wanted(2) ? causal_product(b, a, g, other(d)) : Var());
    },
    .reference = [](std::span<const Var> in, const Attrs& attrs) -> Var {
      const Var square = matmul(in[0], transpose(in[1]));
      const Var scores = (attrs.flag("reverse") ? triu(square) : tril(square)).named("scores");
      return matmul(scores, in[2]);
    },
    .samples = product_samples(),
    .bad_samples = product_bad()};

}  // namespace gradus::ops

namespace gradus {

Var causal_product(At a, const Var& b, const Var& c, Direction direction) {
  return apply(ops::kCausalProduct, {a, b, c},
               {{"reverse", static_cast<int64>(direction == Direction::reverse)}}, a.where);
}

}  // namespace gradus
