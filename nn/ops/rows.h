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

/// out[j] = sum over rows r of term(r, j); `add_row(r, partial)` adds row r to a partial sum of
/// `width` doubles.
template <class F>
std::vector<double> sum_rows(Rows rows, F&& add_row) {
  const int64 parts = (rows.count + kRowsPerPart - 1) / kRowsPerPart;
  std::vector<double> partial(static_cast<std::size_t>(parts * rows.width), 0.0);
  parallel_for(
      0, parts, std::max<int64>(1, rows.grain() / kRowsPerPart), [&](int64 begin, int64 end) {
        for (int64 p = begin; p < end; ++p)
          for (int64 r = p * kRowsPerPart; r < std::min(rows.count, (p + 1) * kRowsPerPart); ++r)
            add_row(r, partial.data() + p * rows.width);
      });
  std::vector<double> total(static_cast<std::size_t>(rows.width), 0.0);
  for (int64 p = 0; p < parts; ++p)
    for (int64 j = 0; j < rows.width; ++j)
      total[static_cast<std::size_t>(j)] += partial[static_cast<std::size_t>(p * rows.width + j)];
  return total;
}

template <class T>
Tensor from_doubles(const std::vector<double>& values) {
  Tensor t = Tensor::empty({static_cast<int64>(values.size())}, dtype_of<T>());
  T* out = t.writable<T>();
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = static_cast<T>(values[i]);
  return t;
}

}  // namespace gradus::ops
