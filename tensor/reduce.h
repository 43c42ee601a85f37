// Reductions over any axes. Sums run in a fixed order (pairwise inside an axis, parts of fixed
// size), so that the same input gives the same bits at any number of threads. An empty list of axes
// means all of them.
#pragma once

#include "tensor/array.h"

namespace gradus {

enum class Keep { no, yes };  ///< keep reduced axes as size 1

/// A list of axes; implicit from {0, -1}.
struct Axes {
  Axes() = default;
  Axes(std::initializer_list<int64> list) : axes(list) {}
  explicit Axes(std::vector<int64> list) : axes(std::move(list)) {}
  std::vector<int64> axes;
};
/// Which axes are reduced, as flags; an axis named twice or out of range is an error.
std::vector<bool> reduced_axes(const Axes& axes, int rank);
/// The shape after a reduction.
Shape reduced_shape(const Shape& shape, const Axes& axes, Keep keep);

Tensor sum(const Tensor& x, const Axes& axes = {},
           Keep keep = Keep::no);  ///< f32, f64, i64; u8 sums to i64
Tensor mean(const Tensor& x, const Axes& axes = {}, Keep keep = Keep::no);  ///< f32, f64
Tensor max(const Tensor& x, const Axes& axes = {},
           Keep keep = Keep::no);  ///< NaN wins; size 0 is a ShapeError
Tensor min(const Tensor& x, const Axes& axes = {}, Keep keep = Keep::no);
Tensor any(const Tensor& x, const Axes& axes = {}, Keep keep = Keep::no);  ///< u8
Tensor all(const Tensor& x, const Axes& axes = {}, Keep keep = Keep::no);  ///< u8
/// sqrt(sum x^2), scaled so that it neither overflows nor underflows.
Tensor norm(const Tensor& x, const Axes& axes = {}, Keep keep = Keep::no);
/// log sum exp; -inf for an axis of -inf only.
Tensor logsumexp(const Tensor& x, const Axes& axes, Keep keep = Keep::no);
/// i64 index of the first largest element along one axis.
Tensor argmax(const Tensor& x, int64 axis, Keep keep = Keep::no);
struct TopK {
  Tensor values, indices;  ///< largest first; equal values by index; indices are i64
};
TopK topk(const Tensor& x, int64 k, int64 axis = -1);

/// Along one axis. A row of -inf only gives NaN in softmax, as 0/0 does; callers mask such rows.
Tensor softmax(const Tensor& x, int64 axis = -1);
Tensor log_softmax(const Tensor& x, int64 axis = -1);
/// y_i = x_0 + ... + x_i; reverse: y_i = x_i + ... + x_last.
enum class Direction { forward, reverse };
Tensor cumsum(const Tensor& x, int64 axis, Direction direction = Direction::forward);

/// Undoes a broadcast: sums over the axes that broadcast_to(x of `shape`) added or stretched.
Tensor sum_to(const Tensor& x, const Shape& shape);

/// Per-tensor statistics, one pass: what anomaly detection and the inspector show.
struct Statistics {
  double norm = 0, max_abs = 0, min = 0, max = 0, mean = 0;  ///< of the finite elements
  double zero_share = 0;                                     ///< of all elements
  int64 non_finite = 0, first_non_finite = -1;  ///< count, and row-major index of the first
};
Statistics statistics(const Tensor& x);

}  // namespace gradus
