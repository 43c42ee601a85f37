// Fused ops: a kernel in a plain pass, the reference under create_graph and under Fusion::off.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "autograd/observe.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "tensor/elementwise.h"

using namespace gradus;

namespace {

Tensor t2(double a, double b) { return tensor({a, b}, {2}, DType::f64); }

Inferred like_first(const InferCall& c) {
  check_shape(c.shape(0) == c.shape(1), "shapes differ: {} and {}", c.shape(0), c.shape(1));
  return {c.shape(0), c.same_float()};
}

int kernel_runs = 0;

/// y = a^2 b; the vjp reads both inputs.
const OpDef kSquareMul{.name = "square_mul",
                       .formula = "y = a^2 b",
                       .vjp_formula = "da = 2 g a b, db = g a^2",
                       .infer = like_first,
                       .reads = kReadsInputs,
                       .forward = [](const ForwardCall& c) -> Forward {
                         return gradus::mul(gradus::square(c.in(0)), c.in(1));
                       },
                       .vjp_kernel =
                           [](const KernelCall& c) {
                             ++kernel_runs;
                             std::vector<Tensor> d(2);
                             if (c.wanted[0])
                               d[0] = gradus::mul(
                                   gradus::mul(gradus::mul(c.cotangent, c.in[0]), c.in[1]), 2);
                             if (c.wanted[1])
                               d[1] = gradus::mul(c.cotangent, gradus::square(c.in[0]));
                             return d;
                           },
                       .reference = [](std::span<const Var> in, const Attrs&) -> Var {
                         const Var s = square(in[0]).named("inner");
                         return s * in[1];
                       }};

/// y = a + 3 b: linear, reads nothing.
const OpDef kAddTriple{.name = "add_triple",
                       .formula = "y = a + 3 b",
                       .vjp_formula = "da = g, db = 3 g",
                       .infer = like_first,
                       .forward = [](const ForwardCall& c) -> Forward {
                         return gradus::add(c.in(0), gradus::mul(c.in(1), 3));
                       },
                       .vjp_kernel =
                           [](const KernelCall& c) {
                             CHECK_FALSE(c.in[0].defined());
                             CHECK_FALSE(c.out.defined());
                             return std::vector<Tensor>{c.cotangent, gradus::mul(c.cotangent, 3)};
                           },
                       .reference = [](std::span<const Var> in, const Attrs&) -> Var {
                         return in[0] + scale(in[1], 3);
                       }};

/// y = e^x: the vjp reads the output, not the input.
const OpDef kFusedExp{
    .name = "fused_exp",
    .formula = "y = e^x",
    .vjp_formula = "dx = g y",
    .infer = [](const InferCall& c) -> Inferred {
      return {c.shape(0), c.float_input(0)};
    },
    .reads = kReadsOutput,
    .forward = [](const ForwardCall& c) -> Forward { return gradus::exp(c.in(0)); },
    .vjp_kernel =
        [](const KernelCall& c) { return std::vector<Tensor>{gradus::mul(c.cotangent, c.out)}; },
    .reference = [](std::span<const Var> in, const Attrs&) -> Var { return exp(in[0]); }};

const OpDef kKernelOnly{
    .name = "kernel_only",
    .formula = "y = 2 x",
    .infer = [](const InferCall& c) -> Inferred {
      return {c.shape(0), c.float_input(0)};
    },
    .forward = [](const ForwardCall& c) -> Forward { return gradus::mul(c.in(0), 2); },
    .vjp_kernel =
        [](const KernelCall& c) { return std::vector<Tensor>{gradus::mul(c.cotangent, 2)}; }};

Var square_mul(At a, const Var& b) { return apply(kSquareMul, {a, b}, {}, a.where); }

}  // namespace

TEST_CASE("a plain pass runs the kernel, for the wanted inputs only") {
  const Var a = leaf(t2(1, 2)), b(t2(3, 4));
  kernel_runs = 0;
  const Var y = square_mul(a, b);
  CHECK(y.op()->name == "square_mul");
  const Gradients g = backward(sum(y));
  CHECK(kernel_runs == 1);
  CHECK(g.of(a).at({1}) == 2 * 2 * 4);
  CHECK_FALSE(g.has(b));
}

TEST_CASE("Fusion::off records the reference, with its names and the caller's line") {
  const FusionGuard off(Fusion::off);
  const ScopeGuard scope("model");
  const Var a = leaf(t2(1, 2)), b = leaf(t2(3, 4));
  const Var y = square_mul(a, b);
  const int line = __LINE__ - 1;
  CHECK(y.op()->name == "mul");
  const Var inner = y.inputs().at(0);
  CHECK(inner.label() == "model/inner");
  CHECK(inner.where().line == line);
  const Gradients g = backward(sum(y), {.keep = KeepGrads::named});
  CHECK(g.by_name("model/inner").at({0}) == 3);
  CHECK(g.of(b).at({1}) == 4);
}

