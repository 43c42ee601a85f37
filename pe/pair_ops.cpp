// turn_pairs and pool_pairs: what RoPE and RoPEPool do to queries and keys, one pass each way and
// no tensor beside the results. With g the cotangent and (x1, x2) a pair,
//     turn    dx = (g1 c + g2 s, g2 c - g1 s),   dc = g1 x1 + g2 x2,   ds = g2 x1 - g1 x2
//     pool    dx = (g (c + s), g (c - s)),       dc = g (x1 + x2),     ds = g (x1 - x2)
// where dc and ds are added up, in f64, over the sequences and heads that share a table.
#include <algorithm>
#include <array>
#include <vector>

#include "pe/kernels/pair_rows.h"
#include "pe/ops.h"
#include "pe/row_blocks.h"
#include "tensor/elementwise.h"
#include "tensor/parallel.h"

namespace gradus {

namespace ops {

namespace {

// Numbers of the table in a block: they stay in the second cache for all who share them, and the
// rows that they turn are read in runs long enough for the machine to see them coming.
constexpr int64 kBlockNumbers = 32768;

/// body(RowBlock) for every row of the table, spread over the threads; each part makes a body.
template <class MakeBody>
void for_each_block(const SharedRows& s, int64 pairs, MakeBody make_body) {
  if (s.rows() == 0) return;
  const int64 block_rows = std::max<int64>(1, kBlockNumbers / std::max<int64>(1, 2 * pairs));
  const int64 row = std::max<int64>(1, 2 * pairs * s.sharers());
  parallel_for(0, s.rows(), 1 + 32768 / row, [&](int64 begin, int64 end) {
    auto body = make_body();
    for (int64 r = begin; r < end;) {
      const RowBlock b = s.block(r, std::min(block_rows, end - r));
      body(b);
      r += b.rows;
    }
  });
}

/// cos and sin, whose rows have no gaps.
template <class T>
class TableOf {
 public:
  TableOf(const Tensor& cos, const Tensor& sin, bool half)
      : cos_(dense(cos)), sin_(dense(sin)), half_(half) {}
  PairTable<T> block(const RowBlock& b) const {
    const int64 heads = cos_.size(1);
    const auto rows = [&](const Tensor& t) -> PairRows<T> {
      const Strides& s = t.strides();
      return {t.data<T>() + b.line / heads * s[0] + b.line % heads * s[1] + b.token * s[2], s[2]};
    };
    return {rows(cos_), rows(sin_), b.rows, cos_.size(3), half_};
  }

