// gelu and silu: one pass each way.
#include <numbers>

#include "nn/kernels/activations.h"
#include "nn/ops/rows.h"

namespace gradus::ops {

namespace {

constexpr double kInvSqrt2 = std::numbers::sqrt2 / 2;

Inferred same_float_shape(const InferCall& c) { return {c.shape(0), c.float_input(0)}; }

constexpr int64 kActivationGrain = 8192;

/// y = f(x), one of the kernels.
template <class Pick>
Tensor map_elements(const Tensor& in, Pick pick) {
  return dispatch_float(in.dtype(), "an activation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Tensor x = contiguous(in);
    Tensor y = Tensor::empty(x.shape(), x.dtype());
    const T* xp = x.data<T>();
    T* yp = y.writable<T>();
    const auto f = pick(GRADUS_KERNELS(activation_kernels).of(T{}));
    parallel_for(0, x.numel(), kActivationGrain,
                 [&](int64 begin, int64 end) { f(xp + begin, end - begin, yp + begin); });
    return y;
  });
}
/// dx = g f'(x)
template <class Pick>
std::vector<Tensor> map_gradient(const KernelCall& c, Pick pick) {
  return {dispatch_float(c.cotangent.dtype(), "an activation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Tensor x = contiguous(c.in[0]), g = contiguous(c.cotangent);
    Tensor dx = Tensor::empty(x.shape(), x.dtype());
    const T *xp = x.data<T>(), *gp = g.data<T>();
    T* dp = dx.writable<T>();
    const auto f = pick(GRADUS_KERNELS(activation_kernels).of(T{}));
    parallel_for(0, x.numel(), kActivationGrain, [&](int64 begin, int64 end) {
      f(xp + begin, gp + begin, end - begin, dp + begin);
    });
    return dx;
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

extern const OpDef kGelu{.name = "gelu",
                         .formula = "y = x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2",
                         .vjp_formula = "dx = g (Phi(x) + x e^(-x^2/2) / sqrt(2 pi))",
                         .source = "Hendrycks & Gimpel 2016",
                         .infer = same_float_shape,
                         .reads = reads_input(0),
                         .forward = [](const ForwardCall& c) -> Forward {
                           return map_elements(c.in(0), [](const auto& maps) { return maps.gelu; });
                         },
                         .vjp_kernel = [](const KernelCall& c) -> std::vector<Tensor> {
                           return map_gradient(c, [](const auto& maps) { return maps.gelu_back; });
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
                           return map_elements(c.in(0), [](const auto& maps) { return maps.silu; });
                         },
                         .vjp_kernel = [](const KernelCall& c) -> std::vector<Tensor> {
                           return map_gradient(c, [](const auto& maps) { return maps.silu_back; });
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
