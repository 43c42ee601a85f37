// The table of cos and sin that rotary encodings use, as one op. Its gradient needs no angle: with
// y = [c | s], d theta = g_s c - g_c s, and the rest are two small matrix products in f64:
//     df_d = sum_n d theta_nd p_n,  dp_n = sum_d d theta_nd f_d
#include <array>
#include <cmath>

#include "pe/angles.h"
#include "pe/ops.h"
#include "tensor/elementwise.h"
#include "tensor/matmul.h"
#include "tensor/parallel.h"
#include "tensor/reduce.h"

namespace gradus {

namespace ops {

namespace {

struct CosSin {
  double cos, sin;
};

/// To 1e-11, of which an f32 keeps 6e-8. Quarter turns are taken off in two parts of pi/2 (Cody and
/// Waite; the first has 33 bits, so that its multiples are exact), then Taylor polynomials on
/// [-pi/4, pi/4]: no library call, which costs more than all of it.
CosSin fast_cos_sin(double theta) {
  constexpr double kHigh = 1.57079632673412561417, kLow = 6.07710050650619224932e-11;
  constexpr double kRound = 6755399441055744.0;  // adding 1.5 * 2^52 rounds to a whole number
  if (!(std::abs(theta) < 1e6)) return {std::cos(theta), std::sin(theta)};
  const double n = (theta * (1 / (kHigh + kLow)) + kRound) - kRound;
  const double r = (theta - n * kHigh) - n * kLow, z = r * r;
  const double s = r * (1 + z * (-1.0 / 6 + z * (1.0 / 120 + z * (-1.0 / 5040 + z / 362880))));
  const double c =
      1 + z * (-0.5 + z * (1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320 - z / 3628800))));
  const int quarter = static_cast<int>(n) & 3;
  const double a = quarter & 1 ? s : c, b = quarter & 1 ? c : s;
  return {quarter == 1 || quarter == 2 ? -a : a, quarter >= 2 ? -b : b};
}

/// theta f64 [B|1, H|1, N, F]. `exact`: reduced with the rounding error of a single product carried
/// along, for f64; an f32 cannot tell.
Tensor angles_of(const Tensor& f, const Tensor& labels, bool exact) {
  const Tensor p = unsqueeze(cast(labels, DType::f64), 1), w = cast(f, DType::f64);
  if (f.size(2) == 1) {
    const Tensor row = reshape(w, {f.size(0), 1, f.size(1)});
    return exact ? phase(row, p, DType::f64) : mul(row, p);
  }
  const Tensor sums = matmul(p, transpose(w));
  return exact ? phase(sums, scalar(1, DType::f64), DType::f64) : sums;
}

Forward forward(const ForwardCall& call) {
  const DType dtype = call.attrs().dtype("dtype");
  const Tensor theta = contiguous(angles_of(call.in(0), call.in(1), dtype == DType::f64));
  const int64 count = theta.size(-1), n = count == 0 ? 0 : theta.numel() / count;
  Shape shape = theta.shape();
  shape[3] *= 2;
  const double* t = theta.data<double>();
  return dispatch_float(dtype, "turn_table", [&](auto tag) -> Forward {
    using T = typename decltype(tag)::type;
    Tensor y = Tensor::empty(shape, dtype_of<T>());
    T* out = y.template writable<T>();
    parallel_for(0, n, 1 + 4096 / (count + 1), [&](int64 begin, int64 end) {
      for (int64 row = begin; row < end; ++row)
        for (int64 i = 0; i < count; ++i) {
          const double angle = t[row * count + i];
          const CosSin v = sizeof(T) == sizeof(float) ? fast_cos_sin(angle)
                                                      : CosSin{std::cos(angle), std::sin(angle)};
          out[row * 2 * count + i] = static_cast<T>(v.cos);
          out[row * 2 * count + count + i] = static_cast<T>(v.sin);
        }
    });
    return y;
  });
}

/// g_s c - g_c s, f64 [B|1, H|1, N, F].
Tensor angle_gradient(const Tensor& table, const Tensor& cotangent) {
  const Tensor y = contiguous(table), g = contiguous(cotangent);
  Shape shape = y.shape();
  shape[3] /= 2;
  Tensor d = Tensor::empty(shape, DType::f64);
  double* out = d.writable<double>();
  const int64 count = shape[3], n = count == 0 ? 0 : shape.numel() / count;
  dispatch_float(y.dtype(), "turn_table", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *yp = y.template data<T>(), *gp = g.template data<T>();
    parallel_for(0, n, 1 + 16384 / (count + 1), [&](int64 begin, int64 end) {
      for (int64 row = begin; row < end; ++row) {
        const T *yr = yp + row * 2 * count, *gr = gp + row * 2 * count;
        for (int64 i = 0; i < count; ++i)
          out[row * count + i] = static_cast<double>(gr[count + i]) * static_cast<double>(yr[i]) -
                                 static_cast<double>(gr[i]) * static_cast<double>(yr[count + i]);
      }
    });
  });
  return d;
}