 private:
  static Tensor dense(const Tensor& t) {
    return t.size(3) == 1 || t.strides()[3] == 1 ? t : contiguous(t);
  }
  Tensor cos_, sin_;
  bool half_;
};

/// y = kernel(table, x), rows of `width` numbers.
template <class T, class Kernel>
Tensor map_rows(const Tensor& x, const Tensor& cos, const Tensor& sin, bool half, int64 width,
                Kernel kernel) {
  Shape shape = x.shape();
  shape[3] = width;
  Tensor y = Tensor::empty(shape, x.dtype());
  T* out = y.writable<T>();
  const SharedRows s(cos.shape(), shape[0], shape[1]);
  const RowsOf<T> from(x);
  const TableOf<T> table(cos, sin, half);
  for_each_block(s, cos.size(3), [&] {
    return [&, room = std::vector<T>()](const RowBlock& b) mutable {
      const PairTable<T> t = table.block(b);
      for (int64 i = b.batch_begin; i < b.batch_end; ++i)
        for (int64 h = b.head_begin; h < b.head_end; ++h)
          kernel(t, from.block(i, h, b, room),
                 out + ((i * s.heads + h) * s.tokens + b.token) * width);
    };
  });
  return y;
}

/// The gradients by cos and sin.
template <class T, class Kernel>
std::array<Tensor, 2> table_sums(const Tensor& x, const Tensor& cotangent, const Shape& shape,
                                 bool half, Kernel kernel) {
  std::array<Tensor, 2> sums{Tensor::empty(shape, x.dtype()), Tensor::empty(shape, x.dtype())};
  T *by_cos = sums[0].writable<T>(), *by_sin = sums[1].writable<T>();
  const SharedRows s(shape, x.size(0), x.size(1));
  const RowsOf<T> from(x), g(cotangent);
  for_each_block(s, shape[3], [&] {
    return [&, x_room = std::vector<T>(), g_room = std::vector<T>(),
            sum = std::vector<double>()](const RowBlock& b) mutable {
      const int64 n = shape[3];
      sum.assign(static_cast<std::size_t>(2 * n * b.rows), 0.0);
      const PairTable<T> t{{}, {}, b.rows, n, half};
      for (int64 i = b.batch_begin; i < b.batch_end; ++i)
        for (int64 h = b.head_begin; h < b.head_end; ++h)
          kernel(t, from.block(i, h, b, x_room), g.block(i, h, b, g_room), sum.data());
      for (int64 r = 0; r < b.rows; ++r) {
        const double* row = sum.data() + r * 2 * n;
        const int64 at = (b.line * s.tokens + b.token + r) * n;
        for (int64 i = 0; i < n; ++i) {
          by_cos[at + i] = static_cast<T>(row[i]);
          by_sin[at + i] = static_cast<T>(row[n + i]);
        }
      }
    };
  });
  return sums;
}

Forward forward(const ForwardCall& c, bool pool) {
  const Tensor &x = c.in(0), &cos = c.in(1), &sin = c.in(2);
  const bool half = c.attrs().flag("half");
  return dispatch_float(x.dtype(), "pairs", [&](auto tag) -> Forward {
    using T = typename decltype(tag)::type;
    const auto& k = GRADUS_KERNELS(pair_kernels).of(T{});
    if (pool) return map_rows<T>(x, cos, sin, half, cos.size(3), k.pool);
    return map_rows<T>(x, cos, sin, half, x.size(3),
                       [&](const auto& t, auto rows, T* y) { k.turn(t, rows, false, y); });
  });
}

std::vector<Tensor> gradients(const KernelCall& c, bool pool) {
  const Tensor &x = c.in[0], &cos = c.in[1], &sin = c.in[2], &g = c.cotangent;
  const bool half = c.attrs.flag("half");
  std::vector<Tensor> out(3);
  dispatch_float(g.dtype(), "pairs", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto& k = GRADUS_KERNELS(pair_kernels).of(T{});
    if (c.wanted[0] && pool) out[0] = map_rows<T>(g, cos, sin, half, x.size(3), k.pool_back);
    if (c.wanted[0] && !pool)
      out[0] = map_rows<T>(g, cos, sin, half, x.size(3),
                           [&](const auto& t, auto rows, T* y) { k.turn(t, rows, true, y); });
    if (!c.wanted[1] && !c.wanted[2]) return;
    auto sums = table_sums<T>(x, g, cos.shape(), half, pool ? k.pool_sums : k.turn_sums);
    for (std::size_t i = 0; i < 2; ++i)
      if (c.wanted[1 + i]) out[1 + i] = std::move(sums[i]);
  });
  return out;
}

Inferred infer(const InferCall& c, bool pool) {
  const DType t = c.same_float();
  const Shape &x = c.shape(0), &cos = c.shape(1), &sin = c.shape(2);
  check_shape(x.rank() == 4 && cos.rank() == 4 && cos == sin,
              "x is [batch, heads, tokens, 2 pairs], cos and sin are [batch or 1, heads or 1, "
              "tokens, pairs]; got {}, {} and {}",
              x, cos, sin);
  check_shape(
      x[3] == 2 * cos[3], "{} coordinates make {} pairs, but there are {} cosines and sines", x[3],
      x[3] % 2 ? fmt::format("{} and a half", x[3] / 2) : fmt::format("{}", x[3] / 2), cos[3]);
  check_shape((cos[0] == 1 || cos[0] == x[0]) && (cos[1] == 1 || cos[1] == x[1]) && cos[2] == x[2],
              "cos and sin {} do not fit x {}: tokens must agree, batch and heads agree or be 1",
              cos, x);
  return {{x[0], x[1], x[2], pool ? cos[3] : x[3]}, t};
}

// ---- references
// ----------------------------------------------------------------------------------

struct Pair {
  Var first, second;
};

Pair split(const Var& x, bool half) {
  const int64 width = x.size(-1);
  if (!half) return {slice(x, -1, 0, width, 2), slice(x, -1, std::min<int64>(1, width), width, 2)};
  return {slice(x, -1, 0, width / 2), slice(x, -1, width / 2, width)};
}

Var turned(std::span<const Var> in, const Attrs& attrs) {
  const bool half = attrs.flag("half");
  const Pair p = split(in[0], half);
  const Var &c = in[1], &s = in[2];
  const std::array<Var, 2> parts{p.first * c - p.second * s, p.second * c + p.first * s};
  return half ? concat(parts, -1) : reshape(stack(parts, -1), in[0].shape());
}

Var pooled(std::span<const Var> in, const Attrs& attrs) {
  const Pair p = split(in[0], attrs.flag("half"));
  return p.first * (in[1] + in[2]) + p.second * (in[1] - in[2]);
}

std::vector<Sample> samples() {
  const auto sample = [](const Shape& x, const Shape& table, int64 half) -> Sample {
    return {.in = {{.shape = x}, {.shape = table}, {.shape = table}}, .attrs = {{"half", half}}};
  };
  return {sample({2, 3, 4, 6}, {1, 3, 4, 3}, 0), sample({2, 3, 4, 6}, {2, 1, 4, 3}, 1),
          sample({1, 2, 1, 2}, {1, 1, 1, 1}, 0), sample({2, 1, 1, 10}, {1, 1, 1, 5}, 1)};
}

std::vector<BadSample> bad_samples() {
  const Attrs half{{"half", int64{1}}};
  return {{.in = {{.shape = {1, 1, 2, 5}}, {.shape = {1, 1, 2, 2}}, {.shape = {1, 1, 2, 2}}},
           .attrs = half,
           .message = "5 coordinates make 2 and a half pairs, but there are 2 cosines and sines"},
          {.in = {{.shape = {1, 1, 2, 4}}, {.shape = {1, 1, 2, 2}}, {.shape = {1, 1, 1, 2}}},
           .attrs = half,
           .message = "cos and sin are [batch or 1, heads or 1, tokens, pairs]"},
          {.in = {{.shape = {4, 1, 2, 4}}, {.shape = {2, 1, 2, 2}}, {.shape = {2, 1, 2, 2}}},
           .attrs = half,
           .message = "do not fit x (4, 1, 2, 4)"}};
}

}  // namespace

extern const OpDef kTurnPairs{
    .name = "turn_pairs",
    .formula = "y1 = x1 c - x2 s, y2 = x2 c + x1 s for pairs (x1, x2)",
    .vjp_formula = "dx1 = g1 c + g2 s, dx2 = g2 c - g1 s, dc = g1 x1 + g2 x2, ds = g2 x1 - g1 x2",
    .source = "Su et al. 2021, eq. 34",
    .infer = [](const InferCall& c) { return infer(c, false); },
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) { return forward(c, false); },
    .vjp_kernel = [](const KernelCall& c) { return gradients(c, false); },
    .reference = turned,
    .samples = samples(),
    .bad_samples = bad_samples()};

