// No recursion over graphs: 10^6 nodes are built, walked, dumped, printed and freed in loops.
#include <doctest/doctest.h>

#include "autograd/backward.h"
#include "autograd/inspect.h"
#include "autograd/ops.h"
#include "autograd/record.h"

using namespace gradus;

namespace {
Var long_chain(Var x, int n) {
  for (int i = 0; i < n; ++i) x = neg(x);
  return x;
}
}  // namespace

TEST_CASE("a chain of 10^6 nodes is built, differentiated and freed") {
  constexpr int kNodes = 1'000'000;
  const Var w = leaf(scalar(0.5, DType::f64), "w");
  Var y = long_chain(w, kNodes);
  CHECK(backward(y).of(w).item() == 1);             // kept
  CHECK(backward(std::move(y)).of(w).item() == 1);  // freed on the way
}

TEST_CASE("nodes whose creation numbers are eight apart are found") {
  const Var w = leaf(scalar(0.5, DType::f64));
  Var y = w;
  for (int i = 0; i < 200; ++i) {
    for (int other = 0; other < 7; ++other) Var(scalar(1, DType::f64));
    y = neg(y);
  }
  CHECK(backward(y).of(w).item() == 1);
}

TEST_CASE("a deep chain that nobody differentiates is freed by its last handle") {
  const Var w = leaf(scalar(0.5, DType::f64));
  Var y = long_chain(w, 200'000);
  y.reset();
  CHECK_FALSE(y.defined());
}

TEST_CASE("a deep graph is dumped and printed") {
  constexpr int kNodes = 100'000;  // deep enough for any recursion to overflow the stack
  const Var w = leaf(scalar(0.5, DType::f64));
  const Var y = long_chain(w, kNodes);
  const GraphDump d = dump(y);
  REQUIRE(d.nodes.size() == kNodes + 1);
  CHECK(d.root == y.id());
  CHECK(d.nodes.front().id == w.id());
  CHECK(to_dot(d).size() > kNodes);
  CHECK(why_no_gradient(y, w).find("has a gradient") != std::string::npos);
}

TEST_CASE("a deep graph is differentiable twice") {
  const Var w = leaf(scalar(1.0, DType::f64));
  Var y = w;
  for (int i = 0; i < 20'000; ++i) y = y * w;
  const Var first = grad(y, {w}, {.create_graph = true})[0];
  CHECK(first.item() == 20'001);
  CHECK(grad(first, {w})[0].item() == doctest::Approx(20'001.0 * 20'000));
}
