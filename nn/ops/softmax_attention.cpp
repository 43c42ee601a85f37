// softmax_attention: exact softmax attention, 64 queries and 64 keys at a time, without the N x N
// scores (Dao et al. 2022). Saved for the backward pass are the row maxima and the reciprocals of
// the row sums; each block of weights is computed again there. The kernels stand in
// nn/kernels/softmax_attention.h; the reference below forms the scores.
#include <algorithm>
#include <cmath>
#include <limits>

#include "nn/kernels/softmax_attention.h"
#include "nn/ops.h"
#include "tensor/elementwise.h"
#include "tensor/parallel.h"

namespace gradus::ops {

namespace {

/// Which of the optional inputs follow q, k, v, and where.
struct Places {
  explicit Places(const Attrs& a) {
    int next = 3;
    if (a.flag("lag")) lag = next++;
    if (a.flag("bias")) bias = next++;
    if (a.flag("mask")) mask = next++;
    count = next;
  }
  int lag = -1, bias = -1, mask = -1, count = 3;
};

Inferred infer_attention(const InferCall& c) {
  const Places at(c.attrs());
  check<GraphError>(c.count() == at.count, "{} inputs, the attributes name {}", c.count(),
                    at.count);
  const DType t = c.float_input(0);
  for (int i = 1; i < c.count(); ++i) {
    if (i == at.mask)
      check_dtype(c.dtype(i) == DType::u8, "the key mask is u8 (0: padding), got {}",
                  name(c.dtype(i)));
    else
      check_dtype(c.dtype(i) == t, "input 0 is {}, input {} is {}: nothing is promoted; use cast",
                  name(t), i, name(c.dtype(i)));
  }
  const Shape &q = c.shape(0), &k = c.shape(1), &v = c.shape(2);
  check_shape(q.rank() == 4 && k.rank() == 4 && v.rank() == 4,
              "q, k and v need the axes [B,H,N,d], got {}, {} and {}", q, k, v);
  check_shape(k[0] == q[0] && k[1] == q[1] && k[3] == q[3],
              "q {} and k {} need one batch, number of heads and head size", q, k);
  check_shape(v[0] == k[0] && v[1] == k[1] && v[2] == k[2],
              "k {} and v {} need one batch, number of heads and number of tokens", k, v);
  if (at.lag >= 0) {
    const Shape& lag = c.shape(at.lag);
    const int64 lags = std::max<int64>(0, q[2] + k[2] - 1);
    check_shape(lag.rank() == 2 && (lag[0] == 1 || lag[0] == q[1]) && lag[1] == lags,
                "the lag bias is [heads or 1, queries + keys - 1] = ({}, {}), got {}", q[1], lags,
                lag);
  }
  if (at.bias >= 0) {
    const Shape& b = c.shape(at.bias);
    check_shape(b.rank() == 4 && (b[0] == 1 || b[0] == q[0]) && (b[1] == 1 || b[1] == q[1]) &&
                    b[2] == q[2] && b[3] == k[2],
                "the score bias is [batch or 1, heads or 1, queries, keys] = ({}, {}, {}, {}), got "
                "{}",
                q[0], q[1], q[2], k[2], b);
  }
  if (at.mask >= 0) {
    const Shape& m = c.shape(at.mask);
    check_shape(m.rank() == 2 && (m[0] == 1 || m[0] == q[0]) && m[1] == k[2],
                "the key mask is [batch or 1, keys] = ({}, {}), got {}", q[0], k[2], m);
  }
  const double p = c.attrs().real("p");
  check<ConfigError>(p >= 0 && p < 1, "the drop probability must be in [0, 1), got {}", p);
  return {{q[0], q[1], q[2], v[3]}, t};
}

template <class T>
const SoftmaxKernels<T>& kernels() {
  if constexpr (std::is_same_v<T, float>)
    return GRADUS_KERNELS(softmax_f32);
  else
    return GRADUS_KERNELS(softmax_f64);
}

/// The heads of one call; tensors of any strides.
template <class T>
class Heads {
 public:
  Heads(std::span<const Tensor* const> in, const Attrs& attrs)
      : q_(*in[0]), k_(*in[1]), v_(*in[2]), at_(attrs) {
    if (at_.lag >= 0) {
      lag_ = *in[static_cast<std::size_t>(at_.lag)];
      common_.lag = lag_.template data<T>();
    }
    if (at_.bias >= 0) {
      bias_ = *in[static_cast<std::size_t>(at_.bias)];
      if (bias_.shape()[3] > 1 && bias_.strides()[3] != 1) bias_ = gradus::contiguous(bias_);
    }
    if (at_.mask >= 0) mask_ = *in[static_cast<std::size_t>(at_.mask)];
    common_.queries = q_.shape()[2], common_.keys = k_.shape()[2];
    common_.width = q_.shape()[3], common_.value_width = v_.shape()[3];
    common_.first = attrs.integer("first");
    common_.causal = attrs.flag("causal");
    common_.scale = static_cast<T>(attrs.real("scale"));
    if (const double p = attrs.real("p"); p > 0) {
      common_.drop_below = static_cast<std::uint64_t>(std::llround(p * 0x1p32));
      common_.kept = static_cast<T>(1 / (1 - p));
      common_.random_key = static_cast<std::uint64_t>(attrs.integer("key"));
      common_.random_draw = static_cast<std::uint64_t>(attrs.integer("draw"));
    }
  }

