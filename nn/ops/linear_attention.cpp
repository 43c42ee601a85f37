// linear_attention: feature map, causal product and normaliser of linear attention in one node
// (nn/kernels/linear_attention.h); the reference is made of causal_product, so that second
// derivatives are linear in the rows too.
#include <array>

#include "nn/ops/matrices.h"
#include "tensor/elementwise.h"

namespace gradus::ops {

namespace {

Keys keys_of(const Attrs& a) { return a.flag("causal") ? Keys::earlier : Keys::all; }
struct NamedMap {
  const char* name;
  ElementMap map;
};
constexpr NamedMap kMaps[] = {{"identity", ElementMap::identity},
                              {"elu1", ElementMap::elu1},
                              {"relu", ElementMap::relu},
                              {"softplus", ElementMap::softplus},
                              {"squared_relu", ElementMap::squared_relu}};
ElementMap map_of(const Attrs& a) { return *find_element_map(a.word("map")); }
std::string word_of(ElementMap map) {
  for (const NamedMap& m : kMaps)
    if (m.map == map) return m.name;
  fail<InternalError>("linear_attention: map {} has no name", static_cast<int>(map));
}
/// The map as a plain op.
Var apply_map(ElementMap map, const Var& x) {
  switch (map) {
    case ElementMap::identity:
      return x;
    case ElementMap::elu1:
      return elu1(x);
    case ElementMap::relu:
      return relu(x);
    case ElementMap::softplus:
      return softplus(x);
    case ElementMap::squared_relu:
      return square(relu(x));
  }
  return x;
}

/// Behind q, k, v: which input is eps, which one kept, which one the turn of q (that of k comes
/// next); 0: none.
int eps_at(const Attrs& a) { return a.flag("divided") ? 3 : 0; }
int kept_at(const Attrs& a) { return a.flag("masked") ? 3 + (a.flag("divided") ? 1 : 0) : 0; }
int turn_at(const Attrs& a) {
  return a.flag("turned") ? 3 + (a.flag("divided") ? 1 : 0) + (a.flag("masked") ? 1 : 0) : 0;
}

Inferred infer_attention(const InferCall& c) {
  const DType t = c.float_input(0);
  const int eps = eps_at(c.attrs()), kept = kept_at(c.attrs());
  for (int i = 1; i < c.count(); ++i) {
    if (i != kept)
      check_dtype(c.dtype(i) == t, "input 0 is {}, input {} is {}: nothing is promoted; use cast",
                  name(t), i, name(c.dtype(i)));
    else
      check_dtype(c.dtype(i) == DType::u8, "kept must be u8, got {}", name(c.dtype(i)));
  }
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
  const auto check_columns = [&](int i, const char* what, Shape like, int64 width) {
    like[rows + 1] = width;
    check_shape(i == 0 || c.shape(i) == like, "{} must be {}, got {}", what, like, c.shape(i));
  };
  check_columns(eps, "eps", q, 1);
  check_columns(kept, "kept", k, 1);
  const int turn = turn_at(c.attrs());
  check_columns(turn, "the turn of q", q, 2);
  check_columns(turn ? turn + 1 : 0, "the turn of k", k, 2);
  return {y, t};
}

HeadSizes sizes_of(const Tensor& q, const Tensor& k, const Tensor& v, bool turned) {
  return {q.size(-2), k.size(-2), q.size(-1) * (turned ? 2 : 1), v.size(-1)};
}
int64 count_heads(const Tensor& q) {
  int64 n = 1;
  for (int axis = 0; axis + 2 < q.rank(); ++axis) n *= q.shape()[axis];
  return n;
}

/// What forward and backward read alike. `in(i)`: input i.
template <class T>
class Heads {
 public:
  template <class In>
  Heads(const Attrs& attrs, In&& in)
      : divided(eps_at(attrs) != 0),
        sizes(sizes_of(in(0), in(1), in(2), turn_at(attrs) != 0)),
        count(count_heads(in(0))),
        q_(in(0)),
        k_(in(1)),
        v_(in(2)),
        features_(in(0).size(-1)),
        keys_(keys_of(attrs)),
        map_(map_of(attrs)) {
    if (divided) eps_ = Matrices<T>(in(eps_at(attrs)));
    if (kept_at(attrs)) kept_ = Matrices<std::uint8_t>(in(kept_at(attrs)));
    if (const int turn = turn_at(attrs))
      q_turn_ = Matrices<T>(in(turn)), k_turn_ = Matrices<T>(in(turn + 1));
  }
  LinearHead<T> at(int64 i) const {
    return {sizes.queries, sizes.keys,      features_,      sizes.width, keys_,
            map_,          q_.rows(i),      k_.rows(i),     v_.rows(i),  eps_.rows(i),
            kept_.rows(i), q_turn_.rows(i), k_turn_.rows(i)};
  }

