// Comparisons, masks and selection: results of 0 and 1.
#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/elementwise_rows.h"

namespace gradus {
namespace {

using Mask = std::uint8_t;

template <class F>
Tensor compare(const Tensor& a, const Tensor& b, std::string_view what, F f) {
  detail::check_same_dtype(a, b, what);
  return dispatch_all(a.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    return detail::map2<T, T, Mask>(a, b, DType::u8,
                                    [f](T x, T y) { return static_cast<Mask>(f(x, y)); });
  });
}

void check_mask(const Tensor& t, std::string_view what) {
  check_dtype(t.dtype() == DType::u8,
              "{} takes u8 masks, got {}; make one with a comparison, e.g. greater(x, y)", what, t);
}

}  // namespace

Tensor equal(const Tensor& a, const Tensor& b) {
  return compare(a, b, "equal", [](auto x, auto y) { return x == y; });
}
Tensor not_equal(const Tensor& a, const Tensor& b) {
  return compare(a, b, "not_equal", [](auto x, auto y) { return x != y; });
}
Tensor less(const Tensor& a, const Tensor& b) {
  return compare(a, b, "less", [](auto x, auto y) { return x < y; });
}
Tensor less_equal(const Tensor& a, const Tensor& b) {
  return compare(a, b, "less_equal", [](auto x, auto y) { return x <= y; });
}
Tensor greater(const Tensor& a, const Tensor& b) {
  return compare(a, b, "greater", [](auto x, auto y) { return x > y; });
}
Tensor greater_equal(const Tensor& a, const Tensor& b) {
  return compare(a, b, "greater_equal", [](auto x, auto y) { return x >= y; });
}

Tensor is_finite(const Tensor& x) {
  return dispatch_all(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_floating_point_v<T>)
      return detail::map<T, Mask>(x, DType::u8,
                                  [](T v) { return static_cast<Mask>(std::isfinite(v)); });
    else
      return ones(x.shape(), DType::u8);
  });
}

Tensor logical_and(const Tensor& a, const Tensor& b) {
  check_mask(a, "logical_and");
  check_mask(b, "logical_and");
  return detail::map2<Mask, Mask, Mask>(
      a, b, DType::u8, [](Mask x, Mask y) { return static_cast<Mask>((x != 0) & (y != 0)); });
}
Tensor logical_or(const Tensor& a, const Tensor& b) {
  check_mask(a, "logical_or");
  check_mask(b, "logical_or");
  return detail::map2<Mask, Mask, Mask>(
      a, b, DType::u8, [](Mask x, Mask y) { return static_cast<Mask>((x | y) != 0); });
}
Tensor logical_not(const Tensor& a) {
  check_mask(a, "logical_not");
  return detail::map<Mask, Mask>(a, DType::u8, [](Mask x) { return static_cast<Mask>(x == 0); });
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  check_mask(condition, "the condition of where");
  detail::check_same_dtype(a, b, "where");
  const Shape shape = broadcast_shapes(condition.shape(), broadcast_shapes(a.shape(), b.shape()));
  Tensor out = Tensor::empty(shape, a.dtype());
  const detail::Walk<3> walk(shape, {&condition, &a, &b});
  const int64 step_c = walk.inner_stride(0), step_a = walk.inner_stride(1),
              step_b = walk.inner_stride(2);
  const Mask* conditions = condition.data<Mask>();
  dispatch_all(a.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *from_a = a.data<T>(), *from_b = b.data<T>();
    T* to = out.writable<T>();
    walk.run_parallel([=](const int64(&at)[3], int64 first, int64 count) {
      const Mask* __restrict c = conditions + at[0];
      const T* __restrict p = from_a + at[1];
      const T* __restrict q = from_b + at[2];
      T* __restrict y = to + first;
      if (step_c == 1 && step_a == 1 && step_b == 1)
        for (int64 i = 0; i < count; ++i) y[i] = c[i] ? p[i] : q[i];
      else if (step_c == 1 && step_a == 0 && step_b == 1)  // a mask filled with one number
        for (int64 i = 0; i < count; ++i) y[i] = c[i] ? *p : q[i];
      else
        for (int64 i = 0; i < count; ++i) y[i] = c[i * step_c] ? p[i * step_a] : q[i * step_b];
    });
  });
  return out;
}

}  // namespace gradus