  int64 heads() const { return q_.shape()[1]; }
  int64 count() const { return q_.shape()[0] * heads(); }
  int64 blocks_of(int64 rows) const { return (rows + kSoftmaxBlock - 1) / kSoftmaxBlock; }
  const SoftmaxHead<T>& common() const { return common_; }
  /// Products of one head, in multiply-adds.
  double work() const {
    return static_cast<double>(common_.queries) * static_cast<double>(common_.keys) *
           static_cast<double>(common_.width + common_.value_width + 8);
  }

  /// Head `index` of [B,H], with its rows of the sums.
  SoftmaxHead<T> head(int64 index, T* top, T* inverse) const {
    SoftmaxHead<T> h = common_;
    const int64 b = index / heads(), n = index % heads();
    h.q = matrix(q_, b, n), h.k = matrix(k_, b, n), h.v = matrix(v_, b, n);
    if (bias_.defined()) h.bias = matrix(bias_, b, n);
    if (lag_.defined()) {
      h.lag = lag_.template data<T>() + (lag_.shape()[0] > 1 ? n * lag_.strides()[0] : 0);
      h.lag_step = lag_.strides()[1];
    }
    if (mask_.defined()) {
      h.key_mask =
          mask_.template data<std::uint8_t>() + (mask_.shape()[0] > 1 ? b * mask_.strides()[0] : 0);
      h.key_mask_step = mask_.strides()[1];
    }
    h.first_element = static_cast<std::uint64_t>(index * h.queries * h.keys);
    h.top = top + index * h.queries;
    h.inverse = inverse + index * h.queries;
    return h;
  }

  static SoftmaxMatrix<T> matrix(const Tensor& t, int64 b, int64 h) {
    const int64 batch = t.shape()[0] > 1 ? b * t.strides()[0] : 0;
    const int64 head = t.shape()[1] > 1 ? h * t.strides()[1] : 0;
    return {t.data<T>() + batch + head, t.strides()[2], t.shape()[3] > 1 ? t.strides()[3] : 1};
  }

 private:
  Tensor q_, k_, v_, lag_, bias_, mask_;
  Places at_;
  SoftmaxHead<T> common_;
};

/// A fresh tensor [B,H,N,d] that lies in memory as `like` does: where the heads of a token stand
/// side by side there, they do here, and joining them again is a view.
template <class T>
class HeadRows {
 public:
  HeadRows() = default;
  HeadRows(const Tensor& like, const Shape& s) {
    const bool side_by_side = like.strides()[1] < like.strides()[2];
    tensor_ = Tensor::empty(side_by_side ? Shape{s[0], s[2], s[1], s[3]} : s, dtype_of<T>());
    at_ = tensor_.template writable<T>();
    if (side_by_side) tensor_ = gradus::permute(tensor_, {0, 2, 1, 3});
  }
  SoftmaxRows<T> of(int64 b, int64 h) const {
    if (!at_) return {};
    const Strides& step = tensor_.strides();
    return {at_ + b * step[0] + h * step[1], step[2]};
  }
  const Tensor& tensor() const { return tensor_; }

