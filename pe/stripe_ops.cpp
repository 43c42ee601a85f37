// modulate, modulate_and_pool and modulate_and_mix: coordinates times stripes, one pass each way,
// where the plain ops keep several tables as large as the result. Complex numbers say it shortest:
// with t = c + i s of the table, w = a + i b of the weights (lambda e^{i theta}), g of [cos, sin]
//     y_dw = x_d t_dw w_dw,  dx_d = sum_w Re(conj(t w) g),  dt = conj(w) x g,  dw = conj(t) x g
// where dt is added up over the sequences and heads that share a table, dw over all tokens, both in
// f64.
#include <array>

#include "pe/ops.h"
#include "pe/stripe_passes.h"

namespace gradus {

namespace ops {

namespace {

using Form = StripeForm;

Forward forward(const ForwardCall& c, Form form) {
  const bool mixed = form == Form::mixed;
  const std::array<const Tensor*, 4> in{&c.in(0), &c.in(1), &c.in(2), mixed ? &c.in(3) : nullptr};
  return stripes_forward(in, form);
}

Inferred infer(const InferCall& c, Form form) {
  const DType dtype = c.same_float();
  const Shape &x = c.shape(0), &t = c.shape(1), &w = c.shape(2);
  check_shape(x.rank() == 4 && t.rank() == 4 && w.rank() == 2,
              "x is [batch, heads, tokens, d], the table [batch or 1, heads or 1, tokens, cosines "
              "and sines], weights [heads or 1, the same]; got {}, {} and {}",
              x, t, w);
  check_shape(t[3] == w[1] && t[3] % 2 == 0,
              "a row of the table {} and of the weights {} is as many cosines as sines, of the "
              "same stripes",
              t, w);
  check_shape(x[3] == 0 ? t[3] == 0 : t[3] / 2 % x[3] == 0,
              "{} stripes cannot be shared out among {} coordinates", t[3] / 2, x[3]);
  check_shape((t[0] == 1 || t[0] == x[0]) && (t[1] == 1 || t[1] == x[1]) && t[2] == x[2] &&
                  (w[0] == 1 || w[0] == x[1]),
              "the table {} and weights {} do not fit x {}: tokens must agree, batch and heads "
              "agree or be 1",
              t, w, x);
  if (form != Form::mixed) return {{x[0], x[1], x[2], stripe_width(x, t, form)}, dtype};
  const Shape& z = c.shape(3);
  check_shape(z.rank() == 3 && (z[0] == 1 || z[0] == x[1]) && z[1] == t[3],
              "noise is [heads or 1, {}, realizations] for x {} and the table {}; got {}", t[3], x,
              t, z);
  return {{x[0], x[1], x[2], z[2]}, dtype};
}

// ---- references
// ----------------------------------------------------------------------------------

struct Stripe {
  Var cos, sin;  // [B,H,N,d,W]
};

/// x [B,H,N,d] times a table [B|1,H|1,N,d W] -> [B,H,N,d,W].
Var times(const Var& x, const Var& table) {
  const int64 d = x.size(-1);
  const Shape& t = table.shape();
  return unsqueeze(x, -1) * reshape(table, {t[0], t[1], t[2], d, d == 0 ? 0 : t[3] / d});
}

Stripe stripes(std::span<const Var> in) {
  const int64 count = in[1].size(-1) / 2;
  const auto half = [&](const Var& t, int64 part) {
    return slice(t, -1, part * count, (part + 1) * count);
  };
  const Var weights = unsqueeze(in[2], 1);
  const Var c = half(in[1], 0), s = half(in[1], 1), a = half(weights, 0), b = half(weights, 1);
  return {times(in[0], c * a - s * b), times(in[0], s * a + c * b)};
}

Var interleave(const Var& cosines, const Var& sines, int64 width) {
  const Shape& s = cosines.shape();
  return reshape(stack(std::array<Var, 2>{cosines, sines}, -1), {s[0], s[1], s[2], width});
}

Var modulated(std::span<const Var> in, const Attrs&) {
  const Stripe y = stripes(in);
  return interleave(y.cos, y.sin, in[1].size(-1));
}

Var pooled(std::span<const Var> in, const Attrs&) {
  const Stripe y = stripes(in);
  return interleave(sum(y.cos, {3}), sum(y.sin, {3}),
                    stripe_width(in[0].shape(), in[1].shape(), Form::pooled));
}

Var mixed(std::span<const Var> in, const Attrs& attrs) {
  return matmul(modulated(in, attrs), in[3]);
}

// ---- samples
// -------------------------------------------------------------------------------------

std::vector<InputSpec> inputs(Form form, const Shape& x, const Shape& table, const Shape& weights,
                              const Shape& noise) {
  std::vector<InputSpec> in{{.shape = x}, {.shape = table}, {.shape = weights}};
  if (form == Form::mixed) in.push_back({.shape = noise});
  return in;
}

std::vector<Sample> samples(Form form) {
  return {{.in = inputs(form, {2, 3, 4, 2}, {1, 3, 4, 12}, {3, 12}, {3, 12, 5})},
          {.in = inputs(form, {2, 3, 4, 3}, {2, 1, 4, 6}, {1, 6}, {1, 6, 2})},
          {.in = inputs(form, {2, 2, 3, 1}, {1, 1, 3, 10}, {2, 10}, {1, 10, 3})},
          {.in = inputs(form, {1, 1, 1, 1}, {1, 1, 1, 2}, {1, 2}, {1, 2, 1})}};
}

std::vector<BadSample> bad_samples(Form form) {
  const Shape x{1, 2, 3, 2}, table{1, 2, 3, 8}, weights{2, 8}, noise{2, 8, 5};
  const auto bad = [&](const Shape& x_, const Shape& table_, const Shape& weights_,
                       const char* message) -> BadSample {
    return {.in = inputs(form, x_, table_, weights_, noise), .message = message};
  };
  std::vector<BadSample> list{
      bad(x, table, {2, 1, 8}, "weights [heads or 1, the same]; got"),
      bad(x, table, {2, 6}, "as many cosines as sines"),
      bad({1, 2, 3, 3}, table, weights, "4 stripes cannot be shared out among 3 coordinates"),
      bad({1, 2, 4, 2}, table, weights, "do not fit x (1, 2, 4, 2)")};
  if (form == Form::mixed)
    list.push_back({.in = inputs(form, x, table, weights, {2, 7, 5}),
                    .message = "noise is [heads or 1, 8, realizations]"});
  return list;
}

constexpr std::string_view kSource = "Agarwal et al. 2025, Of All StrIPEs, eq. 5-15";

}  // namespace

extern const OpDef kModulate{
    .name = "modulate",
    .formula = "y_dw = x_d t_dw w_dw, complex: t = c + i s, w = a + i b",
    .vjp_formula = "dx_d = sum_w Re(conj(t w) g), dt = conj(w) x g, dw = conj(t) x g",
    .source = kSource,
    .infer = [](const InferCall& c) { return infer(c, Form::whole); },
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) { return forward(c, Form::whole); },
    .vjp_kernel = [](const KernelCall& c) { return stripes_backward(c, Form::whole); },
    .reference = modulated,
    .samples = samples(Form::whole),
    .bad_samples = bad_samples(Form::whole)};

extern const OpDef kModulateAndMix{
    .name = "modulate_and_mix",
    .formula = "y = m z, m_dw = x_d t_dw w_dw, complex: t = c + i s, w = a + i b",
    .vjp_formula =
        "dz = m^T g; with g z^T: dx_d = sum_w Re(conj(t w) g), dt = conj(w) x g, dw = conj(t) x g",
    .source = "Liutkus et al. 2021, eq. 17-20",
    .infer = [](const InferCall& c) { return infer(c, Form::mixed); },
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) { return forward(c, Form::mixed); },
    .vjp_kernel = [](const KernelCall& c) { return stripes_backward(c, Form::mixed); },
    .reference = mixed,
    .samples = samples(Form::mixed),
    .bad_samples = bad_samples(Form::mixed)};

