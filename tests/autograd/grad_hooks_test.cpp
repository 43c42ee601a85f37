// Hooks on gradients: once a node, on the summed cotangent, in order of registration.
#include <doctest/doctest.h>

#include "autograd/backward.h"
#include "autograd/observe.h"
#include "autograd/ops.h"
#include "autograd/record.h"

using namespace gradus;

namespace {
Tensor t2(double a, double b) { return tensor({a, b}, {2}, DType::f64); }
}  // namespace

TEST_CASE("a hook sees the sum over all consumers, once") {
  const Var w = leaf(t2(1, 2)), h = exp(w);
  int fired = 0;
  const HookHandle hook = on_grad(h, [&](GradEvent& e) {
    ++fired;
    CHECK(e.node == h);
    CHECK(e.value().at({0}) == 5);
  });
  backward(sum(h) + sum(scale(h, 4)));
  CHECK(fired == 1);
}

TEST_CASE("a replaced cotangent goes on, and is what of() returns") {
  const Var w = leaf(t2(1, 2)), h = scale(w, 3);
  const HookHandle hook = on_grad(h, [](GradEvent& e) { e.replace(scale(e.cotangent(), 10)); });
  const Gradients g = backward(sum(h), {.keep = KeepGrads::all});
  CHECK(g.of(h).at({0}) == 10);
  CHECK(g.of(w).at({0}) == 30);
  CHECK(grad(sum(h), {h})[0].value().at({0}) == 10);
}

TEST_CASE("a hook on a leaf replaces its gradient") {
  const Var w = leaf(t2(1, 2));
  const HookHandle hook = on_grad(w, [](GradEvent& e) { e.replace(Var(t2(7, 8))); });
  CHECK(backward(sum(w)).of(w).at({1}) == 8);
}

TEST_CASE("patterns match whole labels; '*' crosses scopes") {
  const Var w = leaf(t2(1, 2));
  Var y;
  {
    const ScopeGuard model("model"), layer("layer0");
    y = exp(w).named("scores");
  }
  std::vector<std::string> seen;
  const auto note = [&](const char* tag) {
    return [&seen, tag](GradEvent& e) { seen.push_back(tag + (":" + e.node.label())); };
  };
  const HookHandle a = on_grad("model/*/scores", note("a"));
  const HookHandle b = on_grad("scores", note("b"));
  const HookHandle c = on_grad("*scores", note("c"));
  backward(sum(y));
  CHECK(seen == std::vector<std::string>{"a:model/layer0/scores", "c:model/layer0/scores"});
}

TEST_CASE("order of registration, by Var and by pattern mixed; each sees what the last one made") {
  const Var w = leaf(t2(1, 1)), h = scale(w, 1).named("h");
  const auto add_one = [](GradEvent& e) { e.replace(shift(e.cotangent(), 1)); };
  const auto twice = [](GradEvent& e) { e.replace(scale(e.cotangent(), 2)); };
  {
    const HookHandle a = on_grad("h", add_one), b = on_grad(h, twice);
    CHECK(backward(sum(h)).of(w).at({0}) == 4);
  }
  const HookHandle b = on_grad(h, twice), a = on_grad("h", add_one);
  CHECK(backward(sum(h)).of(w).at({0}) == 3);
}

TEST_CASE("a handle removes its hook; moved handles keep it") {
  const Var w = leaf(t2(1, 1));
  int fired = 0;
  HookHandle kept;
  {
    HookHandle h = on_grad(w, [&](GradEvent&) { ++fired; });
    kept = std::move(h);
  }
  backward(sum(w));
  CHECK(fired == 1);
  kept.remove();
  kept.remove();
  backward(sum(w));
  CHECK(fired == 1);
}

