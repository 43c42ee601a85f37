// The memory of a head of linear attention, and what is done with a chunk there beside products:
// squares cut at the diagonal, sums over rows and along them; for .cpp files in a kernels folder.
#pragma once

#include "nn/kernels/linear_rows.h"

namespace gradus {
namespace GRADUS_LEVEL {

/// The memory of a head: squares, packed rows and sums, each lead a multiple of the padding.
template <class T>
struct Scratch {
  Count features, columns;  // rounded up
  Count lead;               // of v and e, with room for the column of ones or u
  T *q, *k, *kt;            // features [chunk, features], transposed [features, chunk]
  T *v, *vt, *e;            // [chunk, lead], [lead, chunk]
  T *p, *d, *weights;       // [chunk, chunk]
  T* out;                   // [chunk, features or columns]
  T *s, *st, *z;            // [features, columns], [lead, features], [features]
  T* rows;                  // [chunk]

  static Count place(Scratch* to, T* base, Count r, Count w) {
    Scratch x{};
    x.features = padded<T>(r);
    x.columns = padded<T>(w);
    x.lead = padded<T>(w + 1);
    Count used = 0;
    const auto take = [&](T*& part, Count n) {
      part = base ? base + used : nullptr;
      used += (n + 15) / 16 * 16;
    };
    const Count wide = x.features > x.columns ? x.features : x.columns;
    take(x.q, kChunk * x.features);
    take(x.k, kChunk * x.features);
    take(x.kt, kChunk * x.features);
    take(x.v, kChunk * x.lead);
    take(x.vt, kChunk * x.lead);
    take(x.e, kChunk * x.lead);
    take(x.p, kChunk * kChunk);
    take(x.d, kChunk * kChunk);
    take(x.weights, kChunk * kChunk);
    take(x.out, kChunk * wide);
    take(x.s, x.features * x.lead);
    take(x.st, x.lead * x.features);
    take(x.z, x.features);
    take(x.rows, kChunk);
    if (to) *to = x;
    return used;
  }
};

/// Zeros to the right of the diagonal, as far as blocks and vectors read.
template <class T>
void mask(T* square, Count rows) {
  for (Count i = 0; i < rows; ++i) {
    const Count end = padded<T>(i + 1);
    for (Count j = i + 1; j < end; ++j) square[i * kChunk + j] = 0;
  }
}

/// to[i] += x_i . y_i over `columns` numbers (y_i = y where lead_y is 0); with `lower`, only as far
/// as the diagonal.
template <class T>
void add_row_dots(T* to, const T* x, Count lead_x, const T* y, Count lead_y, Count rows,
                  Count columns, bool lower) {
  constexpr int n = kLanes<T>;
  for (Count row = 0; row < rows; row += n) {
    Vec<T> sum[n];
#pragma GCC unroll 16
    for (int i = 0; i < n; ++i) {
      sum[i] = Vec<T>{};
      const Count end = lower ? padded<T>(row + i + 1) : columns;
      const T *a = x + (row + i) * lead_x, *b = y + (row + i) * lead_y;
      if (lower)
        for (Count j = 0; j < end; j += n) sum[i] += load(a + j);
      else
        for (Count j = 0; j < end; j += n) sum[i] += load(a + j) * load(b + j);
    }
    store(to + row, load(to + row) + sums_of<T>(sum));
  }
}

/// z += sum over rows of factors[i step] x_i (null: 1).
template <class T>
void add_rows(T* z, const T* x, Count lead, Count rows, Count columns, const T* factors = nullptr,
              Count step = 0) {
  constexpr Count n = kLanes<T>;
  for (Count j = 0; j < columns; j += n) {
    Vec<T> sum = load(z + j);
    if (factors)
      for (Count i = 0; i < rows; ++i) sum += load(x + i * lead + j) * factors[i * step];
    else
      for (Count i = 0; i < rows; ++i) sum += load(x + i * lead + j);
    store(z + j, sum);
  }
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