 private:
  Tensor tensor_;
  T* at_ = nullptr;
};

constexpr double kPart = 1 << 19;  // multiply-adds that are worth another thread

/// 0, n - 1, 1, n - 2, ...: with a causal mask blocks side by side in this order are of equal work.
int64 from_both_ends(int64 i, int64 n) { return i % 2 == 0 ? i / 2 : n - 1 - i / 2; }

template <class T>
Forward attend(const ForwardCall& c) {
  std::vector<const Tensor*> in;
  for (int i = 0; i < c.count(); ++i) in.push_back(&c.in(i));
  const Heads<T> all(in, c.attrs());
  const SoftmaxHead<T>& common = all.common();
  const Shape rows{c.in(0).shape()[0], all.heads(), common.queries};
  Shape shape = rows;
  shape.push_back(common.value_width);
  const HeadRows<T> y(c.in(0), shape);
  Tensor top = Tensor::empty(rows, dtype_of<T>()), inverse = Tensor::empty(rows, dtype_of<T>());
  T *tops = top.template writable<T>(), *inverses = inverse.template writable<T>();
  const SoftmaxKernels<T>& run = kernels<T>();
  const int64 blocks = all.blocks_of(common.queries);
  const double work = all.work() / static_cast<double>(std::max<int64>(1, blocks));
  parallel_for(0, all.count() * blocks, 1 + static_cast<int64>(kPart / (work + 1)),
               [&](int64 begin, int64 end) {
                 Tensor scratch = Tensor::empty({run.forward_scratch(common)}, dtype_of<T>());
                 T* space = scratch.template writable<T>();
                 for (int64 i = begin; i < end; ++i) {
                   const int64 index = i / blocks;
                   SoftmaxHead<T> h = all.head(index, tops, inverses);
                   h.y = y.of(index / all.heads(), index % all.heads());
                   if (i == begin || i % blocks == 0) run.prepare_forward(h, space);
                   run.forward(h, from_both_ends(i % blocks, blocks), space);
                 }
               });
  return Forward(y.tensor(), {std::move(top), std::move(inverse)});
}

/// A head's keys are cut into this many parts, so that few heads keep several threads busy. It
/// depends on the sizes alone, and so do the bits.
int64 parts_of(int64 heads, int64 key_blocks) {
  constexpr int64 kTasks = 16;
  if (heads == 0 || heads >= kTasks) return 1;
  return std::max<int64>(1, std::min(key_blocks, (kTasks + heads - 1) / heads));
}

template <class T>
Tensor zeros_for(const Shape& s) {
  return gradus::zeros(s, dtype_of<T>());
}

/// The sum over the parts in order: [n, parts, ...] -> [n, ...].
template <class T>
Tensor sum_parts(const Tensor& t, int64 parts, const Shape& shape) {
  const int64 n = t.shape()[0] / parts, each = t.numel() / std::max<int64>(1, n * parts);
  Tensor out = Tensor::empty(shape, dtype_of<T>());
  T* to = out.template writable<T>();
  const T* from = t.template data<T>();
  parallel_for(0, n, 1, [&](int64 begin, int64 end) {
    for (int64 i = begin; i < end; ++i)
      for (int64 p = 0; p < parts; ++p) {
        const T* x = from + (i * parts + p) * each;
        T* sum = to + i * each;
        for (int64 j = 0; j < each; ++j) sum[j] = p == 0 ? x[j] : sum[j] + x[j];
      }
  });
  return out;
}

template <class T>
std::vector<Tensor> attend_back(const KernelCall& c) {
  std::vector<const Tensor*> in;
  for (const Tensor& t : c.in) in.push_back(&t);
  const Heads<T> all(in, c.attrs);
  const Places at(c.attrs);
  const SoftmaxHead<T>& common = all.common();
  const int64 lags = std::max<int64>(0, common.queries + common.keys - 1);
  const int64 blocks = all.blocks_of(common.keys), parts = parts_of(all.count(), blocks);
  const auto wants = [&](int i) { return i >= 0 && c.wanted[static_cast<std::size_t>(i)] != 0; };

  std::vector<Tensor> grads(c.in.size());
  // Every row of dq, dk and dv is written, of dq once by each part.
  HeadRows<T> dq, dk, dv;
  Tensor dq_parts, dlag;
  T *to_q_parts = nullptr, *to_lag = nullptr, *to_bias = nullptr;
  if (wants(0) && parts == 1) dq = HeadRows<T>(c.in[0], c.in[0].shape());
  if (wants(0) && parts > 1) {
    dq_parts = Tensor::empty({all.count() * parts, common.queries, common.width}, dtype_of<T>());
    to_q_parts = dq_parts.template writable<T>();
  }
  if (wants(1)) dk = HeadRows<T>(c.in[1], c.in[1].shape());
  if (wants(2)) dv = HeadRows<T>(c.in[2], c.in[2].shape());
  if (wants(at.lag)) {
    dlag = zeros_for<T>({all.count() * parts, lags});
    to_lag = dlag.template writable<T>();
  }
  // Heads that share a score bias come one after the other.
  int64 members_b = 1, members_h = 1;
  if (wants(at.bias)) {
    Tensor& dbias = grads[static_cast<std::size_t>(at.bias)];
    const Shape& s = c.in[static_cast<std::size_t>(at.bias)].shape();
    dbias = zeros_for<T>(s);
    to_bias = dbias.template writable<T>();
    members_b = s[0] == 1 ? c.in[0].shape()[0] : 1;
    members_h = s[1] == 1 ? all.heads() : 1;
  }
  const int64 groups_h = all.heads() / std::max<int64>(1, members_h);
  const int64 members = members_b * members_h;
  const int64 groups = all.count() / std::max<int64>(1, members);
  const double work = 2.5 * all.work() * static_cast<double>(members) / static_cast<double>(parts);
  const SoftmaxKernels<T>& run = kernels<T>();
  parallel_for(
      0, groups * parts, 1 + static_cast<int64>(kPart / (work + 1)), [&](int64 begin, int64 end) {
        Tensor scratch = Tensor::empty({run.backward_scratch(common)}, dtype_of<T>());
        T* space = scratch.template writable<T>();
        for (int64 task = begin; task < end; ++task) {
          const int64 group = task / parts, part = from_both_ends(task % parts, parts);
          for (int64 m = 0; m < members; ++m) {
            const int64 b = group / groups_h + m / members_h, n = group % groups_h + m % members_h;
            const int64 index = b * all.heads() + n;
            const SoftmaxHead<T> h = all.head(index, const_cast<T*>(c.saved[0].template data<T>()),
                                              const_cast<T*>(c.saved[1].template data<T>()));
            SoftmaxGrads<T> out{.g = Heads<T>::matrix(c.cotangent, b, n),
                                .y = Heads<T>::matrix(c.out, b, n),
                                .dq = dq.of(b, n),
                                .dk = dk.of(b, n),
                                .dv = dv.of(b, n)};
            if (to_q_parts)
              out.dq = {to_q_parts + (index * parts + part) * h.queries * h.width, h.width};
            if (to_lag) out.dlag = to_lag + (index * parts + part) * lags;
            if (to_bias) out.dbias = to_bias + group * h.queries * h.keys;
            run.backward(h, out, part * blocks / parts, (part + 1) * blocks / parts, space);
          }
        }
      });
  if (wants(0))
    grads[0] = parts == 1 ? dq.tensor() : sum_parts<T>(dq_parts, parts, c.in[0].shape());
  if (wants(1)) grads[1] = dk.tensor();
  if (wants(2)) grads[2] = dv.tensor();
  if (dlag.defined()) {
    const Tensor of_heads = gradus::reshape(dlag, {c.in[0].shape()[0], all.heads(), parts, lags});
    const bool shared = c.in[static_cast<std::size_t>(at.lag)].shape()[0] == 1;
    Tensor total = gradus::sum(of_heads, {0, 2});
    if (shared) total = gradus::sum(total, {0}, Keep::yes);
    grads[static_cast<std::size_t>(at.lag)] = total;
  }
  return grads;
}

/// Row of a lag in a lag bias, for each query and key.
Tensor lag_rows(int64 queries, int64 keys) {
  const Tensor i = arange(0, static_cast<double>(queries), 1, DType::f64);
  const Tensor n = arange(0, static_cast<double>(keys), 1, DType::f64);
  const Tensor row = gradus::add(gradus::sub(unsqueeze(i, 1), n), static_cast<double>(keys - 1));
  return gradus::cast(row, DType::i64);
}

Var by_scores(std::span<const Var> in, const Attrs& attrs) {
  const Places at(attrs);
  const Var &q = in[0], &k = in[1];
  Var s = matmul(q * attrs.real("scale"), transpose(k));
  if (at.lag >= 0 && s.numel() > 0) {
    const Var& lag = in[static_cast<std::size_t>(at.lag)];
    const Var of_pairs = take_rows(transpose(lag), Var(lag_rows(q.size(2), k.size(2))));
    s = s + unsqueeze(permute(of_pairs, {2, 0, 1}), 0);  // [Nq,Nk,H|1] -> [1,H|1,Nq,Nk]
  }
  if (at.bias >= 0) s = s + in[static_cast<std::size_t>(at.bias)];
  Var w = masked_softmax(s.named("scores"), attrs.flag("causal"), attrs.integer("first"),
                         at.mask >= 0 ? in[static_cast<std::size_t>(at.mask)].value() : Tensor());
  if (attrs.real("p") > 0)
    w = dropout(w, attrs.real("p"), static_cast<std::uint64_t>(attrs.integer("key")),
                static_cast<std::uint64_t>(attrs.integer("draw")));
  return matmul(w, in[2]);
}

Attrs attrs_of(const SoftmaxTerms& t, bool lag, bool bias, bool mask) {
  return {{"scale", t.scale},
          {"causal", static_cast<int64>(t.causal)},
          {"first", t.first},
          {"p", t.drop},
          {"key", static_cast<int64>(t.key)},
          {"draw", static_cast<int64>(t.draw)},
          {"lag", static_cast<int64>(lag)},
          {"bias", static_cast<int64>(bias)},
          {"mask", static_cast<int64>(mask)}};
}

std::vector<Sample> attention_samples() {
  const auto terms = [](bool causal, int64 first, double drop) {
    SoftmaxTerms t;
    t.scale = 0.6, t.causal = causal, t.first = first, t.drop = drop, t.key = 3, t.draw = 2;
    return t;
  };
  return {{.in = {{.shape = {1, 2, 4, 3}}, {.shape = {1, 2, 4, 3}}, {.shape = {1, 2, 4, 2}}},
           .attrs = attrs_of(terms(true, 0, 0), false, false, false)},
          {.in = {{.shape = {2, 1, 2, 2}}, {.shape = {2, 1, 5, 2}}, {.shape = {2, 1, 5, 3}}},
           .attrs = attrs_of(terms(true, 2, 0), false, false, false)},
          {.in = {{.shape = {2, 2, 3, 2}},
                  {.shape = {2, 2, 4, 2}},
                  {.shape = {2, 2, 4, 2}},
                  {.shape = {2, 6}},
                  {.shape = {1, 2, 3, 4}},
                  {.shape = {1, 4}, .low = 1, .high = 3, .dtype = DType::u8}},
           .attrs = attrs_of(terms(false, 0, 0), true, true, true)},
          {.in = {{.shape = {1, 1, 5, 2}},
                  {.shape = {1, 1, 5, 2}},
                  {.shape = {1, 1, 5, 2}},
                  {.shape = {1, 9}}},
           .attrs = attrs_of(terms(true, 0, 0.3), true, false, false)},
          {.in = {{.shape = {1, 1, 1, 1}}, {.shape = {1, 1, 2, 1}}, {.shape = {1, 1, 2, 1}}},
           .attrs = attrs_of(terms(false, 0, 0), false, false, false)},
          {.in = {{.shape = {1, 1, 66, 1}}, {.shape = {1, 1, 66, 1}}, {.shape = {1, 1, 66, 1}}},
           .attrs = attrs_of(terms(true, 0, 0), false, false, false)}};
}

std::vector<BadSample> attention_bad() {
  const SoftmaxTerms t;
  const InputSpec four{.shape = {1, 2, 4, 3}};
  return {{.in = {{.shape = {4, 3}}, {.shape = {4, 3}}, {.shape = {4, 3}}},
           .attrs = attrs_of(t, false, false, false),
           .message = "[B,H,N,d]"},
          {.in = {four, {.shape = {1, 2, 4, 2}}, four},
           .attrs = attrs_of(t, false, false, false),
           .message = "one batch, number of heads and head size"},
          {.in = {four, four, {.shape = {1, 2, 5, 3}}},
           .attrs = attrs_of(t, false, false, false),
           .message = "number of tokens"},
          {.in = {four, four, four, {.shape = {2, 8}}},
           .attrs = attrs_of(t, true, false, false),
           .message = "[heads or 1, queries + keys - 1] = (2, 7), got (2, 8)"},
          {.in = {four, four, four, {.shape = {1, 2, 4, 5}}},
           .attrs = attrs_of(t, false, true, false),
           .message = "[batch or 1, heads or 1, queries, keys]"},
          {.in = {four, four, four, {.shape = {1, 4}}},
           .attrs = attrs_of(t, false, false, true),
           .message = "the key mask is u8"},
          {.in = {four, four, {.shape = {1, 2, 4, 3}, .dtype = DType::f32}},
           .attrs = attrs_of(t, false, false, false),
           .message = "nothing is promoted"}};
}

}  // namespace

extern const OpDef kSoftmaxAttention{
    .name = "softmax_attention",
    .formula = "y_m = sum_n w_mn v_n, w = softmax of scale q_m . k_n + lag_(m-n) + bias_mn",
    .vjp_formula =
        "ds = w (g_m . v_n - g_m . y_m); dq = scale ds k, dk = scale ds' q, dv = w' g, dlag, dbias "
        "sums of ds",
    .source = "Vaswani et al. 2017; in blocks: Dao et al. 2022",
    .infer = infer_attention,
    .reads = kReadsAll,
    .forward = [](const ForwardCall& c) -> Forward {
      return c.in(0).dtype() == DType::f32 ? attend<float>(c) : attend<double>(c);
    },
    .vjp_kernel = [](const KernelCall& c) -> std::vector<Tensor> {
      return c.cotangent.dtype() == DType::f32 ? attend_back<float>(c) : attend_back<double>(c);
    },
    .reference = by_scores,
    .samples = attention_samples(),
    .bad_samples = attention_bad()};

}  // namespace gradus::ops

