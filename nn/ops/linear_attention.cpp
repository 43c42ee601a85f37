// linear_attention: feature map, causal product and normaliser of linear attention in one node
// (nn/kernels/linear_attention.h); the reference is made of causal_product, so that second
// derivatives are linear in the rows too, but for scales of tokens: of these it forms N x N.
#include "nn/ops/linear_attention.h"

#include <array>

#include "nn/ops/matrices.h"
#include "nn/ops/stage_sums.h"
#include "tensor/elementwise.h"

namespace gradus::ops {

namespace {

/// The features that attributes and inputs say; `in(i)`: input i.
template <class In>
RowFeatures features_said(const Attrs& a, const Places& at, In&& in) {
  RowFeatures f{.map = map_named(a.word("map")), .norm = a.real("norm"), .scale = a.real("scale")};
  if (at.weight) f.weight = in(at.weight);
  if (at.bias) f.bias = in(at.bias);
  if (at.shift) f.q_shift = in(at.shift), f.k_shift = in(at.shift + 1);
  return f;
}

Inferred infer_attention(const InferCall& c) {
  const DType t = c.float_input(0);
  const Places at = places_of(c.attrs());
  for (int i = 1; i < c.count(); ++i) {
    if (at.scale && i >= at.scale)
      c.float_input(i);
    else if (i != at.kept)
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
  check_shape(!c.attrs().flag("causal") || q[rows] == k[rows],
              "causal: there must be as many queries as keys, got {} and {}", q[rows], k[rows]);
  Shape y = q;
  y[rows + 1] = v.back();
  const auto check_columns = [&](int i, const char* what, Shape like, int64 width) {
    like[rows + 1] = width;
    check_shape(i == 0 || c.shape(i) == like, "{} must be {}, got {}", what, like, c.shape(i));
  };
  check_columns(at.eps, "eps", q, 1);
  check_columns(at.kept, "kept", k, 1);
  check_columns(at.turn, "the turn of q", q, 2);
  check_columns(at.turn ? at.turn + 1 : 0, "the turn of k", k, 2);
  check_shape(!at.scale || c.attrs().flag("causal"),
              "scales of tokens need keys that are earlier than the query, not all keys");
  check_columns(at.scale, "the scale of q", q, 1);
  check_columns(at.scale ? at.scale + 1 : 0, "the scale of k", k, 1);
  const ElementMap map = map_named(c.attrs().word("map"));
  if (at.weight) {
    const Shape& w = c.shape(at.weight);
    check_shape(map != ElementMap::quadratic, "quadratic features take no weight");
    check_shape(w.rank() == 2 && w[0] == q.back(), "the weight must be ({}, columns), got {}",
                q.back(), w);
    check_shape(!at.bias || c.shape(at.bias) == Shape{w[1]}, "the bias must be ({}), got {}", w[1],
                at.bias ? c.shape(at.bias) : Shape{});
  }
  check_shape(!at.bias || at.weight, "a bias needs a weight");
  check_shape(is_exponential(map) || (!at.shift && c.attrs().real("norm") == 0),
              "only exponential features have a shift or a norm, not '{}'", name_of(map));
  check_columns(at.shift, "the shift of q", q, 1);
  Shape one = k;
  one[rows] = 1;
  check_columns(at.shift ? at.shift + 1 : 0, "the shift of k", one, 1);
  check_shape(q.back() > 0 || (map < ElementMap::exp && !at.weight),
              "features of '{}' are made of rows of 1 number or more, got {}", name_of(map), q);
  return {y, t};
}

int64 count_heads(const Tensor& q) {
  int64 n = 1;
  for (int axis = 0; axis + 2 < q.rank(); ++axis) n *= q.shape()[axis];
  return n;
}

/// What forward and backward read alike. `in(i)`: input i; `back`: both ways through the features.
template <class T>
class Heads {
 public:
  template <class In>
  Heads(const Attrs& attrs, In&& in, bool back)
      : count(count_heads(in(0))),
        at_(places_of(attrs)),
        q_(in(0)),
        k_(in(1)),
        v_(in(2)),
        keys_(attrs.flag("causal") ? Keys::earlier : Keys::all),
        map_(map_named(attrs.word("map"))),
        memory_(map_, in(0).size(-1), at_.weight ? in(at_.weight) : Tensor(),
                at_.bias ? in(at_.bias) : Tensor(), attrs.real("norm"), attrs.real("scale"), back) {
    const FeatureStage<T>& stage = memory_.stage();
    features_ = stage.inputs ? features_of(map_, stage.columns) : in(0).size(-1);
    sizes = {in(0).size(-2), in(1).size(-2), features_ * (at_.turn ? 2 : 1),
             in(2).size(-1), stage.inputs,   stage.columns};
    if (at_.eps) eps_ = Matrices<T>(in(at_.eps));
    if (at_.kept) kept_ = Matrices<std::uint8_t>(in(at_.kept));
    if (at_.turn) q_turn_ = Matrices<T>(in(at_.turn)), k_turn_ = Matrices<T>(in(at_.turn + 1));
    if (at_.shift) q_shift_ = Matrices<T>(in(at_.shift)), k_shift_ = Matrices<T>(in(at_.shift + 1));
    if (at_.scale) q_scale_ = wide(in(at_.scale)), k_scale_ = wide(in(at_.scale + 1));
  }
  bool divided() const { return at_.eps != 0; }
  const Places& places() const { return at_; }
  LinearHead<T> at(int64 i) const {
    FeatureStage<T> stage = memory_.stage();
    stage.q_shift = q_shift_.rows(i);
    stage.k_shift = {k_shift_.rows(i).first, 0};
    return {sizes.queries,   sizes.keys,   features_,        sizes.width,
            keys_,           map_,         q_.rows(i),       k_.rows(i),
            v_.rows(i),      eps_.rows(i), kept_.rows(i),    q_turn_.rows(i),
            k_turn_.rows(i), stage,        q_scale_.rows(i), k_scale_.rows(i)};
  }

  HeadSizes sizes;
  int64 count;

 private:
  static Matrices<double> wide(const Tensor& t) { return Matrices<double>(cast(t, DType::f64)); }

  Places at_;
  Matrices<T> q_, k_, v_, eps_, q_turn_, k_turn_, q_shift_, k_shift_;
  Matrices<double> q_scale_, k_scale_;
  Matrices<std::uint8_t> kept_;
  int64 features_;
  Keys keys_;
  ElementMap map_;
  StageMemory<T> memory_;
};

template <class T>
Forward forward(const ForwardCall& c) {
  const Tensor &q = c.in(0), &v = c.in(2);
  const Heads<T> heads(
      c.attrs(), [&c](int i) -> const Tensor& { return c.in(i); }, false);
  Shape shape = q.shape();
  shape[q.rank() - 1] = heads.sizes.width;
  NewMatrices<T> y(shape, v);
  const int64 rows = heads.sizes.queries;
  Tensor totals = Tensor::empty({heads.divided() ? heads.count * rows : 0}, q.dtype());
  T* const total = totals.writable<T>();
  for_heads<T>(heads.count, heads.sizes, [&](int64 i, T* scratch) {
    GRADUS_KERNELS(kLinearAttention)
        .of(T())
        .forward({heads.at(i), y.rows(i), heads.divided() ? total + i * rows : nullptr}, scratch);
  });
  return {y.tensor(), {totals}};
}

template <class T>
std::vector<Tensor> backward(const KernelCall& c) {
  const Heads<T> heads(
      c.attrs, [&c](int i) -> const Tensor& { return c.in[static_cast<std::size_t>(i)]; }, true);
  const Places& at = heads.places();
  const Matrices<T> g(c.cotangent), y(c.out);
  const auto wanted = [&c](int i) { return c.wanted[static_cast<std::size_t>(i)] != 0; };
  const auto gradient = [&](int i, bool needed) {
    const auto k = static_cast<std::size_t>(i);
    return needed ? NewMatrices<T>(c.in[k].shape(), c.in[k]) : NewMatrices<T>();
  };
  const bool by_stage = (at.weight && wanted(at.weight)) || (at.bias && wanted(at.bias));
  // What else is found on the way to the gradient of q, and of k.
  const auto needed = [&](int i) {
    return wanted(i) || by_stage || (at.turn && wanted(at.turn + i)) ||
           (at.shift && wanted(at.shift + i)) || (at.scale && wanted(at.scale + i));
  };
  const auto of_scale = [&](int i) {
    if (!at.scale || !wanted(i)) return NewMatrices<double>();
    const Tensor& scale = c.in[static_cast<std::size_t>(i)];
    return NewMatrices<double>(scale.shape(), cast(scale, DType::f64));
  };
  const NewMatrices<T> dq = gradient(0, needed(0)), dk = gradient(1, needed(1)),
                       dv = gradient(2, wanted(2)), dq_turn = gradient(at.turn, at.turn != 0),
                       dk_turn = gradient(at.turn + 1, at.turn != 0);
  const NewMatrices<double> dq_scale = of_scale(at.scale), dk_scale = of_scale(at.scale + 1);
  const bool divided = heads.divided();
  const int64 rows = heads.sizes.queries;
  const StageSums<T> of_stage(c, at, heads.count, rows);
  Shape beside = c.in[0].shape();
  beside[beside.rank() - 1] = divided ? 1 : 0;
  Tensor deps = Tensor::empty(beside, c.cotangent.dtype());
  T* const to_eps = deps.writable<T>();
  const T* const total = c.saved[0].template data<T>();
  for_heads<T>(heads.count, heads.sizes, [&](int64 i, T* scratch) {
    LinearBackward<T> b{
        heads.at(i),     g.rows(i),       y.rows(i),        divided ? total + i * rows : nullptr,
        dq.rows(i),      dk.rows(i),      dv.rows(i),       divided ? to_eps + i * rows : nullptr,
        dq_turn.rows(i), dk_turn.rows(i), dq_scale.rows(i), dk_scale.rows(i)};
    of_stage.place(b, i);
    GRADUS_KERNELS(kLinearAttention).of(T()).backward(b, scratch);
  });
  std::vector<Tensor> out(c.in.size());
  out[0] = dq.tensor();
  out[1] = dk.tensor();
  out[2] = dv.tensor();
  if (divided && wanted(at.eps)) out[static_cast<std::size_t>(at.eps)] = deps;
  if (const auto turn = static_cast<std::size_t>(at.turn))
    out[turn] = dq_turn.tensor(), out[turn + 1] = dk_turn.tensor();
  for (const int i : {at.scale, at.scale + 1})
    if (const auto k = static_cast<std::size_t>(i); at.scale && wanted(i))
      out[k] = cast((i == at.scale ? dq_scale : dk_scale).tensor(), c.in[k].dtype());
  of_stage.give(out, c, at);
  return out;
}

Var reference(std::span<const Var> in, const Attrs& attrs) {
  const Places at = places_of(attrs);
  const auto input = [&in](int i) { return in[static_cast<std::size_t>(i)]; };
  const RowFeatures features = features_said(attrs, at, input);
  Var f = plain_features(in[0], features, features.q_shift),
      h = plain_features(in[1], features, features.k_shift);
  if (at.turn) {
    const auto turned = [](const Var& x, const Var& turn) {
      const std::array<Var, 2> halves{x * slice(turn, -1, 0, 1), x * slice(turn, -1, 1, 2)};
      return concat(halves, -1);
    };
    f = turned(f, input(at.turn)), h = turned(h, input(at.turn + 1));
  }
  if (at.kept) h = h * cast(input(at.kept), h.dtype());
  const auto attend = [&](const Var& v) {
    if (at.scale) {
      const auto wide = [&](int i) { return cast(input(i), DType::f64); };
      const Var weights = exp(tril(wide(at.scale) + transpose(wide(at.scale + 1))));
      return matmul(tril(matmul(f, transpose(h))) * cast(weights, v.dtype()), v);
    }
    if (attrs.flag("causal")) return causal_product(f, h, v);
    return matmul(f, matmul(transpose(h), v));
  };
  if (!at.eps) return attend(in[2]);
  Shape column = in[1].shape();
  column[column.rank() - 1] = 1;
  const std::array<Var, 2> beside{in[2], Var(ones(column, in[2].dtype()))};
  const Var y = attend(concat(beside, -1));
  const int64 width = y.size(-1) - 1;
  return slice(y, -1, 0, width) / (slice(y, -1, width, width + 1) + input(at.eps));
}

}  // namespace

extern const OpDef kLinearAttention{
    .name = "linear_attention",
    .formula =
        "y_m = f_m S_m / (f_m . z_m + eps_m), S_m = sum h_n v_n^T, z_m = sum h_n over n <= m "
        "(or all), f = map(q), h = map(k), 0 where not kept; without eps: f_m S_m; turned: "
        "[f c, f s], [h c, h s] in their place; scaled: e^s f, e^t h; map of u = x W + b (or x): "
        "each number's, or e^(u - s - c |x|^2/2), the same of u and -u, a [cos u, sin u], [1, x', "
        "x'_i^2 / sqrt 2, x'_i x'_j of i < j] with x' = a x",
    .vjp_formula =
        "e = g / total, u = -(g . y) / total; df = e S^T + u z^T, dh = v R^T + t, dv = h R, deps = "
        "u, R_n = sum f_m^T e_m, t_n = sum u_m f_m over m >= n (or all); of turned halves a, b: "
        "c a + s b, dc = f . a, ds = f . b; of scales ds = f . df, dt = h . dh; dx = du W^T - c x "
        "sum f df, dW = sum x^T du, db = sum "
        "du, ds = -sum f df",
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
    .samples = linear_attention_samples(),
    .bad_samples = linear_attention_bad()};

}  // namespace gradus::ops

namespace gradus {

Var linear_attention(At q, const Var& k, const Var& v, Keys keys, const RowFeatures& features,
                     const LinearTerms& terms) {
  check_shape(terms.q_turn.defined() == terms.k_turn.defined(),
              "linear_attention: the turns of q and of k go together");
  check_shape(features.q_shift.defined() == features.k_shift.defined(),
              "linear_attention: the shifts of q and of k go together");
  check_shape(terms.q_scale.defined() == terms.k_scale.defined(),
              "linear_attention: the scales of q and of k go together");
  std::vector<Var> in{q.var, k, v};
  for (const Var* more :
       {&terms.eps, &terms.kept, &terms.q_turn, &terms.k_turn, &features.weight, &features.bias,
        &features.q_shift, &features.k_shift, &terms.q_scale, &terms.k_scale})
    if (more->defined()) in.push_back(*more);
  const ops::FeaturesSaid said{features.map,
                               features.weight.defined(),
                               features.bias.defined(),
                               features.q_shift.defined(),
                               features.norm,
                               features.scale};
  return gradus::apply(ops::kLinearAttention, in,
                       ops::attrs_of(keys, said, terms.eps.defined(), terms.kept.defined(),
                                     terms.q_turn.defined(), terms.q_scale.defined()),
                       q.where);
}

}  // namespace gradus
