// linear_attention: feature map, causal product and normaliser of linear attention in one node
// (nn/kernels/linear_attention.h); the reference is made of causal_product, so that second
// derivatives are linear in the rows too.
#include <array>

#include "nn/ops/matrices.h"
#include "tensor/elementwise.h"

namespace gradus::ops {

namespace {

Keys keys_of(const Attrs& a) { return a.flag("causal") ? Keys::earlier : Keys::all; }
ElementMap map_of(const Attrs& a) {
  const std::string& word = a.word("map");
  if (word == "elu1") return ElementMap::elu1;
  return word == "relu" ? ElementMap::relu : ElementMap::identity;
}
std::string word_of(ElementMap map) {
  if (map == ElementMap::elu1) return "elu1";
  return map == ElementMap::relu ? "relu" : "identity";
}

Inferred infer_attention(const InferCall& c) {
  const DType t = c.same_float();
  const Shape &q = c.shape(0), &k = c.shape(1), &v = c.shape(2);
  check_shape(q.rank() >= 2, "q needs the axes [..., tokens, features], got {}", q);
  const int rows = q.rank() - 2;
  Shape like_q = k, like_k = v;
  if (k.rank() == q.rank()) like_q[rows] = q[rows];
  check_shape(like_q == q, "q and k need the same axes beside their rows: q is {}, k is {}", q, k);
  if (v.rank() == k.rank()) like_k[rows + 1] = k.back();
  check_shape(like_k == k, "v needs the axes of k beside the last one: k is {}, v is {}", k, v);
  check_shape(keys_of(c.attrs()) == Keys::all || q[rows] == k[rows],
              "causal: there must be as many queries as keys, got {} and {}", q[rows], k[rows]);
  Shape y = q;
  y[rows + 1] = v.back();
  if (c.count() == 4) {
    Shape eps = q;
    eps[rows + 1] = 1;
    check_shape(c.shape(3) == eps, "eps must be {}, got {}", eps, c.shape(3));
  }
  return {y, t};
}

HeadSizes sizes_of(const Tensor& q, const Tensor& k, const Tensor& v) {
  return {q.size(-2), k.size(-2), q.size(-1), v.size(-1)};
}
int64 count_heads(const Tensor& q) {
  int64 n = 1;
  for (int axis = 0; axis + 2 < q.rank(); ++axis) n *= q.shape()[axis];
  return n;
}

/// What forward and backward read alike.
template <class T>
struct Heads {
  Matrices<T> q, k, v;
  Matrices<T> eps;
  bool divided;
  HeadSizes sizes;
  Keys keys;
  ElementMap map;