  bool divided;
  HeadSizes sizes;
  int64 count;

 private:
  Matrices<T> q_, k_, v_, eps_, q_turn_, k_turn_;
  Matrices<std::uint8_t> kept_;
  int64 features_;
  Keys keys_;
  ElementMap map_;
};

template <class T>
Forward forward(const ForwardCall& c) {
  const Tensor &q = c.in(0), &v = c.in(2);
  const Heads<T> heads(c.attrs(), [&c](int i) -> const Tensor& { return c.in(i); });
  Shape shape = q.shape();
  shape[q.rank() - 1] = heads.sizes.width;
  NewMatrices<T> y(shape, v);
  const int64 rows = heads.sizes.queries;
  Tensor totals = Tensor::empty({heads.divided ? heads.count * rows : 0}, q.dtype());
  T* const total = totals.writable<T>();
  for_heads<T>(heads.count, heads.sizes, [&](int64 i, T* scratch) {
    GRADUS_KERNELS(kLinearAttention)
        .of(T())
        .forward({heads.at(i), y.rows(i), heads.divided ? total + i * rows : nullptr}, scratch);
  });
  return {y.tensor(), {totals}};
}

template <class T>
std::vector<Tensor> backward(const KernelCall& c) {
  const Heads<T> heads(c.attrs,
                       [&c](int i) -> const Tensor& { return c.in[static_cast<std::size_t>(i)]; });
  const Matrices<T> g(c.cotangent), y(c.out);
  const auto gradient = [&c](std::size_t i, std::size_t turn = 0) {
    return c.wanted[i] || (turn && c.wanted[turn]) ? NewMatrices<T>(c.in[i].shape(), c.in[i])
                                                   : NewMatrices<T>();
  };
  const auto turn = static_cast<std::size_t>(turn_at(c.attrs)), turn_k = turn ? turn + 1 : 0;
  const auto of_turn = [&](std::size_t i) { return i ? gradient(i) : NewMatrices<T>(); };
  const NewMatrices<T> dq = gradient(0, turn), dk = gradient(1, turn_k), dv = gradient(2),
                       dq_turn = of_turn(turn), dk_turn = of_turn(turn_k);
  const bool divided = heads.divided;
  const int64 rows = heads.sizes.queries;
  Shape beside = c.in[0].shape();
  beside[beside.rank() - 1] = divided ? 1 : 0;
  Tensor deps = Tensor::empty(beside, c.cotangent.dtype());
  T* const to_eps = deps.writable<T>();
  const T* const total = c.saved[0].template data<T>();
  for_heads<T>(heads.count, heads.sizes, [&](int64 i, T* scratch) {
    GRADUS_KERNELS(kLinearAttention)
        .of(T())
        .backward({heads.at(i), g.rows(i), y.rows(i), divided ? total + i * rows : nullptr,
                   dq.rows(i), dk.rows(i), dv.rows(i), divided ? to_eps + i * rows : nullptr,
                   dq_turn.rows(i), dk_turn.rows(i)},
                  scratch);
  });
  std::vector<Tensor> out(c.in.size());
  out[0] = dq.tensor();
  out[1] = dk.tensor();
  out[2] = dv.tensor();
  if (divided && c.wanted[3]) out[3] = deps;
  if (turn) out[turn] = dq_turn.tensor(), out[turn_k] = dk_turn.tensor();
  return out;
}

Var reference(std::span<const Var> in, const Attrs& attrs) {
  const ElementMap map = map_of(attrs);
  Var f = apply_map(map, in[0]), h = apply_map(map, in[1]);
  if (const int i = turn_at(attrs)) {
    const auto turned = [](const Var& x, const Var& turn) {
      const std::array<Var, 2> halves{x * slice(turn, -1, 0, 1), x * slice(turn, -1, 1, 2)};
      return concat(halves, -1);
    };
    const auto at = static_cast<std::size_t>(i);
    f = turned(f, in[at]), h = turned(h, in[at + 1]);
  }
  if (const int i = kept_at(attrs)) h = h * cast(in[static_cast<std::size_t>(i)], h.dtype());
  const auto attend = [&](const Var& v) {
    if (keys_of(attrs) == Keys::earlier) return causal_product(f, h, v);
    return matmul(f, matmul(transpose(h), v));
  };
  if (!eps_at(attrs)) return attend(in[2]);
  Shape column = in[1].shape();
  column[column.rank() - 1] = 1;
  const std::array<Var, 2> beside{in[2], Var(ones(column, in[2].dtype()))};
  const Var y = attend(concat(beside, -1));
  const int64 width = y.size(-1) - 1;
  return slice(y, -1, 0, width) / (slice(y, -1, width, width + 1) + in[3]);
}

Attrs attrs_of(Keys keys, ElementMap map, bool divided, bool masked, bool turned = false) {
  return {{"causal", static_cast<int64>(keys == Keys::earlier)},
          {"map", word_of(map)},
          {"divided", static_cast<int64>(divided)},
          {"masked", static_cast<int64>(masked)},
          {"turned", static_cast<int64>(turned)}};
}

std::vector<Sample> attention_samples() {
  const auto sample = [](Keys keys, ElementMap map, bool divided, Shape batch, int64 queries,
                         int64 rows, int64 features, int64 width, bool masked = false,
                         bool turned = false) {
    const bool any_sign = !divided || map == ElementMap::elu1 || map == ElementMap::softplus;
    const bool has_kink = map == ElementMap::relu || map == ElementMap::squared_relu;
    const auto input = [&batch](int64 n, int64 w, double low, double high,
                                std::vector<double> kinks = {}) {
      Shape s = batch;
      s.push_back(n);
      s.push_back(w);
      return InputSpec{.shape = s, .low = low, .high = high, .kinks = std::move(kinks)};
    };
    const std::vector<double> kinks = has_kink ? std::vector<double>{0} : std::vector<double>{};
    const double low = any_sign ? -1.5 : has_kink ? -0.5 : 0.2;
    Sample s{.in = {input(queries, features, low, 1.5, kinks),
                    input(rows, features, low, 1.5, kinks), input(rows, width, -1, 1)},
             .attrs = attrs_of(keys, map, divided, masked, turned)};
    if (divided) s.in.push_back(input(queries, 1, 0.5, 1));
    if (masked) {
      s.in.push_back(input(rows, 1, 0, 2));
      s.in.back().dtype = DType::u8;
    }
    if (turned)
      for (int64 n : {queries, rows}) s.in.push_back(input(n, 2, 0.2, 1));
    return s;
  };
  return {sample(Keys::earlier, ElementMap::elu1, true, {2, 1}, 5, 5, 3, 2),
          sample(Keys::earlier, ElementMap::relu, true, {}, 4, 4, 2, 1),
          sample(Keys::earlier, ElementMap::identity, true, {1}, 3, 3, 2, 9),
          sample(Keys::earlier, ElementMap::elu1, false, {}, 66, 66, 1, 1),
          sample(Keys::earlier, ElementMap::elu1, true, {}, 67, 67, 1, 1),
          sample(Keys::all, ElementMap::elu1, true, {2}, 3, 4, 2, 3),
          sample(Keys::earlier, ElementMap::softplus, true, {2}, 5, 5, 3, 2),
          sample(Keys::all, ElementMap::softplus, false, {}, 3, 4, 2, 2, true, true),
          sample(Keys::earlier, ElementMap::squared_relu, true, {2}, 5, 5, 3, 2, true),
          sample(Keys::all, ElementMap::squared_relu, false, {}, 3, 4, 2, 1, false, true),
          sample(Keys::all, ElementMap::identity, false, {1, 2}, 4, 2, 3, 1),
          sample(Keys::earlier, ElementMap::elu1, true, {}, 1, 1, 1, 1),
          sample(Keys::earlier, ElementMap::elu1, true, {2}, 5, 5, 3, 2, true),
          sample(Keys::all, ElementMap::identity, false, {}, 3, 4, 2, 2, true),
          sample(Keys::earlier, ElementMap::elu1, true, {2}, 5, 5, 3, 2, true, true),
          sample(Keys::earlier, ElementMap::relu, false, {}, 34, 34, 1, 2, false, true),
          sample(Keys::all, ElementMap::identity, true, {2}, 3, 4, 9, 1, false, true)};
}

std::vector<BadSample> attention_bad() {
  const Attrs causal = attrs_of(Keys::earlier, ElementMap::elu1, true, false),
              all = attrs_of(Keys::all, ElementMap::elu1, true, false);
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
           .message = "eps must be (5, 1), got (5)"},
          {.in = {{.shape = {5, 3}},
                  {.shape = {5, 3}},
                  {.shape = {5, 2}},
                  {.shape = {5, 2}},
                  {.shape = {5, 1}}},
           .attrs = attrs_of(Keys::earlier, ElementMap::elu1, false, false, true),
           .message = "the turn of k must be (5, 2), got (5, 1)"}};
}

}  // namespace