TEST_CASE("under Fusion::off wrong inputs are still the fused op's error") {
  const FusionGuard off(Fusion::off);
  try {
    square_mul(leaf(t2(1, 2)), leaf(zeros({3}, DType::f64)));
    FAIL("no error");
  } catch (const ShapeError& e) {
    CHECK(e.op() == "square_mul");
    CHECK(e.rule() == "shapes differ: (2) and (3)");
  }
}

TEST_CASE("fused and reference agree, at order 1 and 2") {
  const Var a = leaf(t2(0.5, -2)), b = leaf(t2(3, 4));
  const auto orders = [&] {
    const Var y = sum(square_mul(a, b));
    const std::vector<Var> first = grad(y, {a, b}, {.create_graph = true});
    const std::vector<Var> second = grad(sum(first[0] * first[1]), {a, b});
    return std::vector<Tensor>{first[0].value(), first[1].value(), second[0].value(),
                               second[1].value()};
  };
  const std::vector<Tensor> fused = orders();
  const FusionGuard off(Fusion::off);
  const std::vector<Tensor> plain = orders();
  for (std::size_t i = 0; i < fused.size(); ++i) CHECK(all_close(fused[i], plain[i], 1e-14));
}

TEST_CASE("create_graph where one input depends on the other: nothing is counted twice") {
  const Var a = leaf(scalar(3, DType::f64));
  const Var b = exp(a);
  const Var y = square_mul(a, b);  // a^2 e^a
  const Var first = grad(y, {a}, {.create_graph = true})[0];
  CHECK(first.item() == doctest::Approx((6 + 9) * std::exp(3.0)));
  CHECK(grad(first, {a})[0].item() == doctest::Approx((2 + 12 + 9) * std::exp(3.0)));
  // The same Var twice: a^3.
  const Var cube = square_mul(a, a);
  const Var d = grad(cube, {a}, {.create_graph = true})[0];
  CHECK(d.item() == 27);
  CHECK(grad(d, {a})[0].item() == 18);
}

TEST_CASE("create_graph with an input that the vjp does not read and that is gone") {
  const Var w = leaf(t2(1, 2));
  const Var y = apply(kAddTriple, {scale(w, 2), scale(w, 5)});
  REQUIRE_FALSE(y.inputs().at(0).has_value());
  const Var u = leaf(t2(1, 1));
  const Var first = grad(y, {w}, {.create_graph = true}, u)[0];  // 17 u
  CHECK(first.value().at({1}) == 17);
  CHECK(grad(sum(first), {u})[0].value().at({0}) == 17);
}

TEST_CASE("create_graph where the vjp reads the output and the input is gone: said, not guessed") {
  const Var w = leaf(t2(1, 2), "w");
  const Var kept = scale(w, 2);
  const Var first = grad(sum(apply(kFusedExp, {kept})), {kept}, {.create_graph = true})[0];
  CHECK(grad(sum(first), {kept})[0].value().at({0}) == doctest::Approx(std::exp(2.0)));

  const Var y = sum(apply(kFusedExp, {scale(w, 2).named("x")}));
  CHECK(backward(y).of(w).at({0}) == doctest::Approx(2 * std::exp(2.0)));  // a plain pass can
  try {
    grad(y, {w}, {.create_graph = true});
    FAIL("no error");
  } catch (const GraphError& e) {
    CHECK(e.rule() ==
          "differentiating 'fused_exp' under create_graph needs the value of 'x', which was "
          "dropped: its vjp reads the output or saved tensors instead; keep a Var on it, or record "
          "under RetainGuard(Retain::all) or FusionGuard(Fusion::off)");
  }
  const RetainGuard all(Retain::all);
  const Var z = sum(apply(kFusedExp, {scale(w, 2)}));
  const Var dz = grad(z, {w}, {.create_graph = true})[0];
  CHECK(grad(sum(dz), {w})[0].value().at({0}) == doctest::Approx(4 * std::exp(2.0)));
}

TEST_CASE("a kernel without a reference cannot be differentiated twice") {
  const Var w = leaf(t2(1, 2));
  const Var y = sum(apply(kKernelOnly, {w}));
  CHECK(backward(y).of(w).at({0}) == 2);
  CHECK_THROWS_AS(grad(y, {w}, {.create_graph = true}), GraphError);
}

TEST_CASE("hooks see the same nodes whether the pass is plain or creates a graph") {
  const Var a = leaf(t2(1, 2)), b = leaf(t2(3, 4));
  const Var y = sum(square_mul(a, b));
  for (bool create_graph : {false, true}) {
    int grads = 0, values = 0;
    const HookHandle g = on_grad("*", [&](GradEvent&) { ++grads; });
    const HookHandle v = on_value("*", [&](ValueEvent&) { ++values; });
    grad(y, {a, b}, {.create_graph = create_graph});
    CHECK(grads == 4);  // sum, square_mul, a, b
    CHECK(values == 0);
  }
}
