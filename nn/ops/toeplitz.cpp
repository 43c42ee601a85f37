// toeplitz_product and lag_product: what attention with a weight of the lag is made of, by FFT.
//
//   P(a, b, c, w)_m = sum over n of w[m - n] (a_m . b_n) c_n = sum over i of a_mi (T z_ij)_m,
//
// with z_ij = (b_ni c_nj)_n and T the Toeplitz matrix of w: a convolution for each i, j. The
// gradient by w is a correlation, Q(a, b, c, g)[l] = sum over m - n = l of (a_m . b_n) (g_m . c_n);
// the two are closed under differentiation. w[l] stands at l + Nk - 1. A NaN or Inf in one row
// reaches all rows.
#include "nn/ops.h"
#include "nn/ops/toeplitz_fft.h"
#include "tensor/elementwise.h"

namespace gradus::ops {

namespace {

/// i64 [1, ..., Nq Nk]: where the weight of query m and key n stands, m - n + Nk - 1.
Tensor lag_index(int64 queries, int64 keys, int rank) {
  std::vector<int64> at;
  at.reserve(static_cast<std::size_t>(queries * keys));
  for (int64 m = 0; m < queries; ++m)
    for (int64 n = 0; n < keys; ++n) at.push_back(m - n + keys - 1);
  Shape shape = Shape::of_rank(rank, 1);
  shape[rank - 1] = queries * keys;
  return from_values(at, shape);
}

/// [..., a, b] of the batch axes of x.
Shape with_axes(const Shape& x, std::initializer_list<int64> last) {
  Shape s = Shape::of_rank(x.rank() - 2 + static_cast<int>(last.size()), 1);
  int axis = 0;
  for (; axis + 2 < x.rank(); ++axis) s[axis] = x[axis];
  for (int64 size : last) s[axis++] = size;
  return s;
}

void check_abc(const InferCall& call) {
  const Shape &a = call.shape(0), &b = call.shape(1), &c = call.shape(2);
  check_shape(a.rank() >= 2, "a needs the axes [..., queries, features], got {}", text(a));
  check_shape(b.rank() == a.rank() && b == with_axes(a, {b[b.rank() - 2], a.back()}),
              "b needs the axes of a beside the tokens: a is {}, b is {}", text(a), text(b));
  check_shape(c.rank() == a.rank() && c == with_axes(b, {b[b.rank() - 2], c.back()}),
              "c needs the axes of b beside the last one: b is {}, c is {}", text(b), text(c));
}

int64 lag_count(const Shape& a, const Shape& c) { return Sizes(a, c).lags(); }

Inferred infer_toeplitz(const InferCall& call) {
  const DType t = call.same_float();
  check_abc(call);
  const Shape &a = call.shape(0), &c = call.shape(2), &w = call.shape(3);
  const Shape of_lags = with_axes(a, {lag_count(a, c)});
  check_shape(w == of_lags, "w needs a weight for each lag, {}, got {}", text(of_lags), text(w));
  return {with_axes(a, {a[a.rank() - 2], c.back()}), t};
}

Inferred infer_lags(const InferCall& call) {
  const DType t = call.same_float();
  check_abc(call);
  const Shape &a = call.shape(0), &c = call.shape(2), &g = call.shape(3);
  const Shape of_queries = with_axes(a, {a[a.rank() - 2], c.back()});
  check_shape(g == of_queries, "g needs a row for each query, {}, got {}", text(of_queries),
              text(g));
  return {with_axes(a, {lag_count(a, c)}), t};
}

/// w of the lags the other way round, for the product where keys ask queries.
Var reversed(const Var& w) {
  const int64 n = w.size(-1);
  std::vector<int64> at;
  for (int64 i = n; i-- > 0;) at.push_back(i);
  Shape shape = Shape::of_rank(w.rank(), 1);
  shape[w.rank() - 1] = n;
  return gather(w, -1, Var(from_values(at, shape)));
}

std::vector<Sample> samples(bool weights) {
  const auto sample = [weights](std::initializer_list<int64> batch, int64 queries, int64 keys,
                                int64 m, int64 v) {
    const auto shape = [&](std::initializer_list<int64> last) {
      Shape s = Shape::of_rank(static_cast<int>(batch.size() + last.size()), 1);
      int axis = 0;
      for (int64 size : batch) s[axis++] = size;
      for (int64 size : last) s[axis++] = size;
      return s;
    };
    return Sample{.in = {{.shape = shape({queries, m})},
                         {.shape = shape({keys, m})},
                         {.shape = shape({keys, v})},
                         {.shape = weights ? shape({queries + keys - 1}) : shape({queries, v})}}};
  };
  return {sample({}, 4, 4, 2, 3), sample({2}, 2, 5, 3, 2), sample({1, 2}, 3, 1, 1, 1),
          sample({}, 1, 4, 2, 1)};
}

std::vector<BadSample> bad_samples(bool weights) {
  const std::string last =
      weights ? "w needs a weight for each lag, (7)" : "g needs a row for each query, (4, 2)";
  return {{.in = {{.shape = {4, 3}}, {.shape = {4, 3}}, {.shape = {4, 2}}, {.shape = {6}}},
           .message = last},
          {.in = {{.shape = {4, 3}}, {.shape = {4, 2}}, {.shape = {4, 2}}, {.shape = {7}}},
           .message = "a is (4, 3), b is (4, 2)"},
          {.in = {{.shape = {4, 3}}, {.shape = {4, 3}}, {.shape = {5, 2}}, {.shape = {7}}},
           .message = "b is (4, 3), c is (5, 2)"},
          {.in = {{.shape = {4}}, {.shape = {4}}, {.shape = {4}}, {.shape = {7}}},
           .message = "[..., queries, features]"}};
}

}  // namespace

extern const OpDef kToeplitzProduct{
    .name = "toeplitz_product",
    .formula = "y_m = sum_n w[m - n] (a_m . b_n) c_n, by FFT",
    .vjp_formula =
        "da = P(g, c, b, w), db = P(c, g, a, w'), dc = P(b, a, g, w'), dw = lag_product(a, b, c, "
        "g); P this op, w'[l] = w[-l]",
    .source = "Luo et al. 2021, section 3.2",
    .infer = infer_toeplitz,
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) -> Forward {
      return toeplitz_sums(c.in(0), c.in(1), c.in(2), c.in(3));
    },
    .vjp = [](const VjpCall& call, const Var& g) -> Grads {
      const Var a = call.in(0), b = call.in(1), c = call.in(2), w = call.in(3);
      const Var back = call.wanted(1) || call.wanted(2) ? reversed(w) : Var();
      return Grads(call.wanted(0) ? toeplitz_product(g, c, b, w) : Var(),
                   call.wanted(1) ? toeplitz_product(c, g, a, back) : Var(),
                   call.wanted(2) ? toeplitz_product(b, a, g, back) : Var(),
                   call.wanted(3) ? lag_product(a, b, c, g) : Var());
    },
    .reference = [](std::span<const Var> in, const Attrs&) -> Var {
      const Var products = matmul(in[0], transpose(in[1]));
      const Var weights =
          reshape(gather(in[3], -1, Var(lag_index(in[0].size(-2), in[1].size(-2), in[3].rank()))),
                  products.shape());
      return matmul((products * weights).named("scores"), in[2]);
    },
    .samples = samples(true),
    .bad_samples = bad_samples(true)};

