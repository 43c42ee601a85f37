// causal_product: what causal linear attention is made of. With S_m = sum over n <= m of b_n c_n^T,
// y_m = a_m S_m: the rows are cut into chunks; inside a chunk the product is the masked square
// form, and the rows before it count through the running sum S.
//
//   chunk   y = tril(A B^T) C + A S,   then   S += B^T C         A, B [64, m], C [64, v], S [m, v]
//
// O(N m v) time; m v numbers of memory a head. The vjp is closed under the op itself.
#include <algorithm>
#include <limits>
#include <vector>

#include "nn/ops.h"
#include "tensor/gemm.h"
#include "tensor/parallel.h"

namespace gradus::ops {

namespace {

constexpr int64 kChunk = 64;

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

/// A matrix [N, w] per index of the batch axes, with rows `lead` apart.
template <class T>
class Matrices {
 public:
  explicit Matrices(const Tensor& t) : tensor_(t) {
    const int last = t.rank() - 1;
    const bool rows_apart = t.shape()[last - 1] == 1 || t.strides()[last - 1] >= t.shape()[last];
    if ((t.strides()[last] != 1 && t.shape()[last] > 1) || !rows_apart) tensor_ = contiguous(t);
    lead_ = tensor_.shape()[last - 1] == 1 ? tensor_.shape()[last] : tensor_.strides()[last - 1];
    elements_ = tensor_.template data<T>();
  }
  int64 lead() const { return lead_; }
  const T* at(int64 index) const {
    int64 offset = 0;
    for (int axis = tensor_.rank() - 3; axis >= 0; --axis) {
      offset += index % tensor_.shape()[axis] * tensor_.strides()[axis];
      index /= tensor_.shape()[axis];
    }
    return elements_ + offset;
  }

 private:
  Tensor tensor_;
  int64 lead_ = 1;
  const T* elements_ = nullptr;
};

/// One head, chunk after chunk.
template <class T>
class Head {
 public:
  Head(int64 features, int64 width, Direction direction)
      : m_(features),
        v_(width),
        direction_(direction),
        sums_(static_cast<std::size_t>(m_ * v_)),
        scores_(static_cast<std::size_t>(kChunk * kChunk)) {}

  void run(const T* a, int64 lead_a, const T* b, int64 lead_b, const T* c, int64 lead_c, T* y,
           int64 rows) {
    const int64 chunks = (rows + kChunk - 1) / kChunk;
    for (int64 i = 0; i < chunks; ++i) {
      const int64 chunk = direction_ == Direction::forward ? i : chunks - 1 - i;
      const int64 first = chunk * kChunk, count = std::min(kChunk, rows - first);
      const T *pa = a + first * lead_a, *pb = b + first * lead_b, *pc = c + first * lead_c;
      T* py = y + first * v_;
      constexpr Transposed no = Transposed::no, yes = Transposed::yes;
      gemm(no, yes, count, count, m_, T(1), pa, lead_a, pb, lead_b, T(0), scores_.data(), count);
      mask(count);
      gemm(no, no, count, v_, count, T(1), scores_.data(), count, pc, lead_c, T(0), py, v_);
      if (i > 0) gemm(no, no, count, v_, m_, T(1), pa, lead_a, sums_.data(), v_, T(1), py, v_);
      if (i + 1 < chunks)
        gemm(yes, no, m_, v_, count, T(1), pb, lead_b, pc, lead_c, T(i > 0), sums_.data(), v_);
    }
  }

 private:
  void mask(int64 n) {
    for (int64 row = 0; row < n; ++row) {
      T* s = scores_.data() + row * n;
      if (direction_ == Direction::forward)
        std::fill(s + row + 1, s + n, T(0));
      else
        std::fill(s, s + row, T(0));
    }
  }

  int64 m_, v_;
  Direction direction_;
  std::vector<T> sums_, scores_;
};

template <class T>
Tensor product(const Tensor& a, const Tensor& b, const Tensor& c, Direction direction) {
  const int last = a.rank() - 1;
  const int64 rows = a.shape()[last - 1], m = a.shape()[last], width = c.shape()[last];
  if (c.numel() == 0 || m == 0) return zeros(c.shape(), c.dtype());
  Tensor y = Tensor::empty(c.shape(), c.dtype());
  T* to = y.writable<T>();
  const Matrices<T> as(a), bs(b), cs(c);
  constexpr int64 kMost = std::numeric_limits<std::int32_t>::max();
  for (int64 size : {as.lead(), bs.lead(), cs.lead()})
    check_shape(size <= kMost, "rows {} elements apart: BLAS takes {} at most", size, kMost);
  constexpr int64 kPart = 1 << 19;  // multiply-adds that are worth another thread
  const int64 work = rows * (kChunk * (m + width) + 2 * m * width);
  parallel_for(0, c.numel() / (rows * width), 1 + kPart / work, [&](int64 begin, int64 end) {
    Head<T> head(m, width, direction);
    for (int64 i = begin; i < end; ++i)
      head.run(as.at(i), as.lead(), bs.at(i), bs.lead(), cs.at(i), cs.lead(), to + i * rows * width,
               rows);
  });
  return y;
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
