// The forward direction of blocked softmax attention; see nn/kernels/softmax_attention.h.
#pragma once

#include "nn/kernels/softmax_parts.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

template <class T>
struct ForwardScratch {
  Extras<T> extras;
  T *keys, *values;  // [blocks][width padded][64], [blocks 64][value width padded]
  T *q, *scores, *out, *sums, *drop, *top;  // of one block of queries

  int64_t take(T* start, const SoftmaxHead<T>& h) {
    Scratch<T> s(start);
    const int64_t rows = round_up(h.keys, kBlock), lead = padded<T>(h.width),
                  value_lead = padded<T>(h.value_width);
    extras.take(s, h);
    keys = s.take(rows * lead);
    values = s.take(rows * value_lead);
    q = s.take(kBlock * lead);
    scores = s.take(kRows * kBlock);
    out = s.take(kBlock * value_lead);
    sums = s.take(kBlock * kLanes<T>);
    drop = s.take(kBlock);
    top = s.take(kBlock);
    return s.used();
  }
};

template <class T>
int64_t forward_scratch(const SoftmaxHead<T>& h) {
  return ForwardScratch<T>().take(nullptr, h);
}

template <class T>
void prepare_forward(const SoftmaxHead<T>& h, T* scratch) {
  ForwardScratch<T> s;
  s.take(scratch, h);
  s.extras.pack(h);
  const int64_t lead = padded<T>(h.width), value_lead = padded<T>(h.value_width);
  for (int64_t n = 0; n < h.keys; n += kBlock) {
    const int64_t count = least(kBlock, h.keys - n);
    pack_rows(s.q, lead, h.k, n, count, h.width, kBlock, T(1));
    transpose(s.keys + n * lead, kBlock, s.q, lead, kBlock, lead);
    pack_rows(s.values + n * value_lead, value_lead, h.v, n, count, h.value_width, kBlock, T(1));
  }
}

/// The largest of `width` numbers; a NaN among them counts for nothing.
template <class T>
GRADUS_INLINE T largest(const T* p, int64_t width) {
  Vec<T> best = load(p);
  for (int64_t c = kLanes<T>; c < width; c += kLanes<T>) {
    const Vec<T> x = load(p + c);
    best = select<T>(x > best, x, best);
  }
#pragma GCC unroll 4
  for (int half = kLanes<T> / 2; half > 0; half /= 2) {
    const Vec<T> lower = interleaved<T, 0>(best, best), upper = interleaved<T, 1>(best, best);
    best = select<T>(upper > lower, upper, lower);
  }
  return best[0];
}

/// One row of scores becomes weights relative to the running maximum; what was summed so far is
/// brought to a new maximum.
template <class T>
GRADUS_INLINE void soften(T* scores, int64_t width, T& top, T* sum, T* out, int64_t lead) {
  const T high = largest(scores, width);
  if (high > top) {
    if (top > T(-__builtin_inf())) {  // else nothing was summed
      const Vec<T> shrink = exp_below<T>(all_of<T>(top - high));
      for (int64_t j = 0; j < lead; j += kLanes<T>) store(out + j, load(out + j) * shrink);
      store(sum, load(sum) * shrink);
    }
    top = high;
  }
  const T base = top == T(-__builtin_inf()) ? T(0) : top;
  Vec<T> total = load(sum);
  for (int64_t c = 0; c < width; c += kLanes<T>) {
    const Vec<T> p = exp_below<T>(load(scores + c) - base);
    store(scores + c, p);
    total += p;
  }
  store(sum, total);
}

template <class T>
void forward(const SoftmaxHead<T>& h, int64_t block, T* scratch) {
  ForwardScratch<T> s;
  s.take(scratch, h);
  const int64_t lead = padded<T>(h.width), value_lead = padded<T>(h.value_width);
  const int64_t begin = block * kBlock, rows = least(kBlock, h.queries - begin);
  const int64_t all_rows = round_up(rows, kRows);
  pack_rows(s.q, lead, h.q, begin, rows, h.width, all_rows, h.scale);
  fill(s.out, all_rows * value_lead, T(0));
  fill(s.sums, all_rows * kLanes<T>, T(0));
  fill(s.top, all_rows, T(-__builtin_inf()));
  const int64_t end = h.causal ? least(h.keys, h.first + begin + rows) : h.keys;
  for (int64_t n = 0; n < end; n += kBlock)
    for (int64_t r = 0; r < all_rows; r += kRows) {
      const int64_t i = begin + r, count = seen(h, i + kRows - 1, n);
      const int64_t width = round_up(count, kTile<T>);
      for (int64_t c = 0; c < width; c += kTile<T>) {
        Vec<T> acc[kRows][2];
        score_tile(acc, h, s.extras, s.q + r * lead, lead, s.keys + n * lead + c, i, n + c);
#pragma GCC unroll 8
        for (int j = 0; j < kRows; ++j) {
          store(s.scores + j * kBlock + c, acc[j][0]);
          store(s.scores + j * kBlock + c + kLanes<T>, acc[j][1]);
        }
      }
      if (count == 0) continue;
      for (int j = 0; j < kRows; ++j) {
        T* row = s.scores + j * kBlock;
        soften(row, width, s.top[r + j], s.sums + (r + j) * kLanes<T>, s.out + (r + j) * value_lead,
               value_lead);
        if (h.drop_below == 0) continue;
        drop_row(s.drop, h, i + j, n, count);
        for (int64_t c = 0; c < count; ++c) row[c] *= s.drop[c];
      }
      add_product<T, false>(s.out + r * value_lead, value_lead, s.scores, kBlock,
                            s.values + n * value_lead, count);
    }
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t i = begin + r;
    const T sum = sum_lanes<T>(load(s.sums + r * kLanes<T>));
    // A query that sees no key gives zeros.
    const int64_t keys_seen = h.causal ? least(h.keys, h.first + i + 1) : h.keys;
    bool empty = sum == 0;
    for (int64_t n = 0; empty && n < keys_seen; ++n) empty = s.extras.hidden[n] != 0;
    const T inverse = empty ? T(0) : 1 / sum;
    h.top[i] = s.top[r] == T(-__builtin_inf()) ? T(0) : s.top[r];
    h.inverse[i] = sum == 0 && !empty ? T(__builtin_nan("")) : inverse;
    scale_row(h.y.at + i * h.y.step, s.out + r * value_lead, h.value_width, h.inverse[i]);
  }
}

}  // namespace
}  // namespace GRADUS_LEVEL
}  // namespace gradus
