// The differentiable ops: free functions on Vars. The first parameter is At, a Var with its
// caller's line; errors and the graph show that line. Formulas and vjps stand in
// autograd/ops/*.cpp, and `gradus ops` prints them.
#pragma once

#include "autograd/var.h"
#include "tensor/reduce.h"

namespace gradus {

// ---- elementwise -------------------------------------------------------------------------------
// Two inputs broadcast and have one dtype.

Var neg(At x);
Var exp(At x);
Var log(At x);
Var log1p(At x);
Var expm1(At x);
Var sqrt(At x);
Var rsqrt(At x);
Var sin(At x);
Var cos(At x);
Var tanh(At x);
Var sigmoid(At x);
Var softplus(At x);
Var erf(At x);
Var abs(At x);
Var relu(At x);
Var square(At x);
Var reciprocal(At x);
Var pow(At x, double exponent);
Var clamp(At x, double low, double high);
Var scale(At x, double factor);  ///< factor * x
Var shift(At x, double term);    ///< x + term

Var add(At a, const Var& b);
Var sub(At a, const Var& b);
Var mul(At a, const Var& b);
Var div(At a, const Var& b);
Var pow(At a, const Var& b);  ///< a > 0
Var maximum(At a, const Var& b);
Var minimum(At a, const Var& b);
/// condition (u8) ? a : b
Var where(const Var& condition, At a, const Var& b);
/// mask (u8) ? value : x; value may be -inf (before softmax).
Var masked_fill(At x, const Var& mask, double value);
/// theta = f p modulo 2 pi, worked out in f64 (tensor/elementwise.h); so are its gradients.
Var phase(At f, const Var& p, DType dtype);
/// x * mask / (1 - p): the mask is a function of (key, draw, element), made again by the vjp, never
/// stored.
Var dropout(At x, double p, std::uint64_t key, std::uint64_t draw);
/// Converts between f32 and f64 (differentiable), or from integers (constant).
Var cast(At x, DType dtype);

inline Var operator+(At a, const Var& b) { return add(a, b); }
inline Var operator-(At a, const Var& b) { return sub(a, b); }
inline Var operator*(At a, const Var& b) { return mul(a, b); }
inline Var operator/(At a, const Var& b) { return div(a, b); }
inline Var operator-(At a) { return neg(a); }
inline Var operator+(At a, double b) { return shift(a, b); }
inline Var operator-(At a, double b) { return shift(a, -b); }
inline Var operator*(At a, double b) { return scale(a, b); }
inline Var operator/(At a, double b) { return scale(a, 1 / b); }
inline Var operator+(double a, At b) { return shift(b, a); }
inline Var operator-(double a, At b) { return shift(neg(b), a); }
inline Var operator*(double a, At b) { return scale(b, a); }
inline Var operator/(double a, At b) { return scale(reciprocal(b), a); }

// ---- reductions --------------------------------------------------------------------------------
// No axes means all of them; softmax and cumsum keep the shape.

Var sum(At x, const Axes& axes = {}, Keep keep = Keep::no);
Var mean(At x, const Axes& axes = {}, Keep keep = Keep::no);
/// Equal largest elements share the gradient.
Var max(At x, const Axes& axes = {}, Keep keep = Keep::no);
Var min(At x, const Axes& axes = {}, Keep keep = Keep::no);
/// sqrt(sum x^2); the gradient at 0 is 0.
Var norm(At x, const Axes& axes = {}, Keep keep = Keep::no);
Var logsumexp(At x, const Axes& axes, Keep keep = Keep::no);
Var softmax(At x, int64 axis = -1);
Var log_softmax(At x, int64 axis = -1);
Var cumsum(At x, int64 axis, Direction direction = Direction::forward);
/// Undoes a broadcast; its vjp is broadcast_to.
Var sum_to(At x, const Shape& shape);

// ---- matrix product ----------------------------------------------------------------------------
// Batch axes broadcast; see tensor/matmul.h.

/// a [..., M, K] b [..., K, N], batch axes broadcast; one axis only counts as a row (a) or a column
/// (b).
Var matmul(At a, const Var& b);

// ---- shape -------------------------------------------------------------------------------------
// Axes count from the back where they are negative.

Var reshape(At x, const Shape& shape);  ///< one size may be -1
Var transpose(At x, int64 axis_a = -2, int64 axis_b = -1);
Var permute(At x, std::vector<int64> axes);
Var broadcast_to(At x, const Shape& shape);
Var unsqueeze(At x, int64 axis);
Var squeeze(At x, int64 axis);
Var slice(At x, int64 axis, int64 begin, int64 end, int64 step = 1);
/// The transpose of slice: x put into zeros of size `size` along the axis.
Var unslice(At x, int64 axis, int64 begin, int64 step, int64 size);
Var select(At x, int64 axis, int64 index);
Var concat(std::span<const Var> parts, int64 axis, Location where = {});
Var stack(std::span<const Var> parts, int64 axis, Location where = {});
Var pad(At x, int64 axis, int64 before, int64 after, double value = 0);
Var tril(At x, int64 k = 0);
Var triu(At x, int64 k = 0);

// ---- index -------------------------------------------------------------------------------------
// Ids are i64 and have no gradient.

/// Rows of table [V, ...] by ids (i64): an embedding.
Var take_rows(At table, const Var& ids);
/// The transpose of take_rows.
Var add_rows(At rows, const Var& ids, int64 row_count);
Var gather(At x, int64 axis, const Var& index);
Var scatter_add(At source, int64 axis, const Var& index, const Shape& shape);

// ---- graph -------------------------------------------------------------------------------------
// What the graph knows of a value besides its numbers.

/// The same value; nothing flows back.
Var stop_gradient(At x);
/// The same value as a node of its own.
Var alias(At x);
/// The value of r in the place of x: gradients flow to r only.
Var replace_value(At x, const Var& r);

}  // namespace gradus
