// What both directions of blocked softmax attention are made of: products of register tiles, packed
// operands, the scores of a tile, random bits. For the kernel files of softmax attention alone.
#pragma once

#include "nn/kernels/softmax_attention.h"
#include "tensor/kernels/vec_math.h"
#include "tensor/kernels/vec_random.h"
#include "tensor/kernels/vec_rows.h"
#include "tensor/kernels/vec_transpose.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

using std::int64_t;

constexpr int64_t kBlock = kSoftmaxBlock;
/// A tile of a product: kRows rows of two vectors stay in registers (32 of them with AVX-512, 16
/// below).
constexpr int kRows = kVectorBytes == 64 ? 8 : 4;
template <class T>
constexpr int64_t kTile = 2 * kLanes<T>;
/// Rows of a block of scores are this far apart: zeros stand on both sides, for sums along
/// diagonals.
template <class T>
constexpr int64_t kLead = kBlock + 2 * kLanes<T>;

GRADUS_INLINE int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }
GRADUS_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
GRADUS_INLINE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
/// Columns of packed rows.
template <class T>
GRADUS_INLINE int64_t padded(int64_t width) {
  return round_up(width, kLanes<T>);
}
/// Elements of a piece of scratch, so that the next one is aligned.
GRADUS_INLINE int64_t piece(int64_t count) { return round_up(count, 64); }

/// Hands out pieces of scratch; with a null start it only counts.
template <class T>
class Scratch {
 public:
  explicit Scratch(T* start) : at_(start) {}
  T* take(int64_t count) {
    T* here = at_ ? at_ + used_ : nullptr;
    used_ += piece(count);
    return here;
  }
  int64_t used() const { return used_; }

 private:
  T* at_;
  int64_t used_ = 0;
};

template <class T>
GRADUS_INLINE void fill(T* p, int64_t count, T x) {
  for (int64_t i = 0; i < count; ++i) p[i] = x;
}

/// acc[r] += sum over t of a[r, t] b[t]; kAcross: a[t, r]. Rows of b are C vectors.
template <class T, int C, bool kAcross>
GRADUS_INLINE void multiply(Vec<T> (&acc)[kRows][C], const T* a, int64_t lead_a, const T* b,
                            int64_t lead_b, int64_t count) {
  for (int64_t t = 0; t < count; ++t) {
    Vec<T> row[C];
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) row[c] = load(b + t * lead_b + c * kLanes<T>);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Vec<T> x = all_of<T>(kAcross ? a[t * lead_a + r] : a[r * lead_a + t]);
#pragma GCC unroll 2
      for (int c = 0; c < C; ++c) acc[r][c] += x * row[c];
    }
  }
}

/// kRows rows of out [., width padded] += a b, tile after tile.
template <class T, int C, bool kAcross>
GRADUS_INLINE void add_tile(T* out, int64_t lead, const T* a, int64_t lead_a, const T* b,
                            int64_t count) {
  Vec<T> acc[kRows][C];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) acc[r][c] = load(out + r * lead + c * kLanes<T>);
  multiply<T, C, kAcross>(acc, a, lead_a, b, lead, count);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) store(out + r * lead + c * kLanes<T>, acc[r][c]);
}
template <class T, bool kAcross>
GRADUS_INLINE void add_product(T* out, int64_t lead, const T* a, int64_t lead_a, const T* b,
                               int64_t count) {
  int64_t j = 0;
  for (; j + kTile<T> <= lead; j += kTile<T>)
    add_tile<T, 2, kAcross>(out + j, lead, a, lead_a, b + j, count);
  if (j < lead) add_tile<T, 1, kAcross>(out + j, lead, a, lead_a, b + j, count);
}

/// Rows of m, times factor, to rows of `lead`; zeros beside and below.
template <class T>
void pack_rows(T* to, int64_t lead, SoftmaxMatrix<T> m, int64_t first, int64_t rows, int64_t width,
               int64_t rows_with_zeros, T factor) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* from = m.at + (first + r) * m.row_step;
    T* row = to + r * lead;
    if (m.column_step == 1)
      scale_row(row, from, width, factor);
    else
      for (int64_t j = 0; j < width; ++j) row[j] = from[j * m.column_step] * factor;
    for (int64_t j = width; j < lead; ++j) row[j] = 0;
  }
  fill(to + rows * lead, (rows_with_zeros - rows) * lead, T(0));
}

/// What a head adds to its scores and hides, packed: lags in the order of the keys, keys hidden.
template <class T>
struct Extras {
  T* lag = nullptr;           // element n - i + offset, zeros around
  Word<T>* hidden = nullptr;  // -1: hidden; keys of whole blocks
  int64_t offset = 0;

  void take(Scratch<T>& s, const SoftmaxHead<T>& h) {
    offset = h.queries - 1 + kBlock;
    hidden = reinterpret_cast<Word<T>*>(s.take(round_up(h.keys, kBlock)));
    if (h.lag) lag = s.take(lag_room(h));
  }
  static int64_t lag_room(const SoftmaxHead<T>& h) { return h.queries + h.keys + 3 * kBlock; }

