#include "tensor/shape.h"

#include <fmt/ranges.h>

namespace gradus {

void Shape::insert(int axis, int64 size) {
  check_shape(rank_ < kMaxRank, "a tensor has at most {} axes, got {}", kMaxRank, rank_ + 1);
  if (axis < 0 || axis > rank_)
    fail<InternalError>("insert at axis {} of a shape with {} axes", axis, rank_);
  std::copy_backward(sizes_ + axis, sizes_ + rank_, sizes_ + rank_ + 1);
  sizes_[axis] = size;
  ++rank_;
}

void Shape::erase(int axis) {
  if (axis < 0 || axis >= rank_)
    fail<InternalError>("erase of axis {} of a shape with {} axes", axis, rank_);
  std::copy(sizes_ + axis + 1, sizes_ + rank_, sizes_ + axis);
  --rank_;
}

std::string text(const Shape& s) { return fmt::format("({})", fmt::join(s, ", ")); }

Strides contiguous_strides(const Shape& s) {
  Strides strides = s;
  int64 step = 1;
  for (int axis = s.rank() - 1; axis >= 0; --axis) {
    strides[axis] = step;
    step *= s[axis];
  }
  return strides;
}

int normal_axis(int64 axis, int rank) {
  if (axis < -rank || axis >= rank) [[unlikely]] {
    if (rank == 0) fail<IndexError>("axis {} of a tensor without axes", axis);
    fail<IndexError>("axis {} of a tensor with {} axes; allowed are {} to {}", axis, rank, -rank,
                     rank - 1);
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape broadcast_shapes(const Shape& a, const Shape& b) {
  if (a == b) return a;
  Shape out = Shape::of_rank(std::max(a.rank(), b.rank()), 1);
  for (int back = 1; back <= out.rank(); ++back) {
    const int64 size_a = back <= a.rank() ? a[a.rank() - back] : 1;
    const int64 size_b = back <= b.rank() ? b[b.rank() - back] : 1;
    check_shape(size_a == size_b || size_a == 1 || size_b == 1,
                "shapes {} and {} do not broadcast: axis {} has sizes {} and {}; sizes must be "
                "equal, or one of them 1",
                a, b, -back, size_a, size_b);
    out[out.rank() - back] = size_a == 1 ? size_b : size_a;
  }
  return out;
}

bool can_broadcast(const Shape& from, const Shape& to) {
  if (from.rank() > to.rank()) return false;
  const int shift = to.rank() - from.rank();
  for (int axis = 0; axis < from.rank(); ++axis)
    if (from[axis] != to[axis + shift] && from[axis] != 1) return false;
  return true;
}

}  // namespace gradus
