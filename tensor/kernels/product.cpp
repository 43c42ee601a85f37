#include "tensor/kernels/product.h"

#include "tensor/kernels/vec_transpose.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

using N = std::int64_t;

// A tile of C: two vectors in each of as many rows as the level has registers for, with two left
// for B and one for A.
constexpr int kTileRows = kVectorBytes == 64 ? 12 : 6;
constexpr int kTileVectors = 2;
template <class T>
constexpr int kTileColumns = kTileVectors* kLanes<T>;
// Rows of C that share kProductDepth columns of A: those, of f64 too, fit the second cache.
constexpr N kBlockRows = 10 * kTileRows;

template <class T>
struct Tile {
  const T* a;
  N row_a, column_a;
  const T* b;
  N lead_b, depth;
  T* c;
  N lead_c;
  N skip;         // columns at the left that are left as they are: the tile before has them
  bool add;       // to what is in C
  const T* bias;  // then added to each row; or null
};

/// Stores the columns from `skip` on of a tile's sums, row by row in `sums`.
template <class T>
[[gnu::noinline]] void store_right(const Tile<T>& t, const T* sums, int rows) {
  for (int i = 0; i < rows; ++i, sums += kTileColumns<T>) {
    T* const c = t.c + i * t.lead_c;
    for (N j = t.skip; j < kTileColumns<T>; ++j) c[j] = sums[j];
  }
}

template <class T, int kRows>
void multiply_tile(const Tile<T>& t) {
  constexpr int kLane = kLanes<T>;
  Vec<T> sum[kRows][kTileVectors] = {};
  const T *a = t.a, *b = t.b;
  const N row_a = t.row_a, column_a = t.column_a, lead_b = t.lead_b;
  for (N k = 0; k < t.depth; ++k, a += column_a, b += lead_b) {
    const Vec<T> b0 = load(b), b1 = load(b + kLane);
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
      const T x = a[i * row_a];
      sum[i][0] += b0 * x;
      sum[i][1] += b1 * x;
    }
  }
  if (t.add) {
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
      sum[i][0] += load(t.c + i * t.lead_c);
      sum[i][1] += load(t.c + i * t.lead_c + kLane);
    }
  }
  if (t.bias) {
    const Vec<T> b0 = load(t.bias), b1 = load(t.bias + kLane);
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
      sum[i][0] += b0;
      sum[i][1] += b1;
    }
  }
  if (t.skip > 0) {
    T sums[kRows * kTileColumns<T>];
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
      store(sums + i * kTileColumns<T>, sum[i][0]);
      store(sums + i * kTileColumns<T> + kLane, sum[i][1]);
    }
    return store_right(t, sums, kRows);
  }
#pragma GCC unroll 12
  for (int i = 0; i < kRows; ++i) {
    store(t.c + i * t.lead_c, sum[i][0]);
    store(t.c + i * t.lead_c + kLane, sum[i][1]);
  }
}

/// A tile of `rows` <= kRows rows.
template <class T, int kRows = kTileRows>
void multiply_rows(const Tile<T>& t, N rows) {
  if (rows == kRows)
    multiply_tile<T, kRows>(t);
  else if constexpr (kRows > 1)
    multiply_rows<T, kRows - 1>(t, rows);
}

GRADUS_INLINE N smaller(N x, N y) { return x < y ? x : y; }

template <class T>
void multiply(const Product<T>& p) {
  constexpr N kColumns = kTileColumns<T>;
  for (N block = 0; block < p.m; block += kBlockRows) {
    const N end = smaller(block + kBlockRows, p.m);
    for (N k = 0; k < p.k; k += kProductDepth)
      for (N column = 0; column < p.n; column += kColumns) {
        // The last tile of a row ends where the row ends.
        const N from = smaller(column, p.n - kColumns);
        for (N row = block; row < end; row += kTileRows)
          multiply_rows<T>({.a = p.a + row * p.row_a + k * p.column_a,
                            .row_a = p.row_a,
                            .column_a = p.column_a,
                            .b = p.b + k * p.lead_b + from,
                            .lead_b = p.lead_b,
                            .depth = smaller(kProductDepth, p.k - k),
                            .c = p.c + row * p.lead_c + from,
                            .lead_c = p.lead_c,
                            .skip = column - from,
                            .add = k > 0,
                            .bias = p.bias && k + kProductDepth >= p.k ? p.bias + from : nullptr},
                           smaller(kTileRows, end - row));
      }
  }
}

template <class T>
void transpose_any(T* to, N lead_to, const T* from, N lead_from, N rows, N columns) {
  const N whole_rows = rows / kLanes<T> * kLanes<T>, whole = columns / kLanes<T> * kLanes<T>;
  transpose(to, lead_to, from, lead_from, whole_rows, whole);
  for (N r = 0; r < rows; ++r)
    for (N c = r < whole_rows ? whole : 0; c < columns; ++c)
      to[c * lead_to + r] = from[r * lead_from + c];
}

template <class T>
constexpr ProductsOf<T> products() {
  return {kTileRows, kTileColumns<T>, &multiply<T>, &transpose_any<T>};
}

}  // namespace

extern const ProductKernels product_kernels = {products<float>(), products<double>()};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
