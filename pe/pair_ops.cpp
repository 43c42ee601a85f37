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
#include "tensor/elementwise.h"
#include "tensor/parallel.h"

namespace gradus {

namespace ops {

namespace {

struct Sizes {
  Sizes(const Shape& table, int64 b, int64 h)
      : batch(b),
        heads(h),
        tokens(table[2]),
        pairs(table[3]),
        table_batch(table[0]),
        table_heads(table[1]) {}
  int64 batch, heads, tokens, pairs, table_batch, table_heads;
};

/// Rows of one line of the table, and the sequences and heads that it turns.
struct Block {
  int64 line = 0, token = 0, rows = 0;
  int64 batch_begin = 0, batch_end = 0, head_begin = 0, head_end = 0;
};

// Numbers of the table in a block: they stay in the second cache for all who share them, and the
// rows that they turn are read in runs long enough for the machine to see them coming.
constexpr int64 kBlockNumbers = 32768;

/// body(Block) for every row of the table, spread over the threads; each part makes a body.
template <class MakeBody>
void for_each_block(const Sizes& s, MakeBody make_body) {
  const int64 lines = s.table_batch * s.table_heads;
  if (lines * s.tokens == 0) return;
  const int64 block_rows = std::max<int64>(1, kBlockNumbers / std::max<int64>(1, 2 * s.pairs));
  const int64 row = std::max<int64>(1, 2 * s.pairs * (s.batch * s.heads / lines));
  parallel_for(0, lines * s.tokens, 1 + 32768 / row, [&](int64 begin, int64 end) {
    auto body = make_body();
    for (int64 r = begin; r < end;) {
      Block b;
      b.line = r / s.tokens;
      b.token = r % s.tokens;
      b.rows = std::min({block_rows, s.tokens - b.token, end - r});
      const int64 tb = b.line / s.table_heads, th = b.line % s.table_heads;
      b.batch_begin = s.table_batch == 1 ? 0 : tb;
      b.batch_end = s.table_batch == 1 ? s.batch : tb + 1;
      b.head_begin = s.table_heads == 1 ? 0 : th;
      b.head_end = s.table_heads == 1 ? s.heads : th + 1;
      body(b);
      r += b.rows;
    }
  });
}

/// A tensor [B,H,N,W] of any strides as rows; what stands apart is gathered a block at a time.
template <class T>
class RowsOf {
 public:
  explicit RowsOf(const Tensor& t)
      : at_(t.data<T>()), strides_(t.strides()), width_(t.size(3)), dense_(t.size(3) == 1) {
    dense_ = dense_ || strides_[3] == 1;
  }
  PairRows<T> block(int64 batch, int64 head, const Block& b, std::vector<T>& room) const {
    const T* from = at_ + batch * strides_[0] + head * strides_[1] + b.token * strides_[2];
    if (dense_) return {from, strides_[2]};
    // One number everywhere, as in the cotangent of a sum, makes one row.
    const bool one_row = strides_[2] == 0;
    room.resize(static_cast<std::size_t>((one_row ? 1 : b.rows) * width_));
    for (int64 r = 0; r < (one_row ? 1 : b.rows); ++r)
      for (int64 i = 0; i < width_; ++i)
        room[static_cast<std::size_t>(r * width_ + i)] = from[r * strides_[2] + i * strides_[3]];
    return {room.data(), one_row ? 0 : width_};
  }

 private:
  const T* at_;
  Strides strides_;
  int64 width_;
  bool dense_;
};

/// cos and sin, whose rows have no gaps.
template <class T>
class TableOf {
 public:
  TableOf(const Tensor& cos, const Tensor& sin, bool half)
      : cos_(dense(cos)), sin_(dense(sin)), half_(half) {}
  PairTable<T> block(const Block& b) const {
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
  const Sizes s(cos.shape(), shape[0], shape[1]);
  const RowsOf<T> from(x);
  const TableOf<T> table(cos, sin, half);
  for_each_block(s, [&] {
    return [&, room = std::vector<T>()](const Block& b) mutable {
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
  const Sizes s(shape, x.size(0), x.size(1));
  const RowsOf<T> from(x), g(cotangent);
  for_each_block(s, [&] {
    return [&, x_room = std::vector<T>(), g_room = std::vector<T>(),
            sum = std::vector<double>()](const Block& b) mutable {
      const int64 n = s.pairs;
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

extern const OpDef kTurnTable;

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
  static const OpDef* const table[] = {&ops::kPoolPairs, &ops::kTurnPairs, &ops::kTurnTable};
  return table;
}

}  // namespace gradus
