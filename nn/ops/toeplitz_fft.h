// The sums of toeplitz_product and lag_product (nn/ops/toeplitz.cpp), by FFT: O(N log N m v) time
// for each head, O(N) memory beside inputs and output.
#pragma once

#include <algorithm>

#include "tensor/array.h"

namespace gradus::ops {

/// The sizes of a product, of the shapes of a and c; a head is one index of the batch axes.
struct Sizes {
  Sizes(const Shape& a, const Shape& c)
      : queries(a[a.rank() - 2]),
        keys(c[c.rank() - 2]),
        features(a.back()),
        width(c.back()),
        heads(1) {
    for (int i = 0; i + 2 < a.rank(); ++i) heads *= a[i];
  }
  int64 lags() const { return std::max<int64>(0, queries + keys - 1); }
  bool empty() const { return heads * queries * keys * features * width == 0; }
  int64 queries, keys, features, width, heads;
};

/// y_m = sum over n of w[m - n] (a_m . b_n) c_n.
Tensor toeplitz_sums(const Tensor& a, const Tensor& b, const Tensor& c, const Tensor& w);
/// y[l] = sum over m - n = l of (a_m . b_n) (g_m . c_n).
Tensor lag_sums(const Tensor& a, const Tensor& b, const Tensor& c, const Tensor& g);

}  // namespace gradus::ops
