// Copies and comparisons of whole tensors.
#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/array.h"
#include "tensor/convert.h"
#include "tensor/strided.h"

namespace gradus {
namespace {

template <class To, class From>
void convert_rows(const Tensor& t, To* to) {
  const From* from = t.data<From>();
  const detail::Walk<1> walk(t.shape(), {&t});
  const int64 step = walk.inner_stride(0);
  walk.run_parallel([=](const int64(&at)[1], int64 first, int64 count) {
    const From* __restrict x = from + at[0];
    To* __restrict y = to + first;
    if (step == 1)
      for (int64 i = 0; i < count; ++i) y[i] = detail::convert<To>(x[i]);
    else
      for (int64 i = 0; i < count; ++i) y[i] = detail::convert<To>(x[i * step]);
  });
}

/// visit(a, b) for each pair of elements as doubles.
template <class F>
void for_each_pair(const Tensor& a, const Tensor& b, std::string_view what, F visit) {
  check_shape(a.shape() == b.shape(), "{} of {} and {}: shapes differ", what, a, b);
  check_dtype(a.dtype() == b.dtype(), "{} of {} and {}: dtypes differ", what, a, b);
  dispatch_all(a.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *x = a.data<T>(), *y = b.data<T>();
    const detail::Walk<2> walk(a.shape(), {&a, &b});
    const int64 step_x = walk.inner_stride(0), step_y = walk.inner_stride(1);
    walk.run(0, walk.numel(), [&](const int64(&at)[2], int64, int64 count) {
      for (int64 i = 0; i < count; ++i)
        visit(static_cast<double>(x[at[0] + i * step_x]),
              static_cast<double>(y[at[1] + i * step_y]));
    });
  });
}

/// |a - b|, with 0 for two infinities of one sign.
double distance(double a, double b) { return a == b ? 0 : std::abs(a - b); }

}  // namespace

Tensor contiguous(const Tensor& t) { return t.is_contiguous() ? t : copy(t); }

Tensor copy(const Tensor& t) {
  Tensor out = Tensor::empty(t.shape(), t.dtype());
  dispatch_all(t.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    convert_rows<T, T>(t, out.writable<T>());
  });
  return out;
}

Tensor cast(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  Tensor out = Tensor::empty(t.shape(), dtype);
  dispatch_all(dtype, [&](auto to) {
    dispatch_all(t.dtype(), [&](auto from) {
      using To = typename decltype(to)::type;
      using From = typename decltype(from)::type;
      if constexpr (!std::is_same_v<To, From>) convert_rows<To, From>(t, out.writable<To>());
    });
  });
  return out;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.defined() != b.defined()) return false;
  if (!a.defined()) return true;
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const Tensor x = contiguous(a), y = contiguous(b);
  return x.bytes() == 0 || std::memcmp(x.raw(), y.raw(), x.bytes()) == 0;
}

bool all_close(const Tensor& a, const Tensor& b, double relative, double absolute) {
  bool close = true;
  for_each_pair(a, b, "all_close", [&](double x, double y) {
    const bool finite = std::isfinite(x) && std::isfinite(y);
    const double bound = finite ? absolute + relative * std::abs(y) : 0;
    if (!(distance(x, y) <= bound)) close = false;
  });
  return close;
}

double max_difference(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for_each_pair(a, b, "max_difference", [&](double x, double y) {
    const double d = distance(x, y);
    if (!(d <= largest)) largest = std::isnan(largest) ? largest : d;
  });
  return largest;
}

}  // namespace gradus
