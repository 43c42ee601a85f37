// The vjp as a linear map: 0 to 0, sums to sums, the same bits twice, one input as all; it looks at
// no more than declared and changes nothing it was given.
#include "autograd/backward.h"
#include "autograd/check_parts.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"

namespace gradus::detail {

namespace {

using Tensors = std::vector<Tensor>;

bool all_same_bits(const Tensors& a, const Tensors& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i)
    same = a[i].defined() == b[i].defined() &&
           (!a[i].defined() || same_bits(contiguous(a[i]), contiguous(b[i])));
  return same;
}
bool all_close_to(const Tensors& a, const Tensors& b, double tolerance) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i)
    same = a[i].defined() == b[i].defined() && (!a[i].defined() || close(a[i], b[i], tolerance));
  return same;
}

void check_linear(SampleCheck& c, const Ran& plain) {
  const auto vjp = [&](const Tensor& g) { return run_op(c.op, c.sample.attrs, c.inputs, g).grads; };
  const Tensors at_zero = vjp(zeros_like(c.cotangent));
  for (std::size_t i = 0; i < at_zero.size(); ++i) {
    if (!at_zero[i].defined()) continue;
    bool zero = true;
    for (double v : at_zero[i].to_vector<double>()) zero &= v == 0;
    c.expect(zero, fmt::format("the vjp of a zero cotangent is not zero for input {}", i));
  }
  const Tensor other =
      cast(random_cotangent(sample_seed("another cotangent", c.number), c.cotangent.shape()),
           c.cotangent.dtype());
  const double a = 0.7, b = -1.3;
  const Tensors of_other = vjp(other);
  const Tensors of_sum = vjp(add(mul(c.cotangent, a), mul(other, b)));
  for (std::size_t i = 0; i < of_sum.size(); ++i)
    if (of_sum[i].defined())
      c.expect(close(of_sum[i], add(mul(plain.grads[i], a), mul(of_other[i], b)), kRounding),
               fmt::format("the vjp is not linear in the cotangent (input {})", i));
}

/// The op between two aliases, no handle on its inputs and output: what no vjp declared is gone.
void check_reads(SampleCheck& c, const Ran& plain) {
  // A kernel may read the output or saved tensors where its reference needs the inputs: then
  // create_graph asks for a handle on them, in words (autograd/backward.cpp).
  bool reference_reads_more = false;
  for (std::size_t i = 0; i < c.inputs.size(); ++i)
    reference_reads_more |= c.op.vjp_kernel && !c.op.reads.input(static_cast<int>(i));
  for (bool create_graph : {false, true}) {
    if (create_graph && reference_reads_more) continue;
    std::vector<Var> by;
    Var end;
    {
      std::vector<Var> inner;
      for (const Tensor& t : c.inputs) {
        inner.push_back(is_float(t.dtype()) ? leaf(t) : Var(t));
        if (!inner.back().requires_grad()) continue;
        by.push_back(inner.back());
        inner.back() = alias(inner.back());
      }
      end = alias(apply(c.op, std::span<const Var>(inner), c.sample.attrs));
    }
    const Var y = end.inputs()[0];
    c.expect(y.has_value() == c.op.reads.output,
             "the output is kept or dropped against what `reads` says");
    const std::vector<Var> in = y.inputs();
    for (std::size_t i = 0; i < in.size(); ++i)
      c.expect(in[i].has_value() == c.op.reads.input(static_cast<int>(i)),
               fmt::format("input {} is kept or dropped against what `reads` says", i));
    const std::vector<Var> g =
        grad(end, by, {.create_graph = create_graph, .allow_unused = true}, Var(c.cotangent));
    Tensors found(c.inputs.size());
    for (std::size_t i = 0, j = 0; i < found.size(); ++i)
      if (c.is_float_input(i)) found[i] = g[j++].value();
    const bool fused_again = create_graph && c.op.vjp_kernel;
    c.expect(
        fused_again ? all_close_to(found, plain.grads, 1e-10) : all_same_bits(found, plain.grads),
        "the gradient changes where undeclared values are dropped");
  }
}

}  // namespace

void check_vjp(SampleCheck& c) {
  Tensors before;
  for (const Tensor& t : c.inputs) before.push_back(copy(t));
  const Tensor cotangent_before = copy(c.cotangent);
  std::vector<Var> in, by;
  for (const Tensor& t : c.inputs) {
    in.push_back(is_float(t.dtype()) ? leaf(t) : Var(t));
    if (in.back().requires_grad()) by.push_back(in.back());
  }
  const Var y = apply(c.op, std::span<const Var>(in), c.sample.attrs);
  const Tensor y_before = copy(y.value());
  const auto once = [&] {
    Tensors list(in.size());
    const std::vector<Var> g = grad(y, by, {.allow_unused = true}, Var(c.cotangent));
    for (std::size_t i = 0, j = 0; i < in.size(); ++i)
      if (in[i].requires_grad()) list[i] = g[j++].value();
    return list;
  };
  const Ran plain{y.value(), once()};
  c.expect(all_same_bits(plain.grads, once()), "the vjp gives other bits when it runs again");
  c.expect(all_same_bits(before, c.inputs), "the vjp changes an input");
  c.expect(same_bits(cotangent_before, c.cotangent), "the vjp changes the cotangent");
  c.expect(same_bits(y_before, contiguous(y.value())), "the vjp changes the output");
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!in[i].requires_grad()) continue;
    const Ran one = run_op(c.op, c.sample.attrs, c.inputs, c.cotangent, i);
    c.expect(close(one.grads[i], plain.grads[i], kRounding),
             fmt::format("the gradient of input {} alone differs from that among all", i));
  }
  check_linear(c, plain);
  check_reads(c, plain);
}

}  // namespace gradus::detail