extern const OpDef kModulateAndPool{
    .name = "modulate_and_pool",
    .formula = "y_w = sum_d x_d t_dw w_dw, complex: t = c + i s, w = a + i b",
    .vjp_formula = "dx_d = sum_w Re(conj(t w) g_w), dt_dw = conj(w) x g_w, dw = conj(t) x g_w",
    .source = kSource,
    .infer = [](const InferCall& c) { return infer(c, Form::pooled); },
    .reads = kReadsInputs,
    .forward = [](const ForwardCall& c) { return forward(c, Form::pooled); },
    .vjp_kernel = [](const KernelCall& c) { return stripes_backward(c, Form::pooled); },
    .reference = pooled,
    .samples = samples(Form::pooled),
    .bad_samples = bad_samples(Form::pooled)};

}  // namespace ops

Var modulate(At x, const Var& table, const Var& weights) {
  return apply(ops::kModulate, {x, table, weights}, {}, x.where);
}

Var modulate_and_pool(At x, const Var& table, const Var& weights) {
  return apply(ops::kModulateAndPool, {x, table, weights}, {}, x.where);
}

Var modulate_and_mix(At x, const Var& table, const Var& weights, const Var& noise) {
  return apply(ops::kModulateAndMix, {x, table, weights, noise}, {}, x.where);
}

}  // namespace gradus
