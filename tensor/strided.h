// The walk over N strided inputs of one broadcast shape whose output is fresh and contiguous.
// Axes that every input crosses evenly are merged, so that most calls become one long row; a row is
// handed to the kernel as (offset of each input, first output element, count), and the strides
// inside a row are the same for the whole walk.
#pragma once

#include <algorithm>
#include <utility>

#include "tensor/array.h"
#include "tensor/parallel.h"

namespace gradus::detail {

/// Elements below which a kernel stays on one thread: handing out work costs more.
inline constexpr int64 kGrain = 32768;

template <int N>
class Walk {
 public:
  /// Every input must broadcast to `shape`.
  Walk(const Shape& shape, const Tensor* const (&inputs)[N]) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      int64 step[N];
      for (int n = 0; n < N; ++n) {
        const int own = axis - (shape.rank() - inputs[n]->rank());
        step[n] = own < 0 || inputs[n]->shape()[own] == 1 ? 0 : inputs[n]->strides()[own];
      }
      push(shape[axis], step);
    }
    finish();
  }
  /// One input with these strides.
  Walk(const Shape& shape, const Strides& strides) requires(N == 1) {
    for (int axis = 0; axis < shape.rank(); ++axis) push(shape[axis], {strides[axis]});
    finish();
  }

  int64 numel() const { return numel_; }
  /// Of input n, inside a row.
  int64 inner_stride(int n) const { return steps_[n][rank_ - 1]; }
  int64 inner_size() const { return sizes_[rank_ - 1]; }

  /// row(offsets, first, count) for the output elements [begin, end), in order.
  template <class Row>
  void run(int64 begin, int64 end, Row&& row) const {
    if (begin >= end) return;
    const int last = rank_ - 1;
    const int64 inner = sizes_[last];
    int64 index[kMaxRank] = {};
    int64 offsets[N] = {};
    int64 position = begin;
    if (begin > 0) {
      int64 rest = begin / inner;
      position = begin % inner;
      for (int axis = last - 1; axis >= 0; --axis) {
        index[axis] = rest % sizes_[axis];
        rest /= sizes_[axis];
        for (int n = 0; n < N; ++n) offsets[n] += index[axis] * steps_[n][axis];
      }
      for (int n = 0; n < N; ++n) offsets[n] += position * steps_[n][last];
    }
    for (int64 first = begin;;) {
      const int64 count = std::min(inner - position, end - first);
      row(std::as_const(offsets), first, count);
      first += count;
      if (first >= end) return;
      for (int n = 0; n < N; ++n) offsets[n] -= position * steps_[n][last];
      position = 0;
      for (int axis = last - 1; axis >= 0; --axis) {
        for (int n = 0; n < N; ++n) offsets[n] += steps_[n][axis];
        if (++index[axis] < sizes_[axis]) break;
        index[axis] = 0;
        for (int n = 0; n < N; ++n) offsets[n] -= sizes_[axis] * steps_[n][axis];
      }
    }
  }

  /// run() over everything, spread over the threads where it is large.
  template <class Row>
  void run_parallel(Row&& row, int64 grain = kGrain) const {
    if (numel_ < 2 * grain) return run(0, numel_, row);
    gradus::parallel_for(0, numel_, grain, [&](int64 begin, int64 end) { run(begin, end, row); });
  }

 private:
  void push(int64 size, const int64 (&step)[N]) {
    numel_ *= size;
    if (size == 1) return;
    bool merges = rank_ > 0;
    for (int n = 0; merges && n < N; ++n) merges = steps_[n][rank_ - 1] == step[n] * size;
    if (!merges) ++rank_;
    sizes_[rank_ - 1] = merges ? sizes_[rank_ - 1] * size : size;
    for (int n = 0; n < N; ++n) steps_[n][rank_ - 1] = step[n];
  }
  /// A single element is a row of one.
  void finish() {
    if (rank_ > 0) return;
    rank_ = 1;
    sizes_[0] = 1;
    for (int n = 0; n < N; ++n) steps_[n][0] = 1;
  }

  int rank_ = 0;
  int64 numel_ = 1;
  int64 sizes_[kMaxRank];
  int64 steps_[N][kMaxRank];
};

}  // namespace gradus::detail
