// grad(): interior targets, repeated targets, cotangents, and derivatives of derivatives.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "autograd/observe.h"
#include "autograd/ops.h"
#include "autograd/record.h"

using namespace gradus;

namespace {
Var number(double x) { return leaf(scalar(x, DType::f64)); }
}  // namespace

TEST_CASE("derivatives of x^4 up to the fourth") {
  const Var x = number(1.5);
  Var y = square(square(x));
  const double expected[] = {4 * std::pow(1.5, 3), 12 * 2.25, 24 * 1.5, 24};
  for (double e : expected) {
    y = grad(y, {x}, {.create_graph = true})[0];
    CHECK(y.item() == doctest::Approx(e));
  }
}

TEST_CASE("without create_graph the results are constants") {
  const Var x = number(2);
  const Var g = grad(exp(x), {x})[0];
  CHECK_FALSE(g.requires_grad());
  CHECK(g.inputs().empty());
}

TEST_CASE("with create_graph it records under NoGrad too, and the guard stays") {
  const Var x = number(2), y = square(x);
  const NoGrad off;
  const Var g = grad(y, {x}, {.create_graph = true})[0];
  CHECK(g.requires_grad());
  CHECK_FALSE(recording().grad);
}

TEST_CASE("targets may be inner nodes, the root, the same twice, or depend on each other") {
  const Var x = number(3), h = square(x), y = h * x;
  const std::vector<Var> g = grad(y, {h, x, h, y});
  CHECK(g[0].item() == 3);
  CHECK(g[1].item() == 27);
  CHECK(g[2].item() == 3);
  CHECK(g[3].item() == 1);
}

TEST_CASE("the cotangent is an input of the derivative") {
  const Var x = leaf(tensor({1, 2}, {2}, DType::f64)), u = leaf(tensor({3, 5}, {2}, DType::f64));
  const Var g = grad(square(x), {x}, {.create_graph = true}, u)[0];  // 2 u x
  const std::vector<Var> second = grad(sum(g), {u, x});
  CHECK(second[0].value().at({1}) == 4);
  CHECK(second[1].value().at({1}) == 10);
  CHECK_THROWS_AS(grad(square(x), {x}, {}, number(1)), ShapeError);
}

TEST_CASE("a mixed second derivative is symmetric") {
  const Var a = number(0.7), b = number(-0.4);
  const Var y = sin(a * b) * exp(a);
  const auto cross = [&](const Var& p, const Var& q) {
    return grad(grad(y, {p}, {.create_graph = true})[0], {q})[0].item();
  };
  CHECK(cross(a, b) == doctest::Approx(cross(b, a)));
}

TEST_CASE("only what leads to a target runs its vjp") {
  const Var a = number(1), b = number(2);
  struct Count : Observer {
    int n = 0;
    void on_vjp(const VjpEvent&) override { ++n; }
  } count;
  const Var y = exp(a) + exp(exp(exp(b)));
  const ObserverGuard guard(count);
  grad(y, {a});
  CHECK(count.n == 2);  // add, exp
}
