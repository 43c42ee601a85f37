#include "tensor/reduce.h"

#include <cmath>
#include <limits>

#include <fmt/ranges.h>

#include "tensor/elementwise.h"
#include "tensor/reduce_rows.h"

namespace gradus {
namespace {

// Integers wrap around; the detour through unsigned makes that defined.
template <class T>
T plus(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  else
    return a + b;
}

template <class T>
struct Sum {
  using In = T;
  using Acc = std::conditional_t<std::is_same_v<T, std::uint8_t>, int64, T>;
  using Out = Acc;
  static Acc identity() { return 0; }
  static Acc step(Acc a, T x) { return plus(a, static_cast<Acc>(x)); }
  static Acc merge(Acc a, Acc b) { return plus(a, b); }
  static Out finish(Acc a) { return a; }
};

/// Of floats: columns by a kernel.
template <class T>
struct FloatSum : Sum<T> {
  static void sum_rows(const T* x, int64 lead, int64 rows, int64 columns, T* total) {
    GRADUS_KERNELS(sum_rows_kernels).of(T{})(x, lead, rows, columns, total);
  }
};

/// The larger of two, or the smaller; a NaN wins.
template <class T, bool kLargest>
struct Extreme {
  using In = T;
  using Acc = T;
  using Out = T;
  using Limits = std::numeric_limits<T>;
  static T identity() {
    if constexpr (Limits::has_infinity)
      return kLargest ? -Limits::infinity() : Limits::infinity();
    else
      return kLargest ? Limits::lowest() : Limits::max();
  }
  static T step(T a, T x) { return ((kLargest ? a > x : a < x) | (a != a)) ? a : x; }
  static T merge(T a, T b) { return step(a, b); }
  static T finish(T a) { return a; }
};

template <bool kAll>
struct Truth {
  using In = std::uint8_t;
  using Acc = std::uint8_t;
  using Out = std::uint8_t;
  static Acc identity() { return kAll; }
  static Acc step(Acc a, In x) {
    const auto truth = static_cast<Acc>(x != 0);
    return static_cast<Acc>(kAll ? a & truth : a | truth);
  }
  static Acc merge(Acc a, Acc b) { return step(a, b); }
  static Out finish(Acc a) { return a; }
};

/// Squares of f32 neither overflow nor underflow in f64.
template <class T>
struct SumOfSquares {
  using In = T;
  using Acc = double;
  using Out = T;
  static Acc identity() { return 0; }
  static Acc step(Acc a, T x) { return a + static_cast<double>(x) * static_cast<double>(x); }
  static Acc merge(Acc a, Acc b) { return a + b; }
  static Out finish(Acc a) { return static_cast<T>(std::sqrt(a)); }
};

void check_not_empty(const Tensor& x, const Axes& axes, std::string_view what) {
  const std::vector<bool> reduced = reduced_axes(axes, x.rank());
  for (int axis = 0; axis < x.rank(); ++axis)
    check_shape(!reduced[static_cast<std::size_t>(axis)] || x.shape()[axis] > 0,
                "{} of {} over axis {}: no elements", what, x, axis);
}

template <bool kLargest>
Tensor extreme(const Tensor& x, const Axes& axes, Keep keep, std::string_view what) {
  check_not_empty(x, axes, what);
  return dispatch_all(x.dtype(), [&](auto tag) {
    return detail::reduce<Extreme<typename decltype(tag)::type, kLargest>>(x, axes, keep);
  });
}

template <bool kAll>
Tensor truth(const Tensor& x, const Axes& axes, Keep keep, std::string_view what) {
  check_dtype(x.dtype() == DType::u8, "{} takes a u8 mask, got {}", what, x);
  return detail::reduce<Truth<kAll>>(x, axes, keep);
}

}  // namespace

std::vector<bool> reduced_axes(const Axes& axes, int rank) {
  std::vector<bool> reduced(static_cast<std::size_t>(rank), axes.axes.empty());
  for (int64 axis : axes.axes) {
    const auto a = static_cast<std::size_t>(normal_axis(axis, rank));
    check_shape(!reduced[a], "axes ({}) name axis {} twice", fmt::join(axes.axes, ", "), a);
    reduced[a] = true;
  }
  return reduced;
}

Shape reduced_shape(const Shape& shape, const Axes& axes, Keep keep) {
  const std::vector<bool> reduced = reduced_axes(axes, shape.rank());
  Shape out;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!reduced[static_cast<std::size_t>(axis)])
      out.push_back(shape[axis]);
    else if (keep == Keep::yes)
      out.push_back(1);
  }
  return out;
}

Tensor sum(const Tensor& x, const Axes& axes, Keep keep) {
  return dispatch_all(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    using P = std::conditional_t<std::is_floating_point_v<T>, FloatSum<T>, Sum<T>>;
    return detail::reduce<P>(x, axes, keep);
  });
}

Tensor mean(const Tensor& x, const Axes& axes, Keep keep) {
  check_dtype(is_float(x.dtype()), "mean takes f32 or f64, got {}; use cast(x, DType::f32)",
              name(x.dtype()));
  const Tensor total = sum(x, axes, keep);
  int64 count = 1;
  const std::vector<bool> reduced = reduced_axes(axes, x.rank());
  for (int axis = 0; axis < x.rank(); ++axis)
    if (reduced[static_cast<std::size_t>(axis)]) count *= x.shape()[axis];
  return div(total, scalar(static_cast<double>(count), x.dtype()));
}

Tensor max(const Tensor& x, const Axes& axes, Keep keep) {
  return extreme<true>(x, axes, keep, "max");
}
Tensor min(const Tensor& x, const Axes& axes, Keep keep) {
  return extreme<false>(x, axes, keep, "min");
}
Tensor any(const Tensor& x, const Axes& axes, Keep keep) {
  return truth<false>(x, axes, keep, "any");
}
Tensor all(const Tensor& x, const Axes& axes, Keep keep) {
  return truth<true>(x, axes, keep, "all");
}

Tensor norm(const Tensor& x, const Axes& axes, Keep keep) {
  const Tensor plain = dispatch_float(x.dtype(), "norm", [&](auto tag) {
    return detail::reduce<SumOfSquares<typename decltype(tag)::type>>(x, axes, keep);
  });
  if (x.dtype() == DType::f32 || x.numel() == 0) return plain;
  // Squares of f64 beyond 1e154 or below 1e-154 leave the range: only then are they scaled first.
  bool safe = true;
  for (double v : plain.values<double>()) safe = safe && v > 1e-140 && v < 1e150;
  if (safe) return plain;
  Tensor scale = max(abs(x), axes, Keep::yes);
  const Tensor usable = logical_and(is_finite(scale), greater(scale, scalar(0, DType::f64)));
  scale = where(usable, scale, scalar(1, DType::f64));
  const Tensor scaled = detail::reduce<SumOfSquares<double>>(div(x, scale), axes, keep);
  return mul(scaled, reshape(scale, scaled.shape()));
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check_shape(can_broadcast(shape, x.shape()), "sum_to: {} does not broadcast to {}", shape,
              x.shape());
  const int shift = x.rank() - shape.rank();
  Axes axes;
  for (int axis = 0; axis < x.rank(); ++axis)
    if (axis < shift || (shape[axis - shift] == 1 && x.shape()[axis] != 1))
      axes.axes.push_back(axis);
  return reshape(sum(x, axes, Keep::yes), shape);
}

}  // namespace gradus
