// The backward direction of blocked softmax attention; see nn/kernels/softmax_attention.h. Key
// blocks in order, and for each the query blocks that see it: dk and dv of a block stay in cache.
#pragma once

#include "nn/kernels/softmax_parts.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

template <class T>
struct BackwardScratch {
  Extras<T> extras;
  T *q, *g, *dq, *dots, *top, *inverse;                // rows of all queries, and zeros
  T *keys, *values, *key_rows, *value_rows, *dk, *dv;  // of one block of keys
  T *weights, *dscores, *drop;                         // of one block of both
  T* dlag = nullptr;

  int64_t take(T* start, const SoftmaxHead<T>& h) {
    Scratch<T> s(start);
    const int64_t rows = round_up(h.queries, kRows), lead = padded<T>(h.width),
                  value_lead = padded<T>(h.value_width);
    extras.take(s, h);
    q = s.take(rows * lead);
    g = s.take(rows * value_lead);
    dq = s.take(rows * lead);
    dots = s.take(rows);
    top = s.take(rows);
    inverse = s.take(rows);
    keys = s.take(kBlock * lead);
    values = s.take(kBlock * value_lead);
    key_rows = s.take(kBlock * lead);
    value_rows = s.take(kBlock * value_lead);
    dk = s.take(kBlock * lead);
    dv = s.take(kBlock * value_lead);
    weights = s.take(kBlock * kLead<T>) + (start ? kLanes<T> : 0);
    dscores = s.take(kBlock * kLead<T>) + (start ? kLanes<T> : 0);
    drop = s.take(kBlock * kBlock);
    if (h.lag) dlag = s.take(Extras<T>::lag_room(h));
    return s.used();
  }
};

template <class T>
int64_t backward_scratch(const SoftmaxHead<T>& h) {
  return BackwardScratch<T>().take(nullptr, h);
}

/// Weights and gradients of scores of kRows queries from i on (row r of the block) and `count` keys
/// from n on.
template <class T>
GRADUS_INLINE void back_rows(const SoftmaxHead<T>& h, const BackwardScratch<T>& s, int64_t r,
                             int64_t i, int64_t n, int64_t count) {
  const int64_t lead = padded<T>(h.width), value_lead = padded<T>(h.value_width);
  const int64_t width = round_up(count, kTile<T>);
  T *weights = s.weights + r * kLead<T>, *dscores = s.dscores + r * kLead<T>,
    *drop = s.drop + r * kBlock;
  const bool drops = h.drop_below != 0;
  if (drops)
    for (int j = 0; j < kRows; ++j) drop_row(drop + j * kBlock, h, i + j, n, width);
  for (int64_t c = 0; c < width; c += kTile<T>) {
    Vec<T> acc[kRows][2];
    score_tile(acc, h, s.extras, s.q + i * lead, lead, s.keys + c, i, n + c);
#pragma GCC unroll 8
    for (int j = 0; j < kRows; ++j)
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v)
        store(weights + j * kLead<T> + c + v * kLanes<T>,
              exp_below<T>(acc[j][v] - s.top[i + j]) * s.inverse[i + j]);
#pragma GCC unroll 8
    for (int j = 0; j < kRows; ++j) acc[j][0] = acc[j][1] = Vec<T>{};
    multiply<T, 2, false>(acc, s.g + i * value_lead, value_lead, s.values + c, kBlock,
                          h.value_width);
#pragma GCC unroll 8
    for (int j = 0; j < kRows; ++j)
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) {
        const int64_t at = j * kLead<T> + c + v * kLanes<T>;
        const Vec<T> p = load(weights + at);
        Vec<T> dp = acc[j][v];
        if (drops) {
          const Vec<T> factor = load(drop + j * kBlock + c + v * kLanes<T>);
          dp *= factor;
          store(weights + at, p * factor);
        }
        store(dscores + at, p * (dp - s.dots[i + j]));
      }
  }
}

/// dlag[n - i] += the block's sums along its diagonals; rows of zeros on both sides.
template <class T>
void add_diagonals(T* dlag, const T* dscores, int64_t rows) {
  constexpr int64_t lanes = kLanes<T>;
  for (int64_t e = -kBlock; e < kBlock; e += lanes) {  // columns minus rows e .. e + lanes - 1
    Vec<T> sum = load(dlag + e);
    for (int64_t r = most(0, -e - lanes + 1); r < least(rows, kBlock - e); ++r)
      sum += load(dscores + r * kLead<T> + e + r);
    store(dlag + e, sum);
  }
}

/// Rows first .. first + rows - 1 of `to`: those of `from`, times factor.
template <class T>
void put_rows(SoftmaxRows<T> to, int64_t first, int64_t rows, int64_t width, const T* from,
              int64_t lead, T factor) {
  if (!to.at) return;
  for (int64_t r = 0; r < rows; ++r)
    scale_row(to.at + (first + r) * to.step, from + r * lead, width, factor);
}