extern const OpDef kLagProduct{
    .name = "lag_product",
    .formula = "y[l] = sum over m - n = l of (a_m . b_n) (g_m . c_n), by FFT",
    .vjp_formula =
        "with h the cotangent: da = P(g, c, b, h), db = P(c, g, a, h'), dc = P(b, a, g, h'), dg = "
        "P(a, b, c, h); P toeplitz_product, h'[l] = h[-l]",
    .source = "the gradient by w of toeplitz_product",
    .infer = infer_lags,
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) -> Forward {
      return lag_sums(c.in(0), c.in(1), c.in(2), c.in(3));
    },
    .vjp = [](const VjpCall& call, const Var& h) -> Grads {
      const Var a = call.in(0), b = call.in(1), c = call.in(2), g = call.in(3);
      const Var back = call.wanted(1) || call.wanted(2) ? reversed(h) : Var();
      return Grads(call.wanted(0) ? toeplitz_product(g, c, b, h) : Var(),
                   call.wanted(1) ? toeplitz_product(c, g, a, back) : Var(),
                   call.wanted(2) ? toeplitz_product(b, a, g, back) : Var(),
                   call.wanted(3) ? toeplitz_product(a, b, c, h) : Var());
    },
    .reference = [](std::span<const Var> in, const Attrs&) -> Var {
      const Var s = matmul(in[0], transpose(in[1])) * matmul(in[3], transpose(in[2]));
      const Shape flat = with_axes(s.shape(), {s.size(-2) * s.size(-1)});
      return scatter_add(reshape(s, flat), -1, Var(lag_index(s.size(-2), s.size(-1), s.rank() - 1)),
                         with_axes(s.shape(), {lag_count(in[0].shape(), in[2].shape())}));
    },
    .samples = samples(false),
    .bad_samples = bad_samples(false)};

}  // namespace gradus::ops

namespace gradus {

Var toeplitz_product(At a, const Var& b, const Var& c, const Var& w) {
  return apply(ops::kToeplitzProduct, {a, b, c, w}, {}, a.where);
}
Var lag_product(At a, const Var& b, const Var& c, const Var& g) {
  return apply(ops::kLagProduct, {a, b, c, g}, {}, a.where);
}

}  // namespace gradus
