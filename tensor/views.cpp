#include "tensor/array.h"

namespace gradus {
namespace {

/// `wanted` with its -1 worked out.
Shape resolve(const Shape& from, const Shape& wanted) {
  Shape to = wanted;
  int unknown = -1;
  int64 known = 1;
  for (int axis = 0; axis < to.rank(); ++axis) {
    if (to[axis] == -1) {
      check_shape(unknown < 0, "reshape to {}: only one size may be -1", wanted);
      unknown = axis;
    } else {
      check_shape(to[axis] >= 0, "reshape to {}: sizes must be 0 or more, or one -1", wanted);
      known *= to[axis];
    }
  }
  const int64 n = from.numel();
  if (unknown >= 0) {
    check_shape(known > 0 && n % known == 0,
                "reshape of {} to {}: {} elements are not a multiple of {}", from, wanted, n,
                known);
    to[unknown] = n / known;
  } else {
    check_shape(known == n, "reshape of {} to {}: {} elements do not fill {}", from, wanted, n,
                known);
  }
  return to;
}

/// Strides of `to` over the same elements; false where only a copy helps. Runs of axes that hold
/// the same number of elements on both sides are matched; inside a run the old axes must merge.
bool view_strides(const Tensor& t, const Shape& to, Strides& strides) {
  strides = contiguous_strides(to);
  Shape from;
  Strides steps;
  for (int axis = 0; axis < t.rank(); ++axis)
    if (t.shape()[axis] != 1) from.push_back(t.shape()[axis]), steps.push_back(t.strides()[axis]);
  int target = 0;
  for (int begin = 0; begin < from.rank();) {
    int64 old_count = from[begin], new_count = 1;
    int end = begin + 1, target_begin = target;
    while (target < to.rank() && new_count < old_count) new_count *= to[target++];
    while (new_count != old_count) {
      if (old_count < new_count)
        old_count *= from[end++];
      else
        new_count *= to[target++];
    }
    for (int axis = begin; axis + 1 < end; ++axis)
      if (steps[axis] != steps[axis + 1] * from[axis + 1]) return false;
    int64 step = steps[end - 1];
    for (int axis = target - 1; axis >= target_begin; --axis) {
      strides[axis] = step;
      step *= to[axis];
    }
    begin = end;
  }
  return true;
}

}  // namespace

Tensor reshape(const Tensor& t, const Shape& shape) {
  const Shape to = resolve(t.shape(), shape);
  if (to.numel() == 0 || t.is_contiguous()) return t.with_layout(to, contiguous_strides(to), 0);
  Strides strides;
  if (view_strides(t, to, strides)) return t.with_layout(to, strides, 0);
  return contiguous(t).with_layout(to, contiguous_strides(to), 0);
}

Tensor transpose(const Tensor& t, int64 axis_a, int64 axis_b) {
  const int a = normal_axis(axis_a, t.rank()), b = normal_axis(axis_b, t.rank());
  Shape shape = t.shape();
  Strides strides = t.strides();
  std::swap(shape[a], shape[b]);
  std::swap(strides[a], strides[b]);
  return t.with_layout(shape, strides, 0);
}

Tensor permute(const Tensor& t, std::span<const int64> axes) {
  check_shape(static_cast<int>(axes.size()) == t.rank(), "permute of {} by {} axes", t.shape(),
              axes.size());
  Shape shape = t.shape();
  Strides strides = t.strides();
  bool seen[kMaxRank] = {};
  for (int to = 0; to < t.rank(); ++to) {
    const int from = normal_axis(axes[static_cast<std::size_t>(to)], t.rank());
    check_shape(!seen[from], "permute of {} names axis {} twice", t.shape(), from);
    seen[from] = true;
    shape[to] = t.shape()[from];
    strides[to] = t.strides()[from];
  }
  return t.with_layout(shape, strides, 0);
}

Tensor slice(const Tensor& t, int64 axis, int64 begin, int64 end, int64 step) {
  const int a = normal_axis(axis, t.rank());
  const int64 n = t.shape()[a];
  check<IndexError>(begin >= -n && begin <= n && end >= -n && end <= n,
                    "slice {}:{} of axis {} of {}; allowed are {} to {}", begin, end, axis,
                    t.shape(), -n, n);
  check<IndexError>(step >= 1, "slice step {}; it must be 1 or more", step);
  if (begin < 0) begin += n;
  if (end < 0) end += n;
  Shape shape = t.shape();
  Strides strides = t.strides();
  shape[a] = end > begin ? (end - begin - 1) / step + 1 : 0;
  const int64 skip = begin * strides[a];
  if (shape[a] > 1) strides[a] *= step;
  return t.with_layout(shape, strides, skip);
}

Tensor select(const Tensor& t, int64 axis, int64 index) {
  const int a = normal_axis(axis, t.rank());
  const int64 n = t.shape()[a];
  if (index < -n || index >= n) {
    check<IndexError>(n > 0, "index {} of axis {} of {}, which is empty", index, axis, t.shape());
    fail<IndexError>("index {} of axis {} of {}; allowed are {} to {}", index, axis, t.shape(), -n,
                     n - 1);
  }
  Shape shape = t.shape();
  Strides strides = t.strides();
  const int64 skip = (index < 0 ? index + n : index) * strides[a];
  shape.erase(a);
  strides.erase(a);
  return t.with_layout(shape, strides, skip);
}

Tensor unsqueeze(const Tensor& t, int64 axis) {
  const int a = normal_axis(axis, t.rank() + 1);
  Shape shape = t.shape();
  Strides strides = t.strides();
  strides.insert(a, a < t.rank() ? strides[a] * shape[a] : 1);
  shape.insert(a, 1);
  return t.with_layout(shape, strides, 0);
}

Tensor squeeze(const Tensor& t, int64 axis) {
  const int a = normal_axis(axis, t.rank());
  check_shape(t.shape()[a] == 1, "squeeze of axis {} of {}: its size is {}, not 1", axis, t.shape(),
              t.shape()[a]);
  Shape shape = t.shape();
  Strides strides = t.strides();
  shape.erase(a);
  strides.erase(a);
  return t.with_layout(shape, strides, 0);
}

Tensor broadcast_to(const Tensor& t, const Shape& shape) {
  if (t.shape() == shape) return t;
  check_shape(can_broadcast(t.shape(), shape),
              "{} does not broadcast to {}: aligned at the last axis, each size must be equal or 1",
              t.shape(), shape);
  Strides strides = Strides::of_rank(shape.rank(), 0);
  const int shift = shape.rank() - t.rank();
  for (int axis = 0; axis < t.rank(); ++axis)
    if (t.shape()[axis] != 1) strides[axis + shift] = t.strides()[axis];
  return t.with_layout(shape, strides, 0);
}

}  // namespace gradus
