// backward(std::move(loss)) frees each node as soon as its vjp has run; while a handle lives
// nothing is freed and the pass may be repeated.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "autograd/observe.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "tensor/memory.h"

using namespace gradus;

namespace {

constexpr int kBlocks = 24;
constexpr std::uint64_t kBytes = 64 << 10;

/// Three ops a block; only tanh's output is read by a vjp.
Var chain(Var x) {
  for (int i = 0; i < kBlocks; ++i) x = tanh(scale(shift(x, 0.1), 0.9));
  return sum(x);
}
Var input() { return leaf(zeros({static_cast<int64>(kBytes / sizeof(double))}, DType::f64)); }
std::uint64_t live() { return pool_stats().live_bytes; }

/// Live bytes when the backward pass has reached the leaf, and the peak from forward to there.
struct Measured {
  std::uint64_t at_leaf = 0, peak = 0;
};
Measured measure(bool move, Retain retain) {
  const RetainGuard guard(retain);
  const Var w = input();
  const std::uint64_t before = live();
  Measured m;
  const HookHandle hook = on_grad(w, [&](GradEvent&) { m.at_leaf = live() - before; });
  pool_reset_peak();
  Var loss = chain(w);
  if (move)
    backward(std::move(loss));
  else
    backward(loss);
  m.peak = pool_stats().peak_live_bytes - before;
  return m;
}

}  // namespace

TEST_CASE("backward of a moved loss frees as it goes") {
  const Measured moved = measure(true, Retain::needed);
  const Measured kept = measure(false, Retain::needed);
  const Measured all = measure(true, Retain::all);
  MESSAGE("peak bytes: moved " << moved.peak << ", kept " << kept.peak << ", Retain::all "
                               << all.peak);
  CHECK(moved.at_leaf < 6 * kBytes);       // the cotangents on their way
  CHECK(kept.at_leaf > kBlocks * kBytes);  // every output of tanh
  CHECK(all.peak > 2 * moved.peak);        // three values a block instead of one
}

TEST_CASE("a moved loss leaves an empty handle and nothing in the pool") {
  const std::uint64_t before = live();
  {
    const Var w = input();
    Var loss = chain(w);
    backward(std::move(loss));
    CHECK_FALSE(loss.defined());  // NOLINT: moved from on purpose
    CHECK_THROWS_AS(loss.value(), GraphError);
  }
  CHECK(live() == before);
}

TEST_CASE("a second backward works while a handle lives, with the same bits") {
  const Var w = leaf(tensor({0.3, -0.2, 0.7}, {3}, DType::f64));
  const Var loss = sum(exp(tanh(w)) * w);
  const Tensor first = backward(loss).of(w), second = backward(loss).of(w);
  CHECK(same_bits(first, second));
}

TEST_CASE("an inner handle keeps its part of the graph through a moved backward") {
  const Var w = leaf(tensor({0.5, 2}, {2}, DType::f64));
  const Var inner = square(w);
  Var loss = sum(exp(inner));
  backward(std::move(loss));
  CHECK(inner.value().at({1}) == 4);
  CHECK(backward(sum(inner)).of(w).at({1}) == 4);
}

TEST_CASE("two losses share a part of the graph; each can be moved in its turn") {
  const Var w = leaf(scalar(0.5, DType::f64));
  Var shared = exp(w);
  Var a = square(shared), b = tanh(shared);
  shared.reset();
  const double da = backward(std::move(a)).of(w).item();
  const double db = backward(std::move(b)).of(w).item();
  CHECK(da == doctest::Approx(2 * std::exp(1.0)));
  const double t = std::tanh(std::exp(0.5));
  CHECK(db == doctest::Approx((1 - t * t) * std::exp(0.5)));
}

TEST_CASE("wide fan-out: one leaf, many consumers, freed as they go") {
  const Var w = leaf(scalar(1.5, DType::f64));
  Var total = scale(w, 0);
  constexpr int kWide = 5000;
  for (int i = 0; i < kWide; ++i) total = total + w * w;
  const Gradients g = backward(std::move(total));
  CHECK(g.of(w).item() == doctest::Approx(2 * 1.5 * kWide));
}

TEST_CASE("the loss may be a leaf, a size-1 tensor of any rank, or come with its cotangent") {
  const Var w = leaf(scalar(2, DType::f64));
  CHECK(backward(w).of(w).item() == 1);
  const Var v = leaf(ones({1, 1}, DType::f64));
  CHECK(backward(square(v)).of(v).at({0, 0}) == 2);
  const Var x = leaf(tensor({1, 2}, {2}, DType::f64));
  const Gradients g = backward(square(x), tensor({1, 10}, {2}, DType::f64));
  CHECK(g.of(x).at({0}) == 2);
  CHECK(g.of(x).at({1}) == 40);
  const Var none = leaf(zeros({0, 3}, DType::f64));
  CHECK(backward(sum(square(none))).of(none).shape() == Shape{0, 3});
}

TEST_CASE("a loss of many elements needs a cotangent, and the cotangent must fit") {
  const Var x = leaf(zeros({2, 3}, DType::f64), "x");
  CHECK_THROWS_WITH_AS(backward(exp(x).named("y")),
                       "only a tensor of one element has a gradient by itself, 'y' is (2, 3); "
                       "reduce it with sum or mean, or pass a cotangent of its shape",
                       ShapeError);
  CHECK_THROWS_AS(backward(exp(x), zeros({3}, DType::f64)), ShapeError);
  CHECK_THROWS_AS(backward(exp(x), zeros({2, 3}, DType::f32)), DTypeError);
  CHECK_THROWS_AS(backward(Var()), GraphError);
}