extern const OpDef kPoolPairs{
    .name = "pool_pairs",
    .formula = "y = x1 (c + s) + x2 (c - s) for pairs (x1, x2)",
    .vjp_formula = "dx1 = g (c + s), dx2 = g (c - s), dc = g (x1 + x2), ds = g (x1 - x2)",
    .source = "Agarwal et al. 2025, Of All StrIPEs, section III-D",
    .infer = [](const InferCall& c) { return infer(c, true); },
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) { return forward(c, true); },
    .vjp_kernel = [](const KernelCall& c) { return gradients(c, true); },
    .reference = pooled,
    .samples = samples(),
    .bad_samples = bad_samples()};

extern const OpDef kModulate, kModulateAndMix, kModulateAndPool, kReflect, kTurnTable;

}  // namespace ops

Var turn_pairs(At x, const Var& cos, const Var& sin, Pairing pairing) {
  return apply(ops::kTurnPairs, {x, cos, sin}, {{"half", int64{pairing == Pairing::half}}},
               x.where);
}

Var pool_pairs(At x, const Var& cos, const Var& sin, Pairing pairing) {
  return apply(ops::kPoolPairs, {x, cos, sin}, {{"half", int64{pairing == Pairing::half}}},
               x.where);
}

std::span<const OpDef* const> pe_ops() {
  static const OpDef* const table[] = {
      &ops::kModulate, &ops::kModulateAndMix, &ops::kModulateAndPool, &ops::kPoolPairs,
      &ops::kReflect,  &ops::kTurnPairs,      &ops::kTurnTable};
  return table;
}

}  // namespace gradus
