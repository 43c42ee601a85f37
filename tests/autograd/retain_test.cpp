// Retain::needed drops a value as soon as no vjp reads it and no handle holds it.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "autograd/ops.h"
#include "autograd/record.h"

using namespace gradus;

namespace {
Var w3(const char* name = "w") { return leaf(tensor({0.1, 0.2, 0.3}, {3}, DType::f64), name); }
}  // namespace

TEST_CASE("a value that no vjp reads goes with its last handle") {
  const Var w = w3();
  const Var y = exp(scale(w, 2));  // exp reads its output, scale nothing
  const Var inner = y.inputs().at(0);
  CHECK_FALSE(inner.has_value());
  CHECK(inner.shape() == Shape{3});
  CHECK(inner.dtype() == DType::f64);
  CHECK(backward(sum(y)).of(w).at({0}) == doctest::Approx(2 * std::exp(0.2)));
}

TEST_CASE("reading a dropped value says what to do") {
  Var y;
  {
    const ScopeGuard scope("model");
    y = exp(scale(w3(), 2).named("scaled"));
  }
  CHECK_THROWS_WITH_AS(
      y.inputs().at(0).value(),
      "the value of 'model/scaled' (3) was dropped: no vjp reads it and no handle held it; keep a "
      "Var on it, or record under RetainGuard(Retain::all)",
      GraphError);
}

TEST_CASE("a handle keeps the value, also one taken before the consumer existed") {
  const Var w = w3();
  const Var inner = scale(w, 2);
  const Var y = exp(inner);
  CHECK(y.inputs().at(0).has_value());
  CHECK(inner.value().at({2}) == 0.6);
}

TEST_CASE("a value that a vjp reads stays without a handle") {
  const Var y = square(scale(w3(), 2));
  CHECK(y.inputs().at(0).has_value());
}

TEST_CASE("the value goes when the only reader goes") {
  const Var w = w3();
  Var inner = scale(w, 2);
  Var reader = square(inner);
  const Var other = shift(inner, 1);  // keeps the node, not the value
  inner.reset();
  CHECK(other.inputs().at(0).has_value());
  reader.reset();
  CHECK_FALSE(other.inputs().at(0).has_value());
}

TEST_CASE("Retain::all keeps every value, and the links of constants") {
  const RetainGuard all(Retain::all);
  const Var y = exp(scale(w3(), 2));
  CHECK(y.inputs().at(0).has_value());
  const Var c = exp(constant(scalar(1.0), "c"));
  REQUIRE(c.inputs().size() == 1);
  CHECK(c.inputs()[0].name() == "c");
}

TEST_CASE("under Retain::needed a constant has no links and keeps nothing") {
  const Var c = exp(scale(constant(scalar(1.0)), 2));
  CHECK(c.inputs().empty());
  CHECK(c.has_value());
}

TEST_CASE("guards nest and end in any block, also by an exception") {
  CHECK(recording().retain == Retain::needed);
  try {
    const RetainGuard all(Retain::all);
    const NoGrad off;
    CHECK_FALSE(recording().grad);
    CHECK(recording().retain == Retain::all);
    throw 1;
  } catch (int) {
  }
  CHECK(recording().grad);
  CHECK(recording().retain == Retain::needed);
  CHECK(recording().fusion == Fusion::on);
}
