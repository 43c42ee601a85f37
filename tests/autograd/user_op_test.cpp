// An OpDef made in a user's program is as good as ours; what it gets wrong is said.
#include <doctest/doctest.h>

#include "autograd/backward.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "tensor/elementwise.h"
#include "tensor/memory.h"

using namespace gradus;

namespace {

Tensor t2(double a, double b) { return tensor({a, b}, {2}, DType::f64); }
Inferred same(const InferCall& c) { return {c.shape(0), c.float_input(0)}; }
Forward identity(const ForwardCall& c) { return copy(c.in(0)); }

/// y = x^3 with a saved square.
const OpDef kCube{.name = "cube",
                  .formula = "y = x^3",
                  .vjp_formula = "dx = 3 g x^2",
                  .infer = same,
                  .reads = reads_input(0),
                  .forward = [](const ForwardCall& c) -> Forward {
                    Tensor s = gradus::square(c.in(0));
                    return Forward(gradus::mul(s, c.in(0)), {s});
                  },
                  .vjp = [](const VjpCall& c, const Var& g) -> Grads {
                    CHECK(c.saved().size() == 1);
                    return g * square(c.in(0)) * c.attrs().real("factor");
                  }};
Var cube(At x) { return apply(kCube, {x}, {{"factor", 3.0}}, x.where); }

template <class F>
std::string rule_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.rule();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a user's op: forward, vjp, second order, attributes, saved tensors") {
  const Var x = leaf(t2(2, -1));
  const Var first = grad(sum(cube(x)), {x}, {.create_graph = true})[0];
  CHECK(first.value().at({0}) == 12);
  CHECK(grad(sum(first), {x})[0].value().at({0}) == 12);
  CHECK(cube(x).attrs().text() == "factor=3");
}

TEST_CASE("saved tensors go where nothing wants a gradient") {
  const NoGrad off;
  CHECK(cube(leaf(t2(1, 2))).node().saved.empty());
}

TEST_CASE("a vjp of the wrong count, shape or dtype is refused") {
  OpDef op{.name = "mine", .infer = same, .forward = identity};
  const Var x = leaf(t2(1, 2));
  const auto run = [&] { backward(sum(apply(op, {x}))); };
  op.vjp = [](const VjpCall&, const Var& g) -> Grads { return Grads(g, g); };
  CHECK(rule_of(run) == "the vjp of 'mine' returned 2 cotangents for 1 inputs");
  CHECK_THROWS_AS(run(), GraphError);
  op.vjp = [](const VjpCall&, const Var&) -> Grads { return Grads(); };
  CHECK(rule_of(run) == "the vjp of 'mine' returned 0 cotangents for 1 inputs");
  op.vjp = [](const VjpCall&, const Var& g) -> Grads { return unsqueeze(g, 0); };
  CHECK(rule_of(run) == "the vjp of 'mine' returned shape (1, 2) for input 0 of shape (2)");
  CHECK_THROWS_AS(run(), ShapeError);
  op.vjp = [](const VjpCall&, const Var& g) -> Grads { return cast(g, DType::f32); };
  CHECK(rule_of(run) == "the vjp of 'mine' returned f32 for input 0 of dtype f64");
  op.vjp = nullptr;
  op.vjp_kernel = [](const KernelCall&) { return std::vector<Tensor>(3); };
  CHECK(rule_of(run) == "the vjp of 'mine' returned 3 cotangents for 1 inputs");
}

TEST_CASE("a vjp that reads what it does not declare is a bug that is named") {
  OpDef op{.name = "mine", .infer = same, .forward = identity};
  const Var x = leaf(t2(1, 2));
  const auto run = [&] { backward(sum(apply(op, {x}))); };
  op.vjp = [](const VjpCall& c, const Var& g) -> Grads { return g * c.in(0); };
  CHECK(rule_of(run) ==
        "bug in gradus: the vjp of 'mine' looks at input 0, which its `reads` does not declare");
  op.vjp = [](const VjpCall& c, const Var& g) -> Grads { return g * c.out(); };
  CHECK_THROWS_AS(run(), InternalError);
  const RetainGuard all(Retain::all);  // nor where the value happens to be there
  CHECK_THROWS_AS(run(), InternalError);
}

TEST_CASE("an op without a vjp works until somebody differentiates it") {
  const OpDef op{.name = "mine", .infer = same, .forward = identity};
  const Var x = leaf(t2(1, 2));
  CHECK(apply(op, {x}).value().at({1}) == 2);
  CHECK(rule_of([&] { backward(sum(apply(op, {x}))); }) ==
        "'mine' has no vjp: no gradient flows through it; use stop_gradient where none should");
  CHECK(rule_of([&] { apply(OpDef{.name = "empty"}, {x}); }) ==
        "this op has no infer or no forward");
}

TEST_CASE("forward must keep what infer promised") {
  const Var x = leaf(t2(1, 2));
  const OpDef other{.name = "mine",
                    .infer = [](const InferCall&) -> Inferred {
                      return {{3}, DType::f64};
                    },
                    .forward = identity};
  CHECK(rule_of([&] { apply(other, {x}); }) ==
        "bug in gradus: infer of 'mine' said f64 (3), forward made f64 (2)");
  const OpDef none{.name = "mine", .infer = same, .forward = [](const ForwardCall&) -> Forward {
                     return Tensor();
                   }};
  CHECK(rule_of([&] { apply(none, {x}); }) == "forward returned no tensor");
}

TEST_CASE("an op of many inputs, and one input given many times") {
  static const OpDef total{.name = "total",
                           .infer = same,
                           .forward = [](const ForwardCall& c) -> Forward {
                             Tensor t = c.in(0);
                             for (int i = 1; i < c.count(); ++i) t = gradus::add(t, c.in(i));
                             return t;
                           },
                           .vjp = [](const VjpCall& c, const Var& g) -> Grads {
                             return Grads(std::vector<Var>(static_cast<std::size_t>(c.count()), g));
                           }};
  const Var x = leaf(t2(1, 2)), y = leaf(t2(3, 4));
  std::vector<Var> in(40, x);
  in.push_back(y);
  const Gradients g = backward(sum(gradus::apply(total, in)));
  CHECK(g.of(x).at({0}) == 40);
  CHECK(g.of(y).at({0}) == 1);
  CHECK(Grads(x, x, x, x, x, y)[5] == y);
  CHECK(Grads(x, y)[1] == y);
}

TEST_CASE("an exception in the middle of backward leaks nothing and restores the state") {
  OpDef op{.name = "mine", .infer = same, .forward = identity};
  op.vjp = [](const VjpCall&, const Var&) -> Grads { throw std::runtime_error("no"); };
  const Var x = leaf(t2(1, 2));
  const std::uint64_t before = pool_stats().live_bytes;
  for (bool create_graph : {false, true}) {
    const ScopeGuard scope("here");
    Var h = exp(x);
    const Var loss = sum(square(apply(op, {h})) + tanh(h));
    CHECK_THROWS_AS(grad(loss, {x}, {.create_graph = create_graph}), std::runtime_error);
    CHECK(current_scope() == "here");
    CHECK(recording().grad);
    CHECK(recording().retain == Retain::needed);
    CHECK(backward(sum(tanh(h))).has(x));
  }
  CHECK_THROWS_AS(backward(sum(apply(op, {exp(x)}))), std::runtime_error);  // a moved loss too
  CHECK(pool_stats().live_bytes == before);
}
