// The table of cos and sin that rotary encodings use, as one op. Its gradient needs no angle: with
// y = [c | s], d theta = g_s c - g_c s, and the rest are two small matrix products in f64:
//     df_d = sum_n d theta_nd p_n,  dp_n = sum_d d theta_nd f_d
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "pe/angles.h"
#include "pe/kernels/turn_rows.h"
#include "pe/ops.h"
#include "tensor/elementwise.h"
#include "tensor/matmul.h"
#include "tensor/parallel.h"
#include "tensor/reduce.h"

namespace gradus {

namespace ops {

namespace {

/// f_d . p_n in f64, [B|1, H|1, N, F], as a product of matrices.
Tensor sums_of(const Tensor& f, const Tensor& labels) {
  return matmul(unsqueeze(cast(labels, DType::f64), 1), transpose(cast(f, DType::f64)));
}

/// Angles are reduced with the rounding error of a single product carried along.
Tensor wide_table(const Tensor& f, const Tensor& labels, const Shape& shape) {
  const Tensor theta =
      contiguous(f.size(2) == 1 ? phase(reshape(cast(f, DType::f64), {f.size(0), 1, f.size(1)}),
                                        unsqueeze(cast(labels, DType::f64), 1), DType::f64)
                                : phase(sums_of(f, labels), scalar(1, DType::f64), DType::f64));
  const int64 count = theta.size(-1), n = count == 0 ? 0 : theta.numel() / count;
  const double* t = theta.data<double>();
  Tensor y = Tensor::empty(shape, DType::f64);
  double* out = y.writable<double>();
  parallel_for(0, n, 1 + 4096 / (count + 1), [&](int64 begin, int64 end) {
    for (int64 row = begin; row < end; ++row)
      for (int64 i = 0; i < count; ++i) {
        const double angle = t[row * count + i];
        out[row * 2 * count + i] = std::cos(angle);
        out[row * 2 * count + count + i] = std::sin(angle);
      }
  });
  return y;
}

/// An f32 cannot tell that error.
Tensor narrow_table(const Tensor& f, const Tensor& labels, const Shape& shape) {
  const int64 heads = shape[1], tokens = shape[2], count = shape[3] / 2;
  // One number a token: the angles are products, which the kernel takes itself.
  const bool products = f.size(2) == 1;
  const Tensor w = contiguous(products ? cast(f, DType::f64) : sums_of(f, labels)),
               p = products ? contiguous(cast(labels, DType::f64)) : scalar(1, DType::f64);
  const double *wp = w.data<double>(), *pp = p.data<double>();
  Tensor y = Tensor::empty(shape, DType::f32);
  float* out = y.writable<float>();
  const auto table = GRADUS_KERNELS(turn_row_kernels).table;
  const int64 rows = shape[0] * heads * tokens;
  parallel_for(0, rows, 1 + 16384 / (count + 1), [&](int64 begin, int64 end) {
    if (!products)
      return table({wp + begin * count, pp, count, 0, end - begin, count}, out + begin * 2 * count);
    for (int64 r = begin; r < end;) {
      const int64 line = r / tokens, token = r % tokens, n = std::min(end - r, tokens - token);
      table({wp + line % heads * count, pp + line / heads * tokens + token, 0, 1, n, count},
            out + r * 2 * count);
      r += n;
    }
  });
  return y;
}

Forward forward(const ForwardCall& call) {
  const Tensor &f = call.in(0), &labels = call.in(1);
  const Shape shape{labels.size(0), f.size(0), labels.size(1), 2 * f.size(1)};
  return call.attrs().dtype("dtype") == DType::f32 ? narrow_table(f, labels, shape)
                                                   : wide_table(f, labels, shape);
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