template <class T>
void add_key_block(const SoftmaxHead<T>& h, const SoftmaxGrads<T>& out, int64_t n,
                   const BackwardScratch<T>& s) {
  const int64_t lead = padded<T>(h.width), value_lead = padded<T>(h.value_width);
  const int64_t keys = least(kBlock, h.keys - n), all_rows = round_up(h.queries, kRows);
  pack_rows(s.key_rows, lead, h.k, n, keys, h.width, kBlock, T(1));
  transpose(s.keys, kBlock, s.key_rows, lead, kBlock, lead);
  pack_rows(s.value_rows, value_lead, h.v, n, keys, h.value_width, kBlock, T(1));
  transpose(s.values, kBlock, s.value_rows, value_lead, kBlock, value_lead);
  fill(s.dk, kBlock * lead, T(0));
  fill(s.dv, kBlock * value_lead, T(0));
  const int64_t start = h.causal ? most(0, n - h.first) / kRows * kRows : 0;
  for (int64_t begin = start; begin < h.queries; begin += kBlock) {
    const int64_t rows = least(kBlock, all_rows - begin);
    for (int64_t r = 0; r < rows; r += kRows) {
      const int64_t i = begin + r, count = seen(h, i + kRows - 1, n);
      back_rows(h, s, r, i, n, count);
      if (h.lag)
        for (int j = 0; j < kRows; ++j) {
          const int64_t width = round_up(count, kTile<T>);
          fill(s.dscores + (r + j) * kLead<T> + width, kBlock - width, T(0));
        }
      add_product<T, false>(s.dq + i * lead, lead, s.dscores + r * kLead<T>, kLead<T>, s.key_rows,
                            count);
      if (out.dbias)
        for (int64_t j = 0; j < least(kRows, h.queries - i); ++j)
          for (int64_t c = 0; c < count; ++c)
            out.dbias[(i + j) * h.keys + n + c] += s.dscores[(r + j) * kLead<T> + c];
    }
    if (h.lag && out.dlag) add_diagonals(s.dlag + n - begin + s.extras.offset, s.dscores, rows);
    for (int64_t c = 0; c < round_up(keys, kRows); c += kRows) {
      // The first row that sees key c.
      const int64_t from = h.causal ? most(0, n + c - h.first - begin) / kRows * kRows : 0;
      if (from >= rows) continue;
      add_product<T, true>(s.dv + c * value_lead, value_lead, s.weights + from * kLead<T> + c,
                           kLead<T>, s.g + (begin + from) * value_lead, rows - from);
      add_product<T, true>(s.dk + c * lead, lead, s.dscores + from * kLead<T> + c, kLead<T>,
                           s.q + (begin + from) * lead, rows - from);
    }
  }
  put_rows(out.dk, n, keys, h.width, s.dk, lead, T(1));
  put_rows(out.dv, n, keys, h.value_width, s.dv, value_lead, T(1));
}

template <class T>
void backward(const SoftmaxHead<T>& h, const SoftmaxGrads<T>& out, int64_t begin, int64_t end,
              T* scratch) {
  BackwardScratch<T> s;
  s.take(scratch, h);
  s.extras.pack(h);
  const int64_t lead = padded<T>(h.width), value_lead = padded<T>(h.value_width);
  const int64_t rows = round_up(h.queries, kRows);
  pack_rows(s.q, lead, h.q, 0, h.queries, h.width, rows, h.scale);
  pack_rows(s.g, value_lead, out.g, 0, h.queries, h.value_width, rows, T(1));
  fill(s.dq, rows * lead, T(0));
  fill(s.dscores - kLanes<T>, kBlock * kLead<T>, T(0));
  if (h.lag) fill(s.dlag, Extras<T>::lag_room(h), T(0));
  for (int64_t i = 0; i < rows; ++i) {
    T dot = 0;
    if (i < h.queries)
      for (int64_t j = 0; j < h.value_width; ++j)
        dot += s.g[i * value_lead + j] * out.y.at[i * out.y.row_step + j * out.y.column_step];
    s.dots[i] = dot;
    s.top[i] = i < h.queries ? h.top[i] : T(0);
    s.inverse[i] = i < h.queries ? h.inverse[i] : T(0);
  }
  for (int64_t block = begin; block < end; ++block) add_key_block(h, out, block * kBlock, s);
  put_rows(out.dq, 0, h.queries, h.width, s.dq, lead, h.scale);
  if (out.dlag)
    for (int64_t n = 0; n < h.queries + h.keys - 1; ++n)
      out.dlag[h.queries + h.keys - 2 - n] += s.dlag[kBlock + n];
}

}  // namespace
}  // namespace GRADUS_LEVEL
}  // namespace gradus
