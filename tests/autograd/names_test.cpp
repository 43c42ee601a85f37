// Labels: scope, name, or op and creation id; parameters carry their path.
#include <doctest/doctest.h>

#include "autograd/backward.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/record.h"

using namespace gradus;

namespace {
Tensor t2(double a, double b) { return tensor({a, b}, {2}, DType::f64); }
}  // namespace

TEST_CASE("labels of named and unnamed nodes, leaves, constants and parameters") {
  const ScopeGuard model("model");
  const Var w = leaf(t2(1, 2)), c(t2(1, 2)), p = parameter_leaf(t2(1, 2), "other/p");
  CHECK(w.label() == fmt::format("model/leaf#{}", w.id()));
  CHECK(c.label() == fmt::format("constant#{}", c.id()));
  CHECK(p.label() == "other/p");
  CHECK(leaf(t2(0, 0), "x").label() == "model/x");
  CHECK(constant(t2(0, 0), "k").label() == "model/k");
  const ScopeGuard layer("layer0");
  const Var y = exp(w);
  CHECK(y.label() == fmt::format("model/layer0/exp#{}", y.id()));
  CHECK(y.named("scores").label() == "model/layer0/scores");
  CHECK(y.scope() == "model/layer0");
}

TEST_CASE("scopes nest, end with their block, and can be absolute") {
  CHECK(current_scope().empty());
  {
    const ScopeGuard a("a"), b("b");
    CHECK(current_scope() == "a/b");
    {
      const ScopeGuard c = ScopeGuard::absolute("x/y");
      CHECK(current_scope() == "x/y");
      const ScopeGuard d = ScopeGuard::absolute("");
      CHECK(current_scope().empty());
    }
    CHECK(current_scope() == "a/b");
  }
  CHECK(current_scope().empty());
}

TEST_CASE("ids grow with creation") {
  const Var w = leaf(t2(1, 2)), y = exp(w);
  CHECK(w.id() < y.id());
}

TEST_CASE("a name that is taken stays: the new one goes to an alias") {
  const Var w = parameter_leaf(t2(1, 2), "model/w");
  const Var whole = slice(w, 0, 0, 2).named("part");  // a slice of the whole is w itself
  CHECK(w.label() == "model/w");
  CHECK(whole.label() == "part");
  CHECK(whole.op()->name == "alias");
  CHECK(backward(sum(whole)).of(w).at({0}) == 1);
  const Var h = exp(w).named("h");
  const Var same = h.named("h");
  CHECK(same == h);
  const Var renamed = h.named("g");
  CHECK(h.name() == "h");
  CHECK(renamed.name() == "g");
  CHECK(same_bits(renamed.value(), h.value()));
}

TEST_CASE("a node knows the line that made it") {
  const Var w = leaf(t2(1, 2));
  const Var y = w * w;
  const int line = __LINE__ - 1;
  CHECK(y.where().text() == fmt::format("names_test.cpp:{}", line));
  CHECK(w.where().text().empty());
}

TEST_CASE("handles: equal means the same node; empty ones refuse to answer") {
  const Var w = leaf(t2(1, 2));
  Var copy_of_w = w;
  CHECK(copy_of_w == w);
  CHECK_FALSE(leaf(t2(1, 2)) == w);
  const Var moved = std::move(copy_of_w);
  CHECK_FALSE(copy_of_w.defined());  // NOLINT: moved from on purpose
  CHECK_FALSE(copy_of_w.requires_grad());
  CHECK_THROWS_WITH_AS(copy_of_w.shape(),
                       "this Var is empty: it was default-constructed or moved from", GraphError);
  CHECK_THROWS_AS(Var{Tensor()}, GraphError);
  CHECK_THROWS_AS(leaf(arange(0, 3, 1, DType::i64)), DTypeError);
  CHECK_THROWS_AS(parameter_leaf(zeros({2}, DType::u8), "p"), DTypeError);
}