std::vector<Tensor> vjp(const KernelCall& call) {
  std::vector<Tensor> grads(2);
  const Tensor d = angle_gradient(call.out, call.cotangent);
  if (call.wanted[0]) {
    const Tensor p = unsqueeze(cast(call.in[1], DType::f64), 1);  // [B|1, 1, N, L]
    const Tensor each = matmul(transpose(d), p);                  // [B|1, H|1, F, L]
    grads[0] = cast(sum_to(each, call.in[0].shape()), call.in[0].dtype());
  }
  if (call.wanted[1]) {
    const Tensor each = matmul(d, cast(call.in[0], DType::f64));  // [B|1, H|1, N, L]
    grads[1] = cast(sum(each, {1}), call.in[1].dtype());
  }
  return grads;
}

}  // namespace

extern const OpDef kTurnTable{
    .name = "turn_table",
    .formula = "y = [cos theta | sin theta], theta_nd = f_d . p_n in f64",
    .vjp_formula =
        "d theta = g_s c - g_c s, df_d = sum_n d theta_nd p_n, dp_n = sum_d d theta_nd f_d",
    .source = "Su et al. 2021, eq. 34",
    .infer = [](const InferCall& c) -> Inferred {
      c.float_input(0);
      c.float_input(1);
      const Shape &f = c.shape(0), &p = c.shape(1);
      check_shape(f.rank() == 3 && p.rank() == 3,
                  "frequencies are [heads, pairs, numbers], labels [batch, tokens, numbers]; got "
                  "{} and {}",
                  f, p);
      check_shape(f[2] == p[2],
                  "the frequencies {} are for labels of {} numbers, the labels {} have {}", f, f[2],
                  p, p[2]);
      return {{p[0], f[0], p[1], 2 * f[1]}, c.attrs().dtype("dtype")};
    },
    .reads = Reads{3, true},
    .forward = forward,
    .vjp_kernel = vjp,
    .reference = [](std::span<const Var> in, const Attrs& attrs) -> Var {
      const Var theta = angles(in[0], in[1], attrs.dtype("dtype")).named("theta");
      return concat(std::array<Var, 2>{cos(theta), sin(theta)}, -1);
    },
    .samples = {{.in = {{.shape = {2, 3, 1}}, {.shape = {2, 4, 1}, .low = 0.5, .high = 3}},
                 .attrs = {{"dtype", attr(DType::f64)}}},
                {.in = {{.shape = {2, 2, 3}}, {.shape = {1, 4, 3}, .low = 0.5, .high = 3}},
                 .attrs = {{"dtype", attr(DType::f64)}}},
                {.in = {{.shape = {1, 1, 2}}, {.shape = {2, 1, 2}, .low = 0.5, .high = 3}},
                 .attrs = {{"dtype", attr(DType::f64)}}}},
    .bad_samples = {{.in = {{.shape = {2, 3, 1}}, {.shape = {1, 4, 2}}},
                     .attrs = {{"dtype", attr(DType::f64)}},
                     .message = "are for labels of 1 numbers"},
                    {.in = {{.shape = {3, 1}}, {.shape = {1, 4, 1}}},
                     .attrs = {{"dtype", attr(DType::f64)}},
                     .message = "[heads, pairs, numbers]"}}};

}  // namespace ops

Var turn_table(At frequencies, const Var& labels, DType dtype) {
  return apply(ops::kTurnTable, {frequencies, labels}, {{"dtype", attr(dtype)}}, frequencies.where);
}

}  // namespace gradus
