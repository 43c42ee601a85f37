// What the fused kernels of nn/ share: a tensor as contiguous rows of its last axis, and sums over
// rows in a fixed order.
#pragma once

#include <algorithm>

#include "autograd/op.h"
#include "nn/ops.h"
#include "tensor/elementwise.h"
#include "tensor/parallel.h"
#include "tensor/reduce.h"

namespace gradus::ops {

struct Rows {
  explicit Rows(const Shape& s)
      : width(s.rank() ? s.back() : 1), count(width ? s.numel() / width : 0) {}
  int64 width, count;
  /// Rows a part should have, so that a part is worth a thread.
  int64 grain() const { return std::max<int64>(1, 16384 / std::max<int64>(1, width)); }
};

/// Rows are summed in parts of this many, parts in order: the same bits at any number of threads.
inline constexpr int64 kRowsPerPart = 64;

/// Sums of `width` numbers over rows: a part of kRowsPerPart rows adds to its own sums.
class RowSums {
 public:
  /// Nothing where the sums are not wanted.
  RowSums(Rows rows, bool wanted)
      : width_(rows.width), parts_((rows.count + kRowsPerPart - 1) / kRowsPerPart) {
    if (!wanted) return;
    sums_ = Tensor::empty({parts_, width_}, DType::f64);
    at_ = sums_.writable<double>();
  }
  /// The sums of a part, zero; null where they are not wanted.
  double* start(int64 part) {
    return at_ ? std::fill_n(at_ + part * width_, width_, 0.0) - width_ : nullptr;
  }
  /// Of the parts in order, taken in the place of the first one.
  template <class T>
  Tensor total() {
    for (int64 p = 1; p < parts_; ++p)
      for (int64 j = 0; j < width_; ++j) at_[j] += at_[p * width_ + j];
    Tensor total = zeros({width_}, dtype_of<T>());
    if (parts_ > 0) std::copy_n(at_, width_, total.writable<T>());
    return total;
  }

 private:
  int64 width_, parts_;
  Tensor sums_;
  double* at_ = nullptr;
};

}  // namespace gradus::ops
