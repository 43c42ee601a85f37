// Cotangents are summed in place where nobody else holds the sum; what somebody holds never
// changes.
#include <doctest/doctest.h>

#include "autograd/backward.h"
#include "autograd/observe.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "tensor/memory.h"

using namespace gradus;

namespace {
Tensor t2(double a, double b) { return tensor({a, b}, {2}, DType::f64); }
}  // namespace

TEST_CASE("a cotangent that a vjp handed to two inputs is not changed through one of them") {
  // add gives both inputs the same g: the sum at h must not leak into the gradient of k.
  const Var w = leaf(t2(1, 2)), h = scale(w, 1), k = scale(w, 1);
  const Var y = sum(h + k) + sum(square(h)) + sum(scale(h, 3));
  const Gradients g = backward(y, {.keep = KeepGrads::all});
  CHECK(g.of(k).at({0}) == 1);
  CHECK(g.of(h).at({0}) == 1 + 2 + 3);
  CHECK(g.of(w).at({1}) == 1 + 1 + 4 + 3);
}

TEST_CASE("a cotangent that an observer or a hook holds is not changed") {
  struct Holder : Observer {
    std::vector<Var> vars;
    std::vector<Tensor> copies;
    void on_vjp(const VjpEvent& e) override {
      for (const Var& v : e.grads)
        if (v.defined()) vars.push_back(v), copies.push_back(copy(v.value()));
      vars.push_back(e.cotangent), copies.push_back(copy(e.cotangent.value()));
    }
  } held;
  const ObserverGuard guard(held);
  const Var w = leaf(t2(1, 2));
  const Var y = sum(exp(w)) + sum(square(w)) + sum(w * w) + sum(tanh(w));
  backward(y);
  for (std::size_t i = 0; i < held.vars.size(); ++i)
    CHECK(same_bits(held.vars[i].value(), held.copies[i]));
}

TEST_CASE("a tensor that only its storage is shared with is not changed") {
  static Tensor kept;
  static const OpDef op{.name = "keeps",
                        .infer = [](const InferCall& c) -> Inferred {
                          return {c.shape(0), c.dtype(0)};
                        },
                        .forward = [](const ForwardCall& c) -> Forward { return copy(c.in(0)); },
                        .vjp = [](const VjpCall&, const Var& g) -> Grads {
                          kept = copy(g.value());
                          return Var(kept);
                        }};
  const Var w = leaf(t2(1, 2));
  const Var first = sum(exp(w));  // its vjp runs last
  backward(first + sum(apply(op, {w})));
  CHECK(kept.at({0}) == 1);
  kept = Tensor();
}

TEST_CASE("the cotangent that the caller gave is not changed") {
  const Tensor c = t2(1, 10);
  const Var x = leaf(t2(1, 2));
  const Gradients g = backward(alias(x) + scale(x, 2), c);
  CHECK(g.of(x).at({1}) == 30);
  CHECK(c.at({1}) == 10);
  const Var u(t2(1, 10));
  CHECK(grad(alias(x) + scale(x, 2), {x}, {}, u)[0].value().at({1}) == 30);
  CHECK(u.value().at({1}) == 10);
}

TEST_CASE("a broadcast cotangent is summed into fresh storage") {
  const Var w = leaf(t2(1, 2));
  const Gradients g = backward(sum(w) + sum(w) + sum(w));  // each cotangent has stride 0
  CHECK(g.of(w).at({0}) == 3);
  CHECK(g.of(w).at({1}) == 3);
}

TEST_CASE("many consumers need no storage for each sum") {
  constexpr int64 kCount = 8 << 10;
  const Var w = leaf(ones({kCount}, DType::f64));
  Var y = sum(square(w));
  for (int i = 0; i < 20; ++i) y = y + sum(square(w));
  const std::uint64_t before = pool_stats().live_bytes;
  pool_reset_peak();
  const Gradients g = backward(y);
  CHECK(g.of(w).at({0}) == 42);
  CHECK(pool_stats().peak_live_bytes - before < 6 * kCount * sizeof(double));
}
