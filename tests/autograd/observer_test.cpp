// Observers hear of every recorded node and of every vjp.
#include <doctest/doctest.h>

#include "autograd/backward.h"
#include "autograd/observe.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "tensor/memory.h"

using namespace gradus;

namespace {
struct Listener : Observer {
  std::vector<std::string> forward, vjps;
  void on_forward(const Var& v) override { forward.emplace_back(v.op()->name); }
  void on_vjp(const VjpEvent& e) override {
    vjps.emplace_back(e.node.op()->name);
    CHECK(e.cotangent.shape() == e.node.shape());
    CHECK(static_cast<int>(e.grads.size()) == static_cast<int>(e.node.inputs().size()));
  }
};
using Words = std::vector<std::string>;
Tensor t2(double a, double b) { return tensor({a, b}, {2}, DType::f64); }
}  // namespace

TEST_CASE("forward ops are told in order, leaves are not; vjps in reverse") {
  Listener heard;
  const ObserverGuard guard(heard);
  const Var w = leaf(t2(1, 2));
  backward(sum(exp(w)));
  CHECK(heard.forward == Words{"exp", "sum"});
  CHECK(heard.vjps == Words{"sum", "exp"});
}

TEST_CASE("ops inside a plain backward pass are not told, under create_graph they are") {
  const Var w = leaf(t2(1, 2)), y = sum(square(w));
  Listener heard;
  const ObserverGuard guard(heard);
  grad(y, {w});
  CHECK(heard.forward.empty());
  grad(y, {w}, {.create_graph = true});
  CHECK_FALSE(heard.forward.empty());
  CHECK(heard.vjps == Words{"sum", "square", "sum", "square"});
}

TEST_CASE("constants are told too, with their inputs") {
  struct Inputs : Observer {
    std::vector<double> values;
    void on_op(const Var&, std::span<const Var* const> in) override {
      for (const Var* v : in) values.push_back(v->item());
    }
  } heard;
  const ObserverGuard guard(heard);
  const NoGrad off;
  const Var y = leaf(scalar(2)) * Var(scalar(3));
  CHECK(y.inputs().empty());
  CHECK(heard.values == std::vector<double>{2, 3});
}

TEST_CASE("only while the guard lives; several at once, in order") {
  Listener a, b;
  const Var w = leaf(t2(1, 2));
  {
    const ObserverGuard ga(a);
    {
      const ObserverGuard gb(b);
      exp(w);
    }
    sin(w);
  }
  cos(w);
  CHECK(a.forward == Words{"exp", "sin"});
  CHECK(b.forward == Words{"exp"});
}

TEST_CASE("the gradient that no one wants is empty in the event") {
  struct Wanted : Observer {
    bool first = false, second = true;
    void on_vjp(const VjpEvent& e) override {
      if (e.node.op()->name == "mul") first = e.grads[0].defined(), second = e.grads[1].defined();
    }
  } heard;
  const ObserverGuard guard(heard);
  backward(sum(leaf(t2(1, 2)) * Var(t2(3, 4))));
  CHECK(heard.first);
  CHECK_FALSE(heard.second);
}

TEST_CASE("what an observer throws reaches the caller unchanged, and nothing leaks") {
  struct Thrower : Observer {
    bool in_vjp = false;
    void on_forward(const Var& v) override {
      if (!in_vjp && v.op()->name == "exp") throw GraphError("seen");
    }
    void on_vjp(const VjpEvent&) override {
      if (in_vjp) throw GraphError("seen in vjp");
    }
  } thrower;
  const Var w = leaf(t2(1, 2));
  const std::uint64_t before = pool_stats().live_bytes;
  {
    const ObserverGuard guard(thrower);
    CHECK_THROWS_WITH_AS(exp(w), "seen", GraphError);
    thrower.in_vjp = true;
    CHECK_THROWS_WITH_AS(backward(sum(exp(w))), "seen in vjp", GraphError);
  }
  CHECK(pool_stats().live_bytes == before);
  CHECK(backward(sum(exp(w))).has(w));
}

TEST_CASE("the replacement of a value hook is told once it has its name") {
  struct Labels : Observer {
    std::vector<std::string> seen;
    void on_forward(const Var& v) override {
      if (v.op()->name == "replace_value") seen.push_back(v.label());
    }
  } heard;
  const ObserverGuard guard(heard);
  const HookHandle h = on_value("h", [](ValueEvent& e) { e.replace(Var(t2(0, 0))); });
  exp(leaf(t2(1, 2))).named("h");
  CHECK(heard.seen == Words{"h"});
}
