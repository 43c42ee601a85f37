// Values: what infer promises, f32 against f64, nothing changed that was given; fused against
// composed; and how the other parts run an op.
#include <algorithm>
#include <cmath>

#include "autograd/backward.h"
#include "autograd/check_parts.h"
#include "autograd/record.h"

namespace gradus::detail {

namespace {

/// Leaves for floats, constants for the others.
std::vector<Var> leaves_of(std::span<const Tensor> inputs) {
  std::vector<Var> in;
  for (const Tensor& t : inputs) in.push_back(is_float(t.dtype()) ? leaf(t) : Var(t));
  return in;
}

std::vector<Tensor> copies(std::span<const Tensor> list) {
  std::vector<Tensor> out;
  for (const Tensor& t : list) out.push_back(copy(t));
  return out;
}

void check_infer(SampleCheck& c) {
  const std::vector<Var> in(c.inputs.begin(), c.inputs.end());
  std::vector<const Var*> refs;
  std::vector<const Tensor*> values;
  for (const Var& v : in) refs.push_back(&v), values.push_back(&v.value());
  const std::vector<Tensor> before = copies(c.inputs);
  const Inferred said = c.op.infer(InferCall(c.op, refs, c.sample.attrs));
  const Tensor y = c.op.forward(ForwardCall(values, c.sample.attrs)).output;
  c.expect(y.shape() == said.shape && y.dtype() == said.dtype,
           fmt::format("infer says {} {}, forward makes {}", name(said.dtype), text(said.shape),
                       describe(y)));
  bool same = true;
  for (std::size_t i = 0; i < before.size(); ++i) same &= same_bits(before[i], c.inputs[i]);
  c.expect(same, "forward changes an input");
  if (c.op.stops_gradient)
    c.expect(!apply(c.op, leaves_of(c.inputs), c.sample.attrs).requires_grad(),
             "the output requires a gradient, though the op stops it");
}

/// Both run on the same numbers, those that f32 can hold.
void check_single_precision(SampleCheck& c) {
  std::vector<Tensor> single, twice;
  for (const Tensor& t : c.inputs) {
    single.push_back(is_float(t.dtype()) ? cast(t, DType::f32) : t);
    twice.push_back(is_float(t.dtype()) ? cast(single.back(), DType::f64) : t);
  }
  const DType dtype = apply(c.op, leaves_of(single), c.sample.attrs).dtype();
  const Tensor cotangent = cast(cast(c.cotangent, DType::f32), dtype);
  const Ran a = run_op(c.op, c.sample.attrs, single, cotangent);
  const Ran b = run_op(c.op, c.sample.attrs, twice, cast(cotangent, c.cotangent.dtype()));
  const auto far = [&](const Tensor& x, const Tensor& y) {
    return !close(cast(x, DType::f64), cast(y, DType::f64), c.op.f32_tolerance);
  };
  c.expect(!far(a.output, b.output),
           fmt::format("f32 is not within {} of f64\n  f32: {}\n  f64: {}", c.op.f32_tolerance,
                       to_string(a.output), to_string(b.output)));
  for (std::size_t i = 0; i < a.grads.size(); ++i)
    if (a.grads[i].defined())
      c.expect(!far(a.grads[i], b.grads[i]),
               fmt::format("the gradient of input {} in f32 is not within {} of f64", i,
                           c.op.f32_tolerance));
}

}  // namespace

Ran run_op(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
           const Tensor& cotangent, std::optional<std::size_t> wanted) {
  const std::vector<Var> in = leaves_of(inputs);
  const Var y = apply(op, std::span<const Var>(in), attrs);
  Ran ran{y.value(), std::vector<Tensor>(in.size())};
  if (op.stops_gradient || !is_float(y.dtype())) return ran;
  std::vector<Var> by;
  for (std::size_t i = 0; i < in.size(); ++i)
    if (in[i].requires_grad() && (!wanted || *wanted == i)) by.push_back(in[i]);
  const std::vector<Var> g = grad(y, by, {.allow_unused = true}, Var(cotangent));
  for (std::size_t i = 0, j = 0; i < in.size() && j < g.size(); ++i)
    if (in[i] == by[j]) ran.grads[i] = g[j++].value();
  return ran;
}

VarFunction as_function(const OpDef& op, const Attrs& attrs) {
  return [&op, &attrs](std::span<const Var> in) { return apply(op, in, attrs); };
}

bool close(const Tensor& a, const Tensor& b, double tolerance) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const std::vector<double> u = a.to_vector<double>(), v = b.to_vector<double>();
  double scale = 0;
  for (std::size_t i = 0; i < u.size(); ++i)
    if (std::isfinite(u[i]) && std::isfinite(v[i]))
      scale = std::max({scale, std::abs(u[i]), std::abs(v[i])});
  for (std::size_t i = 0; i < u.size(); ++i)
    if (!(u[i] == v[i] || std::abs(u[i] - v[i]) <= tolerance * scale)) return false;
  return true;
}

void check_values(SampleCheck& c) {
  check_infer(c);
  if (!c.op.stops_gradient) check_single_precision(c);
}

void check_reference(SampleCheck& c) {
  // The output, the gradients, and the gradients of <w, gradients> by inputs and cotangent.
  const auto run = [&](Fusion fusion) {
    const FusionGuard guard(fusion);
    const std::vector<Var> in = leaves_of(c.inputs);
    const Var y = apply(c.op, std::span<const Var>(in), c.sample.attrs);
    std::vector<Var> by;
    for (const Var& v : in)
      if (v.requires_grad()) by.push_back(v);
    const Var u = leaf(c.cotangent);
    std::vector<Tensor> all{y.value()};
    for (const Var& v : grad(y, by, {.allow_unused = true}, u)) all.push_back(v.value());
    const std::vector<Var> g = grad(y, by, {.create_graph = true, .allow_unused = true}, u);
    by.push_back(u);
    for (std::size_t i = 0; i < g.size(); ++i) {
      all.push_back(g[i].value());
      const Var w(random_cotangent(i, g[i].shape()));
      for (const Var& v : grad(g[i], by, {.allow_unused = true}, w)) all.push_back(v.value());
    }
    return all;
  };
  const std::vector<Tensor> fused = run(Fusion::on), composed = run(Fusion::off);
  for (std::size_t i = 0; i < fused.size(); ++i)
    c.expect(
        close(fused[i], composed[i], 1e-10),
        fmt::format("the kernel and the reference disagree in {}\n  kernel: {}\n  "
                    "reference: {}",
                    i == 0 ? "value" : "a gradient", to_string(fused[i]), to_string(composed[i])));
}

}  // namespace gradus::detail