  void pack(const SoftmaxHead<T>& h) {
    const int64_t room = round_up(h.keys, kBlock);
    for (int64_t n = 0; n < room; ++n) {
      const bool hide = n >= h.keys || (h.key_mask && h.key_mask[n * h.key_mask_step] == 0);
      hidden[n] = hide ? Word<T>(-1) : Word<T>(0);
    }
    if (!h.lag) return;
    fill(lag, lag_room(h), T(0));
    for (int64_t n = 0; n < h.queries + h.keys - 1; ++n)
      lag[kBlock + n] = h.lag[(h.queries + h.keys - 2 - n) * h.lag_step];
  }
};

template <class T>
GRADUS_INLINE Vec<Word<T>> counting() {
  Vec<Word<T>> v{};
#pragma GCC unroll 16
  for (int i = 0; i < kLanes<T>; ++i) v[i] = static_cast<Word<T>>(i);
  return v;
}

/// The scores of queries i .. i + kRows - 1 (rows of a packed block) and keys n .. n + kTile - 1.
template <class T>
GRADUS_INLINE void score_tile(Vec<T> (&acc)[kRows][2], const SoftmaxHead<T>& h, const Extras<T>& x,
                              const T* q, int64_t lead, const T* keys, int64_t i, int64_t n) {
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) acc[r][0] = acc[r][1] = Vec<T>{};
  multiply<T, 2, false>(acc, q, lead, keys, kBlock, h.width);
  if (h.lag) {
    const T* lag = x.lag + n - i + x.offset;
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
      for (int c = 0; c < 2; ++c) acc[r][c] += load(lag - r + c * kLanes<T>);
  }
  if (h.bias.at) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
      for (int c = 0; c < 2; ++c) {
        const int64_t column = n + c * kLanes<T>, count = h.keys - column;
        const T* from = h.bias.at + (i + r) * h.bias.row_step + column;
        if (i + r >= h.queries || count <= 0) continue;
        acc[r][c] += count >= kLanes<T> ? load(from) : load_part(from, count, T(0));
      }
  }
  const Vec<T> none = all_of<T>(-__builtin_inf());
  if (h.key_mask || n + kTile < T >> h.keys) {
#pragma GCC unroll 2
    for (int c = 0; c < 2; ++c) {
      Vec<Word<T>> hide;
      __builtin_memcpy(&hide, x.hidden + n + c * kLanes<T>, sizeof hide);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) acc[r][c] = select<T>(hide, none, acc[r][c]);
    }
  }
  if (h.causal && n + kTile < T >> h.first + i + 1) {
#pragma GCC unroll 2
    for (int c = 0; c < 2; ++c) {
      const Vec<Word<T>> column =
          counting<T>() + static_cast<Word<T>>(n + c * kLanes<T> - h.first - i);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r)
        acc[r][c] = select<T>(column > static_cast<Word<T>>(r), none, acc[r][c]);
    }
  }
}

/// Keys of the block from n on that the queries up to row `last` see.
template <class T>
GRADUS_INLINE int64_t seen(const SoftmaxHead<T>& h, int64_t last, int64_t n) {
  const int64_t end = h.causal ? least(h.keys, h.first + last + 1) : h.keys;
  return most(0, least(kBlock, end - n));
}

/// 0 or h.kept for `width` keys from n on of query i.
template <class T>
void drop_row(T* to, const SoftmaxHead<T>& h, int64_t i, int64_t n, int64_t width) {
  constexpr int64_t kCount = 4 * kPhiloxBlocks;
  const std::uint64_t first = h.first_element + static_cast<std::uint64_t>(i * h.keys + n);
  // The block of the first key begins up to three numbers before it.
  std::uint64_t block = first / 4;
  for (int64_t at = -static_cast<int64_t>(first % 4); at < width;
       at += kCount, block += kPhiloxBlocks) {
    std::uint32_t bits[kCount];
    const RandomElements random = philox_blocks(h.random_key, block, h.random_draw);
    __builtin_memcpy(bits, &random, sizeof bits);
    const int64_t end = least(kCount, width - at);
    for (int64_t j = most(0, -at); j < end; ++j)
      to[at + j] = bits[j] < h.drop_below ? T(0) : h.kept;
  }
}

/// e^x for scores less their maximum, x <= 0: vec_exp without the ends of the range, where numbers
/// below the normal ones are 0.
template <class T>
GRADUS_INLINE Vec<T> exp_below(Vec<T> x) {
  using M = MathOf<T>;
  constexpr T kLeast = sizeof(T) == 4 ? T(-87.3) : T(-708);
  const Vec<T> shifted = x * M::kLog2E + M::kRound, n = shifted - M::kRound;
  const Vec<T> r = (x - n * M::kLn2High) - n * M::kLn2Low;
  const Bits<T> whole = bits_of<T>(shifted) - bits_of<T>(all_of(M::kRound));
  const Vec<T> power = from_bits<T>((whole + M::kBias) << M::kMantissa);
  const Vec<T> rest = r + (r * r) * polynomial(r, M::kExp);
  return select<T>(x < kLeast, Vec<T>{}, rest * power + power);
}

}  // namespace
}  // namespace GRADUS_LEVEL
}  // namespace gradus