extern const OpDef kLinearAttention{
    .name = "linear_attention",
    .formula =
        "y_m = f_m S_m / (f_m . z_m + eps_m), S_m = sum h_n v_n^T, z_m = sum h_n over n <= m "
        "(or all), f = map(q), h = map(k), 0 where not kept; without eps: f_m S_m; turned: "
        "[f c, f s], [h c, h s] in their place",
    .vjp_formula =
        "e = g / total, u = -(g . y) / total; df = e S^T + u z^T, dh = v R^T + t, dv = h R, deps = "
        "u, R_n = sum f_m^T e_m, t_n = sum u_m f_m over m >= n (or all); of turned halves a, b: "
        "c a + s b, dc = f . a, ds = f . b",
    .source = "Katharopoulos et al. 2020, eq. 4-11",
    .infer = infer_attention,
    .reads = kReadsAll,
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

std::optional<ElementMap> find_element_map(std::string_view name) {
  for (const ops::NamedMap& m : ops::kMaps)
    if (m.name == name) return m.map;
  return std::nullopt;
}

Var linear_attention(At q, const Var& k, const Var& v, Keys keys, ElementMap map, const Var& eps,
                     const Var& kept, const Var& q_turn, const Var& k_turn) {
  check_shape(q_turn.defined() == k_turn.defined(),
              "linear_attention: the turns of q and of k go together");
  std::vector<Var> in{q.var, k, v};
  for (const Var* more : {&eps, &kept, &q_turn, &k_turn})
    if (more->defined()) in.push_back(*more);
  return gradus::apply(ops::kLinearAttention, in,
                       ops::attrs_of(keys, map, eps.defined(), kept.defined(), q_turn.defined()),
                       q.where);
}

}  // namespace gradus
