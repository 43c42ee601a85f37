// Gradients: numbers by Var, by name and by parameter path.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "autograd/ops.h"
#include "autograd/record.h"

using namespace gradus;

namespace {
Tensor t2(double a, double b) { return tensor({a, b}, {2}, DType::f64); }

struct Model {
  Var w = parameter_leaf(t2(1, 2), "model/w");
  Var x = leaf(t2(3, 4), "x");
  Var loss() const {
    const ScopeGuard scope("model");
    const Var h = (w * x).named("h");
    return sum(square(h)).named("loss");
  }
};
}  // namespace

TEST_CASE("of() and by_name() give the same tensor") {
  const Model m;
  const Gradients g = backward(m.loss());
  CHECK(g.of(m.w).at({0}) == 2 * 1 * 9);
  CHECK(same_bits(g.by_name("model/w"), g.of(m.w)));
  CHECK(same_bits(g.by_name("x"), g.of(m.x)));
  CHECK(g.has(m.w));
  CHECK(g.find("model/h") == nullptr);
  CHECK_FALSE(g.empty());
  CHECK(Gradients().empty());
}

TEST_CASE("keep: leaves, named, all") {
  const Model m;
  const Var loss = m.loss();
  const Var h = loss.inputs().at(0).inputs().at(0);
  REQUIRE(h.label() == "model/h");
  const Var squared = loss.inputs().at(0);
  CHECK(backward(loss).entries().size() == 2);
  const Gradients named = backward(loss, {.keep = KeepGrads::named});
  CHECK(named.by_name("model/h").at({1}) == 2 * 8);
  CHECK(named.by_name("model/loss").item() == 1);
  CHECK_FALSE(named.has(squared));
  const Gradients all = backward(loss, {.keep = KeepGrads::all});
  CHECK(all.of(squared).at({0}) == 1);
  CHECK(all.entries().size() == 5);  // w, x, h, square, loss
}

TEST_CASE("a missing gradient says why and where it would be") {
  const Model m;
  const Gradients g = backward(m.loss());
  const Var other = leaf(t2(0, 0), "other"), inner = exp(m.x).named("e");
  CHECK_THROWS_WITH_AS(g.of(other),
                       "there is no gradient of 'other' in these Gradients; see "
                       "why_no_gradient(loss, v)",
                       GraphError);
  CHECK_THROWS_WITH_AS(g.of(inner),
                       "there is no gradient of 'e' in these Gradients; gradients of inner nodes "
                       "are kept under KeepGrads::all, or KeepGrads::named where they have a name",
                       GraphError);
}

TEST_CASE("an unknown name comes with the nearest spelling and the word on fused ops") {
  const Model m;
  const Gradients g = backward(m.loss(), {.keep = KeepGrads::named});
  CHECK_THROWS_WITH_AS(
      g.by_name("model/W"),
      "there is no gradient named 'model/W' among 4; did you mean 'model/w'?; "
      "inner nodes are kept under KeepGrads::named, and the inner nodes of a fused "
      "op exist only under FusionGuard(Fusion::off)",
      GraphError);
}

TEST_CASE("two nodes of one name are not told apart by it") {
  const Var w = leaf(t2(1, 2));
  const Var a = exp(w).named("h"), b = square(w).named("h");
  const Gradients g = backward(sum(a + b), {.keep = KeepGrads::named});
  CHECK_THROWS_WITH_AS(g.by_name("h"), "2 nodes are named 'h'; ask with of(v)", GraphError);
  CHECK(g.of(a).at({0}) == 1);
}

TEST_CASE("+= adds by path across the leaves of a slot, others by node") {
  const Var first = parameter_leaf(t2(1, 2), "model/w");
  const Var second = parameter_leaf(t2(10, 20), "model/w");  // what an optimizer step puts there
  Gradients g = backward(sum(square(first)));
  g += backward(sum(square(second)));
  CHECK(g.entries().size() == 1);
  CHECK(g.by_name("model/w").at({1}) == 2 * 2 + 2 * 20);
  CHECK(same_bits(g.of(first), g.of(second)));
  const Var third = parameter_leaf(t2(0, 0), "model/w");
  CHECK(g.has(third));
  CHECK(g.of(third).at({0}) == 22);

  const Var a = leaf(t2(1, 1), "a"), b = leaf(t2(1, 1), "a");
  Gradients h = backward(sum(a));
  h += backward(sum(b));
  CHECK(h.entries().size() == 2);
  h += h;
  CHECK(h.of(a).at({0}) == 2);
  h *= 0.25;
  CHECK(h.of(b).at({1}) == 0.5);
}

TEST_CASE("an old sum never changes what was handed out") {
  const Var w = parameter_leaf(t2(1, 2), "w");
  Gradients g = backward(sum(square(w)));
  const Tensor before = g.of(w);
  const Tensor copy_of_it = copy(before);
  g += backward(sum(square(w)));
  CHECK(same_bits(before, copy_of_it));
  CHECK(g.of(w).at({0}) == 4);
}

TEST_CASE("a parameter and a node of the same label stay apart") {
  const Var w = parameter_leaf(t2(1, 2), "model/w");
  Var h;
  {
    const ScopeGuard scope("model");
    h = scale(w, 3).named("w");
  }
  const Gradients g = backward(sum(h), {.keep = KeepGrads::named});
  CHECK(g.of(w).at({0}) == 3);
  CHECK(g.of(h).at({0}) == 1);
  CHECK(g.find("model/w")->at({0}) == 3);
}

TEST_CASE("two parameters of one path and different shapes are refused") {
  Gradients g = backward(sum(parameter_leaf(t2(1, 2), "model/w")));
  CHECK_THROWS_WITH_AS(g += backward(sum(parameter_leaf(ones({3}, DType::f64), "model/w"))),
                       "two gradients of 'model/w' cannot be added: f64 (2) and f64 (3); two "
                       "parameters with one path?",
                       GraphError);
}

TEST_CASE("global_norm counts the parameters, or all where there are none") {
  const Model m;
  const Gradients g = backward(m.loss());
  const double a = g.of(m.w).at({0}), b = g.of(m.w).at({1});
  CHECK(g.global_norm() == doctest::Approx(std::sqrt(a * a + b * b)));
  const Var x = leaf(t2(3, 4));
  CHECK(backward(sum(scale(square(x), 0.5))).global_norm() == doctest::Approx(5));
  CHECK(Gradients().global_norm() == 0);
}

TEST_CASE("Gradients hold numbers and no nodes") {
  Var w = leaf(t2(1, 2));
  const Gradients g = backward(sum(square(w)), {.keep = KeepGrads::all});
  const int64 id = w.id();
  w.reset();
  CHECK(g.entries().size() == 3);
  CHECK(g.entries().back().id == id);
}
