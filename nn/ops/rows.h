// What the fused kernels of nn/ share: a tensor as contiguous rows of its last axis, and sums over
// rows in a fixed order.
#pragma once

#include <vector>

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
      : width_(rows.width),
        parts_((rows.count + kRowsPerPart - 1) / kRowsPerPart),
        sums_(wanted ? static_cast<std::size_t>(parts_ * width_) : 0, 0.0) {}
  /// Null where they are not wanted.
  double* part(int64 p) { return sums_.empty() ? nullptr : sums_.data() + p * width_; }
  /// The parts in order.
  std::vector<double> total() const {
    std::vector<double> total(static_cast<std::size_t>(width_), 0.0);
    for (int64 p = 0; p < parts_; ++p)
      for (int64 j = 0; j < width_; ++j)
        total[static_cast<std::size_t>(j)] += sums_[static_cast<std::size_t>(p * width_ + j)];
    return total;
  }

 private:
  int64 width_, parts_;
  std::vector<double> sums_;
};

template <class T>
Tensor from_doubles(const std::vector<double>& values) {
  Tensor t = Tensor::empty({static_cast<int64>(values.size())}, dtype_of<T>());
  T* out = t.writable<T>();
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = static_cast<T>(values[i]);
  return t;
}

}  // namespace gradus::ops
