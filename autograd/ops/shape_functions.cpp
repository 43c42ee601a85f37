// The functions of ops.h that move elements: they turn negative axes and sizes into what the op
// blocks of shape.cpp take. What they refuse themselves is told as an op's error is.
#include "autograd/ops/common.h"
#include "autograd/record.h"

namespace gradus {

namespace ops {
extern const OpDef kReshape, kPermute, kBroadcastTo, kSlice, kUnslice, kConcat, kPad, kTril, kTriu;
}  // namespace ops

namespace {

/// f(), whose errors get the function's name, input, scope and line, unless an op gave its own.
template <class F>
auto told(std::string_view function, const At& x, F&& f) {
  try {
    return f();
  } catch (Error& e) {
    if (e.op().empty()) {
      e.set_op(function);
      if (x.var.defined())
        e.add(
            fmt::format("input 0: '{}' {} {}", x.var.label(), x.var.shape(), name(x.var.dtype())));
      if (!current_scope().empty()) e.add("in: " + current_scope());
      if (x.where.file) e.add("at: " + x.where.text());
    }
    throw;
  }
}

}  // namespace

Var reshape(At x, const Shape& shape) {
  const Shape to = told("reshape", x, [&] {
    Shape s = shape;
    int64 known = 1;
    int open = -1;
    for (int i = 0; i < s.rank(); ++i) {
      if (s[i] == -1 && open < 0)
        open = i;
      else
        known *= s[i];
    }
    if (open < 0) return s;
    check_shape(known > 0 && x.var.numel() % known == 0,
                "cannot reshape {} to {}: {} elements do not divide by {}", x.var.shape(), shape,
                x.var.numel(), known);
    s[open] = x.var.numel() / known;
    return s;
  });
  return to == x.var.shape() ? x.var : apply(ops::kReshape, {x}, {{"shape", attr(to)}}, x.where);
}
Var permute(At x, std::vector<int64> axes) {
  return apply(ops::kPermute, {x}, {{"axes", std::move(axes)}}, x.where);
}
Var transpose(At x, int64 axis_a, int64 axis_b) {
  return permute(x, told("transpose", x, [&] {
                   const int rank = x.var.rank();
                   const auto a = static_cast<std::size_t>(normal_axis(axis_a, rank)),
                              b = static_cast<std::size_t>(normal_axis(axis_b, rank));
                   std::vector<int64> axes;
                   for (int i = 0; i < rank; ++i) axes.push_back(i);
                   std::swap(axes[a], axes[b]);
                   return axes;
                 }));
}
Var broadcast_to(At x, const Shape& shape) {
  return shape == x.var.shape() ? x.var
                                : apply(ops::kBroadcastTo, {x}, {{"shape", attr(shape)}}, x.where);
}
Var unsqueeze(At x, int64 axis) {
  return reshape(x, told("unsqueeze", x, [&] {
                   Shape s = x.var.shape();
                   s.insert(normal_axis(axis, s.rank() + 1), 1);
                   return s;
                 }));
}
Var squeeze(At x, int64 axis) {
  return reshape(x, told("squeeze", x, [&] {
                   Shape s = x.var.shape();
                   const int a = normal_axis(axis, s.rank());
                   check_shape(s[a] == 1, "cannot squeeze axis {} of {}: its size is {}, not 1",
                               axis, s, s[a]);
                   s.erase(a);
                   return s;
                 }));
}
Var slice(At x, int64 axis, int64 begin, int64 end, int64 step) {
  int64 a = 0, n = 0, b = 0, e = 0;
  told("slice", x, [&] {
    a = normal_axis(axis, x.var.rank());
    n = x.var.size(a);
    b = begin < 0 ? begin + n : begin;
    e = end < 0 ? end + n : end;
    check<IndexError>(step > 0, "the step of a slice must be positive, got {}", step);
    check<IndexError>(b >= 0 && b <= n && e >= b && e <= n,
                      "slice [{}:{}] is outside axis {} of {}", begin, end, axis, x.var.shape());
  });
  if (b == 0 && e == n && step == 1) return x.var;
  return apply(ops::kSlice, {x}, {{"axis", a}, {"begin", b}, {"end", e}, {"step", step}}, x.where);
}
Var unslice(At x, int64 axis, int64 begin, int64 step, int64 size) {
  return apply(ops::kUnslice, {x},
               {{"axis", axis}, {"begin", begin}, {"step", step}, {"size", size}}, x.where);
}
Var select(At x, int64 axis, int64 index) {
  const int64 i = told("select", x, [&] {
    const int64 n = x.var.size(axis), from_front = index < 0 ? index + n : index;
    check<IndexError>(from_front >= 0 && from_front < n, "index {} is outside axis {} of {}", index,
                      axis, x.var.shape());
    return from_front;
  });
  const Var part = slice(x, axis, i, i + 1);
  return squeeze(At(part, x.where.file, x.where.line), axis);
}
Var concat(std::span<const Var> parts, int64 axis, Location where) {
  return apply(ops::kConcat, parts, {{"axis", axis}}, where);
}
Var stack(std::span<const Var> parts, int64 axis, Location where) {
  std::vector<Var> list;
  for (const Var& p : parts) list.push_back(unsqueeze(At(p, where.file, where.line), axis));
  return concat(list, axis, where);
}
Var pad(At x, int64 axis, int64 before, int64 after, double value) {
  return apply(ops::kPad, {x},
               {{"axis", axis}, {"before", before}, {"after", after}, {"value", value}}, x.where);
}
Var tril(At x, int64 k) { return apply(ops::kTril, {x}, {{"k", k}}, x.where); }
Var triu(At x, int64 k) { return apply(ops::kTriu, {x}, {{"k", k}}, x.where); }

}  // namespace gradus