TEST_CASE("a hook may remove itself and others while it runs") {
  const Var w = leaf(t2(1, 1));
  int fired = 0;
  HookHandle a, b, c;
  a = on_grad(w, [&](GradEvent&) { ++fired, a.remove(), b.remove(); });
  b = on_grad(w, [&](GradEvent&) { fired += 10; });
  c = on_grad(w, [&](GradEvent&) { fired += 100; });
  backward(sum(w));
  CHECK(fired == 101);
  backward(sum(w));
  CHECK(fired == 201);
}

TEST_CASE("another shape or dtype is refused, with both") {
  const Var w = leaf(t2(1, 1), "w");
  {
    const HookHandle h = on_grad(w, [](GradEvent& e) { e.replace(Var(zeros({3}, DType::f64))); });
    CHECK_THROWS_WITH_AS(backward(sum(w)),
                         "a hook replaced the cotangent of 'w', (2), by one of shape (3)",
                         ShapeError);
  }
  {
    const HookHandle h = on_grad(w, [](GradEvent& e) { e.replace(Var(zeros({2}, DType::f32))); });
    CHECK_THROWS_WITH_AS(backward(sum(w)),
                         "a hook replaced the cotangent of 'w', f64, by one of dtype f32",
                         DTypeError);
  }
  const HookHandle h = on_grad(w, [](GradEvent& e) { e.replace(Var()); });
  CHECK_THROWS_AS(backward(sum(w)), GraphError);
}

TEST_CASE("under create_graph a replacement is part of the graph") {
  const Var w = leaf(scalar(3, DType::f64)), factor = leaf(scalar(5, DType::f64));
  const Var h = square(w);
  const HookHandle hook = on_grad(h, [&](GradEvent& e) { e.replace(e.cotangent() * factor); });
  const Var first = grad(h, {w}, {.create_graph = true})[0];  // factor 2 w
  CHECK(first.item() == 30);
  CHECK(grad(first, {factor})[0].item() == 6);
}

TEST_CASE("in a plain pass a hook makes constants") {
  const Var w = leaf(scalar(3, DType::f64)), factor = leaf(scalar(5, DType::f64));
  const Var h = square(w);
  const HookHandle hook = on_grad(h, [&](GradEvent& e) {
    e.replace(e.cotangent() * factor);
    CHECK_FALSE(e.cotangent().requires_grad());
  });
  CHECK_FALSE(grad(h, {w})[0].requires_grad());
}

TEST_CASE("no hook fires on what a hook or a vjp computes") {
  const Var w = leaf(t2(1, 2));
  int grads = 0, values = 0;
  const HookHandle all = on_grad("*", [&](GradEvent& e) {
    ++grads;
    const Var x = leaf(t2(1, 1));
    backward(sum(exp(x).named("inside")));
    e.replace(scale(e.cotangent(), 1));
  });
  const HookHandle v = on_value("*", [&](ValueEvent&) { ++values; });
  const HookHandle u = on_value(w, [&](ValueEvent&) { ++values; });
  const Var y = sum(square(w));  // one value hook: the use of w
  grad(y, {w}, {.create_graph = true});
  CHECK(grads == 3);  // sum, square, w
  CHECK(values == 1);
}

TEST_CASE("what a hook throws leaves the pass unchanged and the state as it was") {
  const Var w = leaf(t2(1, 2)), loss = sum(square(w));
  {
    const HookHandle h = on_grad(w, [](GradEvent&) { throw std::runtime_error("from the hook"); });
    CHECK_THROWS_WITH_AS(backward(loss), "from the hook", std::runtime_error);
  }
  CHECK(recording().grad);
  CHECK(current_scope().empty());
  CHECK(square(w).requires_grad());
  CHECK(backward(loss).of(w).at({1}) == 4);
}

TEST_CASE("a hook on a node outside the pass stays silent") {
  const Var w = leaf(t2(1, 2)), other = exp(w);
  int fired = 0;
  const HookHandle h = on_grad(other, [&](GradEvent&) { ++fired; });
  backward(sum(square(w)));
  CHECK(fired == 0);
}
