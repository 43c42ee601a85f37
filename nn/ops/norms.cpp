// layer_norm and rms_norm: one pass forward, one pass back; the references are the formulas.
#include "nn/kernels/norm_rows.h"
#include "nn/ops/rows.h"

namespace gradus::ops {

namespace {

Inferred infer_norm(const InferCall& c) {
  const DType t = c.same_float();
  check_shape(c.shape(0).rank() >= 1, "needs a last axis to normalise, got a scalar");
  check<ConfigError>(c.attrs().real("eps") > 0, "eps must be above 0, got {}",
                     c.attrs().real("eps"));
  for (int i = 1; i < c.count(); ++i)
    check_shape(c.shape(i) == Shape{c.shape(0).back()},
                "input 0 is {}: input {} must be ({}), got {}", text(c.shape(0)), i,
                c.shape(0).back(), text(c.shape(i)));
  return {c.shape(0), t};
}

std::vector<Sample> norm_samples(bool with_bias) {
  const Attrs a{{"eps", 1e-5}};
  const InputSpec gain{.shape = {4}, .low = 0.5, .high = 1.5}, bias{.shape = {4}};
  const InputSpec x{.shape = {3, 4}, .low = -2, .high = 2},
      deep{.shape = {2, 1, 4}, .low = -2, .high = 2};
  if (with_bias)
    return {{.in = {x, gain, bias}, .attrs = a}, {.in = {deep, gain, bias}, .attrs = a}};
  return {{.in = {x, gain}, .attrs = a}, {.in = {deep, gain}, .attrs = a}};
}

/// The way back of both: every row once; the inputs after the gain are a bias or nothing.
std::vector<Tensor> norm_gradients(const KernelCall& c, const Tensor& mean, const Tensor& rstd) {
  return dispatch_float(c.cotangent.dtype(), "a norm", [&](auto tag) -> std::vector<Tensor> {
    using T = typename decltype(tag)::type;
    const Tensor x = contiguous(c.in[0]), gain = contiguous(c.in[1]), g = contiguous(c.cotangent);
    const Rows rows(x.shape());
    const int64 n = rows.width;
    const T *xp = x.data<T>(), *wp = gain.data<T>(), *gp = g.data<T>(), *sp = rstd.data<T>();
    const T* mp = mean.defined() ? mean.data<T>() : nullptr;
    std::vector<Tensor> out(c.in.size());
    T* dp = nullptr;
    if (c.wanted[0]) {
      out[0] = Tensor::empty(x.shape(), x.dtype());
      dp = out[0].writable<T>();
    }
    const bool centred = mean.defined();
    const bool sums = c.wanted[1] || (centred && c.wanted[2]);
    RowSums dgain(rows, sums), dbias(rows, sums && centred);
    const int64 parts = (rows.count + kRowsPerPart - 1) / kRowsPerPart;
    const auto& kernels = GRADUS_KERNELS(norm_kernels).of(T{});
    const auto back = centred ? kernels.layer_back : kernels.rms_back;
    parallel_for(
        0, parts, std::max<int64>(1, rows.grain() / kRowsPerPart), [&](int64 begin, int64 end) {
          for (int64 p = begin; p < end; ++p) {
            const int64 r = p * kRowsPerPart, count = std::min(kRowsPerPart, rows.count - r);
            back(xp + r * n, wp, gp + r * n, mp ? mp + r : nullptr, sp + r, count, n,
                 dp ? dp + r * n : nullptr, dgain.start(p), dbias.start(p));
          }
        });
    if (c.wanted[1]) out[1] = dgain.total<T>();
    if (centred && c.wanted[2]) out[2] = dbias.total<T>();
    return out;
  });
}

}  // namespace

extern const OpDef kLayerNorm{
    .name = "layer_norm",
    .formula =
        "y = xhat gain + bias, xhat = (x - mean) rstd, rstd = 1 / sqrt(var + eps), over the last "
        "axis",
    .vjp_formula =
        "dx = rstd (h - mean(h) - xhat mean(h xhat)), h = g gain; dgain = sum g xhat; dbias = sum "
        "g",
    .source = "Ba et al. 2016",
    .infer = infer_norm,
    .reads = {0b11u, false},
    .forward = [](const ForwardCall& c) -> Forward {
      return dispatch_float(c.in(0).dtype(), "layer_norm", [&](auto tag) -> Forward {
        using T = typename decltype(tag)::type;
        const Tensor x = contiguous(c.in(0)), gain = contiguous(c.in(1)),
                     bias = contiguous(c.in(2));
        const Rows rows(x.shape());
        const double eps = c.attrs().real("eps");
        Tensor y = Tensor::empty(x.shape(), x.dtype());
        Tensor mean_t = Tensor::empty({rows.count}, x.dtype()),
               rstd_t = Tensor::empty({rows.count}, x.dtype());
        const T *xp = x.data<T>(), *gp = gain.data<T>(), *bp = bias.data<T>();
        T *yp = y.writable<T>(), *mp = mean_t.writable<T>(), *rp = rstd_t.writable<T>();
        const int64 n = rows.width;
        const auto layer = GRADUS_KERNELS(norm_kernels).of(T{}).layer;
        parallel_for(0, rows.count, rows.grain(), [&](int64 begin, int64 end) {
          layer(xp + begin * n, gp, bp, eps, end - begin, n, yp + begin * n, mp + begin,
                rp + begin);
        });
        return {y, {mean_t, rstd_t}};
      });
    },
    .vjp_kernel = [](const KernelCall& c) -> std::vector<Tensor> {
      return norm_gradients(c, c.saved[0], c.saved[1]);
    },
    .reference = [](std::span<const Var> in, const Attrs& a) -> Var {
      const Var centred = in[0] - mean(in[0], {-1}, Keep::yes);
      const Var rstd = rsqrt(mean(square(centred), {-1}, Keep::yes) + a.real("eps"));
      return centred * rstd * in[1] + in[2];
    },
    .samples = norm_samples(true),
    .bad_samples = {{.in = {{.shape = {2, 3}}, {.shape = {2}}, {.shape = {3}}},
                     .attrs = {{"eps", 1e-5}},
                     .message = "input 1 must be (3)"},
                    {.in = {{.shape = {}}, {.shape = {1}}, {.shape = {1}}},
                     .attrs = {{"eps", 1e-5}},
                     .message = "needs a last axis"}}};

extern const OpDef kRmsNorm{
    .name = "rms_norm",
    .formula = "y = xhat gain, xhat = x r, r = 1 / sqrt(mean(x^2) + eps), over the last axis",
    .vjp_formula = "dx = r (h - xhat mean(h xhat)), h = g gain; dgain = sum g xhat",
    .source = "Zhang & Sennrich 2019",
    .infer = infer_norm,
    .reads = {0b11u, false},
    .forward = [](const ForwardCall& c) -> Forward {
      return dispatch_float(c.in(0).dtype(), "rms_norm", [&](auto tag) -> Forward {
        using T = typename decltype(tag)::type;
        const Tensor x = contiguous(c.in(0)), gain = contiguous(c.in(1));
        const Rows rows(x.shape());
        const int64 n = rows.width;
        const double eps = c.attrs().real("eps");
        Tensor y = Tensor::empty(x.shape(), x.dtype()),
               r_t = Tensor::empty({rows.count}, x.dtype());
        const T *xp = x.data<T>(), *gp = gain.data<T>();
        T *yp = y.writable<T>(), *rp = r_t.writable<T>();
        const auto rms = GRADUS_KERNELS(norm_kernels).of(T{}).rms;
        parallel_for(0, rows.count, rows.grain(), [&](int64 begin, int64 end) {
          rms(xp + begin * n, gp, eps, end - begin, n, yp + begin * n, rp + begin);
        });
        return {y, {r_t}};
      });
    },
    .vjp_kernel = [](const KernelCall& c) -> std::vector<Tensor> {
      return norm_gradients(c, Tensor(), c.saved[0]);
    },
    .reference = [](std::span<const Var> in, const Attrs& a) -> Var {
      return in[0] * rsqrt(mean(square(in[0]), {-1}, Keep::yes) + a.real("eps")) * in[1];
    },
    .samples = norm_samples(false),
    .bad_samples = {{.in = {{.shape = {2, 3}}, {.shape = {2}}},
                     .attrs = {{"eps", 1e-5}},
                     .message = "input 1 must be (3)"}}};

}  // namespace gradus::ops

namespace gradus {

Var layer_norm(At x, const Var& gain, const Var& bias, double eps) {
  return apply(ops::kLayerNorm, {x, gain, bias}, {{"eps", eps}}, x.where);
}
Var rms_norm(At x, const Var& gain, double eps) {
  return apply(ops::kRmsNorm, {x, gain}, {{"eps", eps}}, x.where);
}

}  // namespace gradus