namespace gradus {

Var softmax_attention(At q, const Var& k, const Var& v, const SoftmaxTerms& terms) {
  std::vector<Var> in{q.var, k, v};
  if (terms.lag.defined()) in.push_back(terms.lag);
  if (terms.bias.defined()) in.push_back(terms.bias);
  if (terms.key_mask.defined()) in.push_back(Var(terms.key_mask));
  return gradus::apply(
      ops::kSoftmaxAttention, in,
      ops::attrs_of(terms, terms.lag.defined(), terms.bias.defined(), terms.key_mask.defined()),
      q.where);
}

Var masked_softmax(const Var& scores, bool causal, int64 first, const Tensor& key_mask) {
  Tensor hidden, empty;
  const int64 queries = scores.size(2), keys = scores.size(3);
  if (causal && queries > 0) {
    const Tensor row =
        arange(static_cast<double>(first), static_cast<double>(first + queries), 1, DType::f64);
    const Tensor column = arange(0, static_cast<double>(keys), 1, DType::f64);
    hidden = reshape(greater(column, unsqueeze(row, 1)), {1, 1, queries, keys});
  }
  if (key_mask.defined() && scores.numel() > 0) {
    const Tensor padding = reshape(equal(key_mask, full({}, 0, DType::u8)),
                                   {key_mask.size(0), 1, 1, key_mask.size(1)});
    hidden = hidden.defined() ? logical_or(hidden, padding) : padding;
    empty = all(hidden, {-1}, Keep::yes);
    hidden = logical_and(hidden, logical_not(empty));
  }
  Var masked = scores;
  if (hidden.defined())
    masked = masked_fill(scores, Var(hidden), -std::numeric_limits<double>::infinity());
  Var w = softmax(masked, -1);
  if (empty.defined()) w = masked_fill(w, Var(empty), 0);
  return w.named("weights");
}

}  // namespace gradus
