// Hooks on values: read or replace a forward value, by name pattern when it gets its name, by Var
// where it is used. A replacement is an op of its own in the graph.
#include <doctest/doctest.h>

#include "autograd/backward.h"
#include "autograd/observe.h"
#include "autograd/ops.h"
#include "autograd/record.h"

using namespace gradus;

namespace {
Tensor t2(double a, double b) { return tensor({a, b}, {2}, DType::f64); }
}  // namespace

TEST_CASE("by pattern: a reading hook changes nothing") {
  const Var w = leaf(t2(1, 2));
  std::vector<std::string> seen;
  const HookHandle h = on_value("model/*", [&](ValueEvent& e) { seen.push_back(e.node.label()); });
  const ScopeGuard scope("model");
  const Var a = square(w).named("a"), b = exp(a);
  CHECK(seen == std::vector<std::string>{"model/a"});
  CHECK(a.op()->name == "square");
  CHECK(b.inputs().at(0) == a);
}

TEST_CASE("by pattern: a replacement by a constant stops the gradient there") {
  const Var w = leaf(t2(1, 2));
  const HookHandle h = on_value("a", [](ValueEvent& e) { e.replace(Var(t2(10, 20))); });
  const Var a = square(w).named("a");
  CHECK(a.op()->name == "replace_value");
  CHECK(a.label() == "a");
  CHECK(a.value().at({1}) == 20);
  const Var loss = sum(a) + sum(w);
  CHECK(backward(loss).of(w).at({0}) == 1);
}

TEST_CASE("by pattern: a replacement computed from the old value carries its gradient") {
  const Var w = leaf(t2(1, 2));
  const HookHandle h = on_value("a", [](ValueEvent& e) { e.replace(scale(e.node, 3)); });
  const Var a = square(w).named("a");
  const Gradients g = backward(sum(a), {.keep = KeepGrads::named});
  CHECK(g.of(w).at({1}) == 3 * 4);
  CHECK(same_bits(g.of(a), g.by_name("a")));  // the name stands for the replacement alone
}

TEST_CASE("by Var: every later use sees the replacement, made once") {
  const Var w = leaf(t2(1, 2)), a = square(w);
  const Var before = sum(a);
  int fired = 0;
  const HookHandle h = on_value(a, [&](ValueEvent& e) {
    ++fired;
    e.replace(scale(e.node, 10));
  });
  const Var b = exp(scale(a, 0)), c = sum(a);
  CHECK(fired == 1);
  CHECK(before.item() == 5);
  CHECK(c.item() == 50);
  CHECK(backward(c).of(w).at({0}) == 20);
  CHECK(b.value().at({0}) == 1);
}

TEST_CASE("by Var: the replacement stands under the label of what it replaces") {
  const Var w = leaf(t2(1, 2));
  Var a;
  {
    const ScopeGuard scope("model");
    a = square(w).named("a");
  }
  const HookHandle h = on_value(a, [&](ValueEvent& e) { e.replace(Var(t2(0, 0))); });
  const RetainGuard all(Retain::all);
  const ScopeGuard scope("elsewhere");
  const Var b = exp(a);
  CHECK(b.inputs().at(0).label() == "model/a");
  CHECK(b.inputs().at(0).op()->name == "replace_value");
}

TEST_CASE("two hooks on one node work in order, on each other's results") {
  const Var w = leaf(t2(1, 1));
  const auto twice = [](ValueEvent& e) { e.replace(scale(e.node, 2)); };
  const auto add_one = [](ValueEvent& e) { e.replace(shift(e.node, 1)); };
  SUBCASE("by Var") {
    const HookHandle a = on_value(w, twice), b = on_value(w, add_one);
    CHECK(sum(w).item() == 6);
    CHECK(sum(w).item() == 6);  // the second use
    CHECK(backward(sum(w)).of(w).at({0}) == 2);
  }
  SUBCASE("by pattern") {
    const HookHandle b = on_value("h", add_one), a = on_value("h", twice);
    CHECK(sum(scale(w, 1).named("h")).item() == 8);
  }
}

TEST_CASE("a removed hook leaves later uses alone") {
  const Var w = leaf(t2(1, 1));
  HookHandle h = on_value(w, [](ValueEvent& e) { e.replace(Var(t2(5, 5))); });
  CHECK(sum(w).item() == 10);
  h.remove();
  CHECK(sum(w).item() == 2);
}

TEST_CASE("another shape or dtype is refused") {
  const Var w = leaf(t2(1, 1));
  {
    const HookHandle h = on_value("h", [](ValueEvent& e) { e.replace(Var(scalar(1))); });
    CHECK_THROWS_AS(exp(w).named("h"), ShapeError);
  }
  const HookHandle h = on_value("h", [](ValueEvent& e) { e.replace(Var(zeros({2}, DType::f32))); });
  CHECK_THROWS_WITH_AS(exp(w).named("h"),
                       "a hook replaced the value of 'h', f64, by one of dtype f32", DTypeError);
}

TEST_CASE("names given inside a hook fire no hook") {
  int fired = 0;
  const Var w = leaf(t2(1, 1));
  const HookHandle h = on_value("*", [&](ValueEvent& e) {
    ++fired;
    e.replace(scale(e.node, 2).named("inner"));
  });
  CHECK(exp(w).named("h").label() == "h");
  CHECK(fired == 1);
}

TEST_CASE("by Var: a first use under NoGrad does not cost a later one its gradient") {
  const Var w = leaf(t2(1, 1));
  const HookHandle h = on_value(w, [](ValueEvent& e) { e.replace(scale(e.node, 2)); });
  {
    const NoGrad off;
    CHECK(sum(w).item() == 4);
  }
  CHECK(backward(sum(w)).of(w).at({0}) == 2);
}

TEST_CASE("a replacement works under NoGrad too") {
  const NoGrad off;
  const HookHandle h = on_value("h", [](ValueEvent& e) { e.replace(Var(t2(5, 5))); });
  CHECK(sum(exp(leaf(t2(1, 1))).named("h")).item() == 10);
}
