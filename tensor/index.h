// Moving elements: gather, scatter-add, concat, stack, pad, triangles.
#pragma once

#include "tensor/array.h"

namespace gradus {

/// Rows of `table` [V, ...] by ids (i64, any shape S) -> S + [...]. An id outside [0, V) is an
/// IndexError that names it.
Tensor take_rows(const Tensor& table, const Tensor& ids);
/// The transpose of take_rows: rows [S + ...] are added into zeros of [row_count, ...] at ids [S];
/// in the order of ids.
Tensor add_rows(const Tensor& rows, const Tensor& ids, int64 row_count);
/// y[i][j][k] = x[i][index[i][j][k]][k] for axis 1; index (i64) has x's rank, its other sizes equal
/// or broadcast to x's.
Tensor gather(const Tensor& x, int64 axis, const Tensor& index);
/// The transpose of gather: adds source [shape of index] into zeros of `shape` at index along axis.
Tensor scatter_add(const Tensor& source, int64 axis, const Tensor& index, const Shape& shape);
Tensor concat(std::span<const Tensor> parts, int64 axis);
Tensor stack(std::span<const Tensor> parts, int64 axis);
/// `before` and `after` elements of `value` added along one axis.
Tensor pad(const Tensor& x, int64 axis, int64 before, int64 after, double value = 0);
/// The transpose of slice: x put into zeros of size `size` along axis, at begin, begin + step, ...
Tensor unslice(const Tensor& x, int64 axis, int64 begin, int64 step, int64 size);
/// Elements above the k-th diagonal of the last two axes set to 0 (tril) or below it (triu).
Tensor tril(const Tensor& x, int64 k = 0);
Tensor triu(const Tensor& x, int64 k = 0);

}  // namespace gradus
