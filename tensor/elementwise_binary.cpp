#include <cmath>

#include "tensor/convert.h"
#include "tensor/elementwise.h"
#include "tensor/elementwise_rows.h"

namespace gradus {
namespace {

// Integers wrap, which C++ defines for unsigned ones only.
template <class T>
using Wrapping = std::conditional_t<std::is_integral_v<T>, std::uint64_t, T>;

constexpr auto kAdd = [](auto a, auto b) {
  using T = decltype(a);
  return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
};
constexpr auto kSub = [](auto a, auto b) {
  using T = decltype(a);
  return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b));
};
constexpr auto kMul = [](auto a, auto b) {
  using T = decltype(a);
  return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
};

/// f over two inputs of any one dtype.
template <class F>
Tensor combine(const Tensor& a, const Tensor& b, std::string_view what, F f) {
  detail::check_same_dtype(a, b, what);
  return dispatch_all(a.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    return detail::map2<T, T, T>(a, b, a.dtype(), f);
  });
}

/// f over two inputs of f32 or f64.
template <class F>
Tensor combine_float(const Tensor& a, const Tensor& b, std::string_view what, F f, int64 grain) {
  detail::check_same_dtype(a, b, what);
  return dispatch_float(a.dtype(), what, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return detail::map2<T, T, T>(a, b, a.dtype(), f, grain);
  });
}

/// f(element, number) with the number in the tensor's dtype, which must hold it.
template <class F>
Tensor combine_scalar(const Tensor& a, double b, std::string_view what, F f) {
  return dispatch_all(a.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>)
      check_dtype(static_cast<double>(detail::convert<T>(b)) == b,
                  "{} of {} and {}: {} does not hold that number; use cast(x, DType::f32)", what, a,
                  b, name(a.dtype()));
    const T one = detail::convert<T>(b);
    return detail::map<T, T>(a, a.dtype(), [f, one](T v) { return f(v, one); });
  });
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) { return combine(a, b, "add", kAdd); }
void add_to(Tensor& sum, const Tensor& x) {
  detail::check_same_dtype(sum, x, "add_to");
  check_shape(sum.shape() == x.shape(), "add_to of {} and {}: shapes differ", sum, x);
  dispatch_float(sum.dtype(), "add_to", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* const to = sum.writable<T>();
    const T* const from = x.data<T>();
    const detail::Walk<1> walk(x.shape(), {&x});
    const int64 step = walk.inner_stride(0);
    walk.run_parallel([=](const int64(&at)[1], int64 first, int64 count) {
      const T* __restrict p = from + at[0];
      T* __restrict y = to + first;
      if (step == 1)
        for (int64 i = 0; i < count; ++i) y[i] += p[i];
      else
        for (int64 i = 0; i < count; ++i) y[i] += p[i * step];
    });
  });
}
Tensor sub(const Tensor& a, const Tensor& b) { return combine(a, b, "sub", kSub); }
Tensor mul(const Tensor& a, const Tensor& b) { return combine(a, b, "mul", kMul); }
Tensor div(const Tensor& a, const Tensor& b) {
  return combine_float(
      a, b, "div", [](auto x, auto y) { return x / y; }, detail::kGrain);
}
Tensor pow(const Tensor& a, const Tensor& b) {
  const auto f = [](auto x, auto y) { return std::pow(x, y); };
  return combine_float(a, b, "pow", f, detail::kCostlyGrain);
}
// A NaN on either side wins.
Tensor maximum(const Tensor& a, const Tensor& b) {
  return combine(a, b, "maximum", [](auto x, auto y) { return x > y || x != x ? x : y; });
}
Tensor minimum(const Tensor& a, const Tensor& b) {
  return combine(a, b, "minimum", [](auto x, auto y) { return x < y || x != x ? x : y; });
}

Tensor add(const Tensor& a, double b) { return combine_scalar(a, b, "add", kAdd); }
Tensor mul(const Tensor& a, double b) { return combine_scalar(a, b, "mul", kMul); }
Tensor pow(const Tensor& a, double b) {
  return dispatch_float(a.dtype(), "pow", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (b == 1) return copy(a);
    if (b == 2) return detail::map<T, T>(a, a.dtype(), [](T v) { return v * v; });
    if (b == -1) return detail::map<T, T>(a, a.dtype(), [](T v) { return 1 / v; });
    const T power = static_cast<T>(b);
    return detail::map<T, T>(
        a, a.dtype(), [power](T v) { return std::pow(v, power); }, detail::kCostlyGrain);
  });
}
Tensor clamp(const Tensor& x, double low, double high) {
  check<ConfigError>(low <= high, "clamp to [{}, {}]: the lower bound must not be above the upper",
                     low, high);
  return dispatch_all(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T least, most;
    if constexpr (std::is_same_v<T, std::uint8_t>) {
      least = static_cast<T>(std::clamp(std::ceil(low), 0.0, 255.0));
      most = static_cast<T>(std::clamp(std::floor(high), 0.0, 255.0));
    } else if constexpr (std::is_integral_v<T>) {
      least = detail::convert<T>(std::ceil(low));
      most = detail::convert<T>(std::floor(high));
    } else {
      least = static_cast<T>(low);
      most = static_cast<T>(high);
    }
    return detail::map<T, T>(x, x.dtype(), [least, most](T v) {
      const T raised = v < least ? least : v;  // NaN stays
      return raised > most ? most : raised;
    });
  });
}

}  // namespace gradus