  LinearHead<T> at(int64 i) const {
    return {sizes.queries,  sizes.keys,
            sizes.features, sizes.width,
            keys,           map,
            q.rows(i),      k.rows(i),
            v.rows(i),      divided ? eps.rows(i) : RowsAt<const T>{}};
  }
};

template <class T>
Forward forward(const ForwardCall& c) {
  const Tensor &q = c.in(0), &k = c.in(1), &v = c.in(2);
  const bool divided = c.count() == 4;
  const Heads<T> heads{
      Matrices<T>(q), Matrices<T>(k),    Matrices<T>(v),     Matrices<T>(c.in(divided ? 3 : 0)),
      divided,        sizes_of(q, k, v), keys_of(c.attrs()), map_of(c.attrs())};
  Shape shape = q.shape();
  shape[q.rank() - 1] = heads.sizes.width;
  NewMatrices<T> y(shape, v);
  const int64 count = count_heads(q), rows = heads.sizes.queries;
  Tensor totals = Tensor::empty({divided ? count * rows : 0}, q.dtype());
  T* const total = totals.writable<T>();
  for_heads<T>(count, heads.sizes, [&](int64 i, T* scratch) {
    GRADUS_KERNELS(kLinearAttention)
        .of(T())
        .forward({heads.at(i), y.rows(i), divided ? total + i * rows : nullptr}, scratch);
  });
  return {y.tensor(), {totals}};
}

template <class T>
std::vector<Tensor> backward(const KernelCall& c) {
  const Tensor &q = c.in[0], &k = c.in[1], &v = c.in[2];
  const bool divided = c.in.size() == 4;
  // eps is in the totals already; here it only says that there is one.
  const Heads<T> heads{Matrices<T>(q), Matrices<T>(k),    Matrices<T>(v),   Matrices<T>(q),
                       divided,        sizes_of(q, k, v), keys_of(c.attrs), map_of(c.attrs)};
  const Matrices<T> g(c.cotangent), y(c.out);
  const auto gradient = [&c](std::size_t i) {
    return c.wanted[i] ? NewMatrices<T>(c.in[i].shape(), c.in[i]) : NewMatrices<T>();
  };
  const NewMatrices<T> dq = gradient(0), dk = gradient(1), dv = gradient(2);
  const int64 count = count_heads(q), rows = heads.sizes.queries;
  Shape beside = q.shape();
  beside[q.rank() - 1] = divided ? 1 : 0;
  Tensor deps = Tensor::empty(beside, q.dtype());
  T* const to_eps = deps.writable<T>();
  const T* const total = c.saved[0].template data<T>();
  for_heads<T>(count, heads.sizes, [&](int64 i, T* scratch) {
    GRADUS_KERNELS(kLinearAttention)
        .of(T())
        .backward({heads.at(i), g.rows(i), y.rows(i), divided ? total + i * rows : nullptr,
                   dq.rows(i), dk.rows(i), dv.rows(i), divided ? to_eps + i * rows : nullptr},
                  scratch);
  });
  std::vector<Tensor> out{dq.tensor(), dk.tensor(), dv.tensor()};
  if (divided) out.push_back(c.wanted[3] ? deps : Tensor());
  return out;
}

Var reference(std::span<const Var> in, const Attrs& attrs) {
  const ElementMap map = map_of(attrs);
  const auto mapped = [map](const Var& x) {
    if (map == ElementMap::elu1) return elu1(x);
    return map == ElementMap::relu ? relu(x) : x;
  };
  const Var f = mapped(in[0]), h = mapped(in[1]);
  const auto attend = [&](const Var& v) {
    if (keys_of(attrs) == Keys::earlier) return causal_product(f, h, v);
    return matmul(f, matmul(transpose(h), v));
  };
  if (in.size() < 4) return attend(in[2]);
  Shape column = in[1].shape();
  column[column.rank() - 1] = 1;
  const std::array<Var, 2> beside{in[2], Var(ones(column, in[2].dtype()))};
  const Var y = attend(concat(beside, -1));
  const int64 width = y.size(-1) - 1;
  return slice(y, -1, 0, width) / (slice(y, -1, width, width + 1) + in[3]);
}

Attrs attrs_of(Keys keys, ElementMap map) {
  return {{"causal", static_cast<int64>(keys == Keys::earlier)}, {"map", word_of(map)}};
}

std::vector<Sample> attention_samples() {
  const auto sample = [](Keys keys, ElementMap map, bool divided, Shape batch, int64 queries,
                         int64 rows, int64 features, int64 width) {
    const bool any_sign = !divided || map == ElementMap::elu1;
    const auto input = [&batch](int64 n, int64 w, double low, double high,
                                std::vector<double> kinks = {}) {
      Shape s = batch;
      s.push_back(n);
      s.push_back(w);
      return InputSpec{.shape = s, .low = low, .high = high, .kinks = std::move(kinks)};
    };
    const std::vector<double> kinks =
        map == ElementMap::relu ? std::vector<double>{0} : std::vector<double>{};
    const double low = any_sign ? -1.5 : map == ElementMap::relu ? -0.5 : 0.2;
    Sample s{.in = {input(queries, features, low, 1.5, kinks),
                    input(rows, features, low, 1.5, kinks), input(rows, width, -1, 1)},
             .attrs = attrs_of(keys, map)};
    if (divided) s.in.push_back(input(queries, 1, 0.5, 1));
    return s;
  };
  return {sample(Keys::earlier, ElementMap::elu1, true, {2, 1}, 5, 5, 3, 2),
          sample(Keys::earlier, ElementMap::relu, true, {}, 4, 4, 2, 1),
          sample(Keys::earlier, ElementMap::identity, true, {1}, 3, 3, 2, 9),
          sample(Keys::earlier, ElementMap::elu1, false, {}, 66, 66, 1, 1),
          sample(Keys::earlier, ElementMap::elu1, true, {}, 67, 67, 1, 1),
          sample(Keys::all, ElementMap::elu1, true, {2}, 3, 4, 2, 3),
          sample(Keys::all, ElementMap::identity, false, {1, 2}, 4, 2, 3, 1),
          sample(Keys::earlier, ElementMap::elu1, true, {}, 1, 1, 1, 1)};
}

std::vector<BadSample> attention_bad() {
  const Attrs causal = attrs_of(Keys::earlier, ElementMap::elu1),
              all = attrs_of(Keys::all, ElementMap::elu1);
  return {{.in = {{.shape = {5}}, {.shape = {5}}, {.shape = {5}}},
           .attrs = causal,
           .message = "[..., tokens, features]"},
          {.in = {{.shape = {5, 3}}, {.shape = {5, 2}}, {.shape = {5, 2}}},
           .attrs = causal,
           .message = "q is (5, 3), k is (5, 2)"},
          {.in = {{.shape = {5, 3}}, {.shape = {4, 3}}, {.shape = {4, 2}}},
           .attrs = causal,
           .message = "as many queries as keys, got 5 and 4"},
          {.in = {{.shape = {5, 3}}, {.shape = {4, 3}}, {.shape = {5, 2}}},
           .attrs = all,
           .message = "k is (4, 3), v is (5, 2)"},
          {.in = {{.shape = {5, 3}}, {.shape = {5, 3}}, {.shape = {5, 2}}, {.shape = {5}}},
           .attrs = causal,
           .message = "eps must be (5, 1), got (5)"}};
}

}  // namespace

extern const OpDef kLinearAttention{
    .name = "linear_attention",
    .formula =
        "y_m = f_m S_m / (f_m . z_m + eps_m), S_m = sum h_n v_n^T, z_m = sum h_n over n <= m "
        "(or all), f = map(q), h = map(k); without eps: f_m S_m",
    .vjp_formula =
        "e = g / total, u = -(g . y) / total; df = e S^T + u z^T, dh = v R^T + t, dv = h R, deps = "
        "u, R_n = sum f_m^T e_m, t_n = sum u_m f_m over m >= n (or all)",
    .source = "Katharopoulos et al. 2020, eq. 4-11",
    .infer = infer_attention,
    .reads = {0b111u, true},
    .forward = [](const ForwardCall& c) -> Forward {
      return dispatch_float(c.in(0).dtype(), "linear_attention",
                            [&](auto tag) { return forward<typename decltype(tag)::type>(c); });
    },
    .vjp_kernel = [](const KernelCall& c) -> std::vector<Tensor> {
      return dispatch_float(c.cotangent.dtype(), "linear_attention",
                            [&](auto tag) { return backward<typename decltype(tag)::type>(c); });
    },
    .reference = reference,
    .samples = attention_samples(),
    .bad_samples = attention_bad()};

}  // namespace gradus::ops

namespace gradus {

Var linear_attention(At q, const Var& k, const Var& v, Keys keys, ElementMap map, const Var& eps) {
  return apply(ops::kLinearAttention, {q, k, v, eps}, ops::attrs_of(keys, map), q.where);
}
Var linear_attention(At q, const Var& k, const Var& v, Keys keys, ElementMap map) {
  return apply(ops::kLinearAttention, {q, k, v}, ops::attrs_of(keys, map), q.where);
}

}  // namespace gradus
