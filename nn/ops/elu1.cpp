// elu1: the feature map elu(x) + 1 in one pass.
#include "nn/kernels/activations.h"
#include "nn/ops.h"
#include "tensor/parallel.h"

namespace gradus::ops {

extern const OpDef kElu1{
    .name = "elu1",
    .formula = "y = x + 1 where x > 0, else e^x",
    .vjp_formula = "dx = g min(y, 1)",
    .source = "Katharopoulos et al. 2020, eq. 7",
    .infer = [](const InferCall& c) -> Inferred {
      return {c.shape(0), c.float_input(0)};
    },
    .reads = kReadsOutput,
    .forward = [](const ForwardCall& c) -> Forward {
      return dispatch_float(c.in(0).dtype(), "elu1", [&](auto tag) {
        using T = typename decltype(tag)::type;
        const Tensor x = contiguous(c.in(0));
        Tensor y = Tensor::empty(x.shape(), x.dtype());
        const T* from = x.data<T>();
        T* to = y.writable<T>();
        const auto elu1 = GRADUS_KERNELS(activation_kernels).of(T{}).elu1;
        parallel_for(0, x.numel(), 8192,
                     [&](int64 begin, int64 end) { elu1(from + begin, end - begin, to + begin); });
        return y;
      });
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return g * clamp(c.out(), 0, 1); },
    .samples = {{.in = {{.shape = {2, 3}, .low = -2, .high = 2}}},
                {.in = {{.shape = {}, .low = -2, .high = -1}}},
                {.in = {{.shape = {1, 4, 1}, .low = 0.5, .high = 2}}}},
    .bad_samples = {{.in = {{.shape = {2}, .low = 0, .high = 3, .dtype = DType::i64}},
                     .message = "must be f32 or f64, got i64"}}};

}  // namespace gradus::ops

namespace gradus {

Var elu1(At x) { return apply(ops::kElu1, {x}, {}, x.where); }

}  // namespace gradus
