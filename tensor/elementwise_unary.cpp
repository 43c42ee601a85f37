#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/elementwise_rows.h"
#include "tensor/kernels/unary.h"

namespace gradus {
namespace {

using detail::kCostlyGrain;
using detail::kGrain;

/// f over f32 or f64.
template <class F>
Tensor map_float(const Tensor& x, std::string_view what, F f, int64 grain) {
  return dispatch_float(x.dtype(), what, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return detail::map<T, T>(x, x.dtype(), f, grain);
  });
}

/// One of the maps of tensor/kernels/unary.h over f32 or f64; strided rows pass through a buffer.
template <class Pick>
Tensor map_vectors(const Tensor& x, std::string_view what, Pick pick) {
  return dispatch_float(x.dtype(), what, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto f = pick(GRADUS_KERNELS(unary_kernels).of(T{}));
    Tensor out = Tensor::empty(x.shape(), x.dtype());
    const T* from = x.data<T>();
    T* to = out.writable<T>();
    const detail::Walk<1> walk(x.shape(), {&x});
    const int64 step = walk.inner_stride(0);
    walk.run_parallel(
        [=](const int64(&at)[1], int64 first, int64 count) {
          const T* p = from + at[0];
          if (step == 1) return f(p, count, to + first);
          constexpr int64 kBuffer = 256;
          T buffer[kBuffer];
          for (int64 begin = 0; begin < count; begin += kBuffer) {
            const int64 n = std::min(kBuffer, count - begin);
            for (int64 i = 0; i < n; ++i) buffer[i] = p[(begin + i) * step];
            f(buffer, n, to + first + begin);
          }
        },
        kCostlyGrain);
    return out;
  });
}

/// f over f32, f64 or i64.
template <class F>
Tensor map_signed(const Tensor& x, std::string_view what, F f) {
  check_dtype(x.dtype() != DType::u8, "{} takes f32, f64 or i64, got u8; use cast(x, DType::i64)",
              what);
  if (x.dtype() == DType::i64) return detail::map<int64, int64>(x, x.dtype(), f);
  return map_float(x, what, f, kGrain);
}

/// -x; the one integer without an opposite stays itself, as in two's complement.
template <class T>
T negative(T x) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(0 - static_cast<std::uint64_t>(x));
  else
    return -x;
}

}  // namespace

Tensor exp(const Tensor& x) {
  return map_vectors(x, "exp", [](const auto& maps) { return maps.exp; });
}
Tensor log(const Tensor& x) {
  return map_vectors(x, "log", [](const auto& maps) { return maps.log; });
}
Tensor log1p(const Tensor& x) {
  return map_float(
      x, "log1p", [](auto v) { return std::log1p(v); }, kCostlyGrain);
}
Tensor expm1(const Tensor& x) {
  return map_float(
      x, "expm1", [](auto v) { return std::expm1(v); }, kCostlyGrain);
}
Tensor sqrt(const Tensor& x) {
  return map_float(
      x, "sqrt", [](auto v) { return std::sqrt(v); }, kGrain);
}
Tensor rsqrt(const Tensor& x) {
  return map_float(
      x, "rsqrt", [](auto v) { return 1 / std::sqrt(v); }, kGrain);
}
Tensor sin(const Tensor& x) {
  return map_vectors(x, "sin", [](const auto& maps) { return maps.sin; });
}
Tensor cos(const Tensor& x) {
  return map_vectors(x, "cos", [](const auto& maps) { return maps.cos; });
}
Tensor tanh(const Tensor& x) {
  return map_vectors(x, "tanh", [](const auto& maps) { return maps.tanh; });
}
Tensor sigmoid(const Tensor& x) {
  return map_vectors(x, "sigmoid", [](const auto& maps) { return maps.sigmoid; });
}
Tensor softplus(const Tensor& x) {
  return map_vectors(x, "softplus", [](const auto& maps) { return maps.softplus; });
}
Tensor erf(const Tensor& x) {
  return map_vectors(x, "erf", [](const auto& maps) { return maps.erf; });
}
Tensor floor(const Tensor& x) {
  return map_float(
      x, "floor", [](auto v) { return std::floor(v); }, kGrain);
}
Tensor reciprocal(const Tensor& x) {
  return map_float(
      x, "reciprocal", [](auto v) { return 1 / v; }, kGrain);
}

Tensor neg(const Tensor& x) {
  return map_signed(x, "neg", [](auto v) { return negative(v); });
}
Tensor abs(const Tensor& x) {
  return map_signed(x, "abs", [](auto v) {
    if constexpr (std::is_integral_v<decltype(v)>)
      return v < 0 ? negative(v) : v;
    else
      return std::abs(v);
  });
}
Tensor sign(const Tensor& x) {
  return map_signed(x, "sign", [](auto v) {
    using T = decltype(v);
    return v > 0 ? T(1) : v < 0 ? T(-1) : v;  // NaN and both zeros stay
  });
}
Tensor square(const Tensor& x) {
  return map_signed(x, "square", [](auto v) {
    if constexpr (std::is_integral_v<decltype(v)>)
      return static_cast<int64>(static_cast<std::uint64_t>(v) * static_cast<std::uint64_t>(v));
    else
      return v * v;
  });
}
Tensor relu(const Tensor& x) {
  return map_signed(x, "relu", [](auto v) { return v <= 0 ? decltype(v)(0) : v; });  // NaN stays
}

}  // namespace gradus
