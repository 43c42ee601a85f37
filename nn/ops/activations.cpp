// gelu and silu: one pass each way.
#include <cmath>
#include <numbers>

#include "nn/ops/rows.h"

namespace gradus::ops {

namespace {

constexpr double kInvSqrt2 = std::numbers::sqrt2 / 2;
constexpr double kInvSqrt2Pi = std::numbers::inv_sqrtpi * kInvSqrt2;

Inferred same_float_shape(const InferCall& c) { return {c.shape(0), c.float_input(0)}; }

/// y_i = f(x_i) / dx_i = f(x_i, g_i), in parallel.
template <class F>
Tensor map_elements(const Tensor& in, F&& f) {
  return dispatch_float(in.dtype(), "an activation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Tensor x = contiguous(in);
    Tensor y = Tensor::empty(x.shape(), x.dtype());
    const T* xp = x.data<T>();
    T* yp = y.writable<T>();
    parallel_for(0, x.numel(), 8192, [&](int64 begin, int64 end) {
      for (int64 i = begin; i < end; ++i) yp[i] = f(xp[i], i);
    });
    return y;
  });
}
template <class F>
std::vector<Tensor> map_gradient(const KernelCall& c, F&& derivative) {
  const Tensor g = contiguous(c.cotangent);
  return {dispatch_float(g.dtype(), "an activation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* gp = g.data<T>();
    return map_elements(c.in[0], [gp, &derivative](auto x, int64 i) {
      if constexpr (std::is_same_v<decltype(x), T>)
        return gp[i] * derivative(x);
      else
        return x;
    });
  })};
}

std::vector<Sample> activation_samples() {
  return {{.in = {{.shape = {2, 3}, .low = -2, .high = 2}}},
          {.in = {{.shape = {}, .low = 0.5, .high = 1}}}};
}
std::vector<BadSample> activation_bad() {
  return {{.in = {{.shape = {2}, .low = 0, .high = 3, .dtype = DType::i64}},
           .message = "must be f32 or f64, got i64"}};
}

}  // namespace

extern const OpDef kGelu{
    .name = "gelu",
    .formula = "y = x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2",
    .vjp_formula = "dx = g (Phi(x) + x e^(-x^2/2) / sqrt(2 pi))",
    .source = "Hendrycks & Gimpel 2016",
    .infer = same_float_shape,
    .reads = reads_input(0),
    .forward = [](const ForwardCall& c) -> Forward {
      return map_elements(c.in(0), [](auto x, int64) {
        using T = decltype(x);
        return static_cast<T>(0.5) * x * (1 + std::erf(x * static_cast<T>(kInvSqrt2)));
      });
    },
    .vjp_kernel = [](const KernelCall& c) -> std::vector<Tensor> {
      return map_gradient(c, [](auto x) {
        using T = decltype(x);
        return static_cast<T>(0.5) * (1 + std::erf(x * static_cast<T>(kInvSqrt2))) +
               x * std::exp(static_cast<T>(-0.5) * x * x) * static_cast<T>(kInvSqrt2Pi);
      });
    },
    .reference = [](std::span<const Var> in, const Attrs&) -> Var {
      return in[0] * (erf(in[0] * kInvSqrt2) + 1.0) * 0.5;
    },
    .samples = activation_samples(),
    .bad_samples = activation_bad()};

extern const OpDef kSilu{.name = "silu",
                         .formula = "y = x s, s = sigmoid(x)",
                         .vjp_formula = "dx = g s (1 + x (1 - s))",
                         .source = "Elfwing et al. 2018",
                         .infer = same_float_shape,
                         .reads = reads_input(0),
                         .forward = [](const ForwardCall& c) -> Forward {
                           return gradus::mul(c.in(0), gradus::sigmoid(c.in(0)));
                         },
                         .vjp_kernel = [](const KernelCall& c) -> std::vector<Tensor> {
                           return map_gradient(c, [](auto x) {
                             using T = decltype(x);
                             const T s = 1 / (1 + std::exp(-x));
                             return s * (1 + x * (1 - s));
                           });
                         },
                         .reference = [](std::span<const Var> in, const Attrs&) -> Var {
                           return in[0] * sigmoid(in[0]);
                         },
                         .samples = activation_samples(),
                         .bad_samples = activation_bad()};

}  // namespace gradus::ops

namespace gradus {

Var gelu(At x) { return apply(ops::kGelu, {x}, {}, x.where); }
Var silu(At x) { return apply(ops::kSilu, {x}, {}, x.where); }

}  // namespace gradus
