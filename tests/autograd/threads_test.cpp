// Several graphs in several threads at once; parameters and whole graphs may be shared.
#include <doctest/doctest.h>

#include <thread>

#include "autograd/backward.h"
#include "autograd/observe.h"
#include "autograd/ops.h"
#include "autograd/record.h"

using namespace gradus;

namespace {
constexpr int kThreads = 4;
Tensor t2(double a, double b) { return tensor({a, b}, {2}, DType::f64); }

template <class F>
void in_threads(F&& body) {
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) threads.emplace_back([&body, t] { body(t); });
  for (std::thread& t : threads) t.join();
}
}  // namespace

TEST_CASE("graphs of several threads share parameters; each has its own scope, hooks and guards") {
  const Var w = parameter_leaf(t2(0.5, 2), "model/w");
  std::vector<Gradients> found(kThreads);
  std::vector<int> fired(kThreads);
  in_threads([&](int t) {
    const ScopeGuard scope("thread");
    const auto k = static_cast<std::size_t>(t);
    const HookHandle h = on_grad("model/w", [&](GradEvent&) { ++fired[k]; });
    for (int i = 0; i < 50; ++i) {
      Var y = sum(scale(square(w), t + 1.0));
      found[k] = backward(std::move(y));
      const NoGrad off;
      if (exp(w).requires_grad()) fired[k] = -1000;
    }
  });
  for (std::size_t t = 0; t < kThreads; ++t) {
    CHECK(found[t].of(w).at({1}) == 4.0 * static_cast<double>(t + 1));
    CHECK(fired[t] == 50);
  }
  CHECK(current_scope().empty());
}

TEST_CASE("several threads differentiate one graph, values dropped or not") {
  const Var w = leaf(t2(0.5, 2));
  const Var loss = sum(exp(scale(tanh(shift(w, 1)), 2)));
  const Tensor expected = backward(loss).of(w);
  std::vector<Tensor> found(kThreads);
  in_threads([&](int t) {
    for (int i = 0; i < 20; ++i) {
      found[static_cast<std::size_t>(t)] = backward(loss).of(w);
      for (const Var& v : loss.inputs()) static_cast<void>(v.label());
      static_cast<void>(why_no_gradient(loss, w));
      grad(loss, {w}, {.create_graph = true});
    }
  });
  for (const Tensor& g : found) CHECK(same_bits(g, expected));
}

TEST_CASE("the last handle of a graph may go in any thread") {
  const Var w = leaf(t2(0.5, 2));
  std::vector<Var> ends;
  Var shared = exp(w);
  for (int t = 0; t < kThreads; ++t) {
    Var y = shared;
    for (int i = 0; i < 200; ++i) y = neg(y);
    ends.push_back(y);
  }
  shared.reset();
  in_threads([&](int t) { ends[static_cast<std::size_t>(t)].reset(); });
  CHECK(backward(sum(w)).has(w));
}
