// Where gradients stop, and the sentence that says why.
#include <doctest/doctest.h>

#include "autograd/backward.h"
#include "autograd/ops.h"
#include "autograd/record.h"

using namespace gradus;

namespace {
Tensor t2(double a, double b) { return tensor({a, b}, {2}, DType::f64); }
}  // namespace

TEST_CASE("under NoGrad ops give constants") {
  const Var w = leaf(t2(1, 2), "w");
  Var y;
  {
    const NoGrad off;
    y = exp(w);
    CHECK_FALSE(y.requires_grad());
    CHECK(y.inputs().empty());
  }
  CHECK(exp(w).requires_grad());
  CHECK(
      why_no_gradient(sum(y).named("loss"), w) ==
      "the loss 'loss' is a constant: it was computed under NoGrad, behind stop_gradient, or from "
      "inputs none of which has a gradient");
}

TEST_CASE("stop_gradient: the same value, nothing flows back") {
  const Var w = leaf(t2(3, 4), "w");
  const Var s = stop_gradient(square(w)).named("frozen");
  CHECK(s.value().at({1}) == 16);
  CHECK_FALSE(s.requires_grad());
  CHECK(backward(sum(s * w)).of(w).at({0}) == 9);
  const Var v = leaf(t2(1, 1), "v");
  const Var loss = sum(s * v).named("loss");
  CHECK_THROWS_WITH_AS(backward(s), why_no_gradient(s, s).c_str(), GraphError);
  CHECK(why_no_gradient(s, w) ==
        "the loss 'frozen' is the output of stop_gradient, where gradients stop");
  CHECK(why_no_gradient(loss, w) ==
        "'w' reaches 'loss' only through 'frozen', where gradients stop");
}

TEST_CASE("why_no_gradient: every other case") {
  const Var w = leaf(t2(1, 2), "w"), other = leaf(t2(1, 2), "other");
  const Var loss = sum(square(w)).named("loss");
  CHECK(why_no_gradient(loss, w) == "'w' has a gradient: 'loss' depends on it");
  CHECK(why_no_gradient(loss, other) ==
        "'loss' does not depend on 'other': no op on the way to it used that node (a use under "
        "NoGrad, behind stop_gradient, or of its value alone, leaves no link)");
  CHECK(why_no_gradient(loss, constant(t2(0, 0), "c")) ==
        "the input 'c' is a constant; make it with leaf() or as a module's parameter");
  CHECK(why_no_gradient(loss, constant(arange(0, 2, 1, DType::i64), "ids")) ==
        "the input 'ids' is i64: only f32 and f64 have gradients");
  CHECK(why_no_gradient(constant(t2(0, 0), "c"), w) ==
        "the loss 'c' is a constant; make it with leaf() or as a module's parameter");
  CHECK(why_no_gradient(loss, parameter_leaf(t2(1, 2), "model/w")) ==
        "'loss' does not depend on 'model/w': no op on the way to it used that node (a use under "
        "NoGrad, behind stop_gradient, or of its value alone, leaves no link); an optimizer step "
        "puts a new leaf into a "
        "parameter's slot, and an old graph knows the old one");
  CHECK(why_no_gradient(sum(stop_gradient(w)).named("cut"), w) ==
        "the loss 'cut' is a constant: it was computed under NoGrad, behind stop_gradient, or from "
        "inputs none of which has a gradient");
  CHECK_THROWS_AS(why_no_gradient(Var(), w), GraphError);
}

TEST_CASE("grad() refuses an unused input with that sentence, or gives zeros") {
  const Var w = leaf(t2(1, 2), "w"), other = leaf(t2(1, 2), "other");
  const Var loss = sum(square(w)).named("loss");
  CHECK_THROWS_WITH_AS(grad(loss, {w, other}), why_no_gradient(loss, other).c_str(), GraphError);
  const std::vector<Var> g = grad(loss, {w, other}, {.allow_unused = true});
  CHECK(g[0].value().at({1}) == 4);
  CHECK(same_bits(g[1].value(), zeros({2}, DType::f64)));
  CHECK(grad(constant(scalar(1, DType::f64)), {w}, {.allow_unused = true})[0].value().at({0}) == 0);
  CHECK_THROWS_AS(grad(loss, {Var()}), GraphError);
}

TEST_CASE("integer outputs never want a gradient") {
  const Var ids(arange(0, 3, 1, DType::i64));
  CHECK_FALSE(ids.requires_grad());
  const Var table = leaf(ones({3, 2}, DType::f64));
  CHECK(take_rows(table, ids).requires_grad());
  CHECK_FALSE(backward(sum(take_rows(table, ids))).has(ids));
}
