// Anomaly detection: the first value that is not finite, named with all that led to it.
#include "autograd/anomaly.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "autograd/backward.h"
#include "autograd/checkpoint.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "tensor/memory.h"

using namespace gradus;

namespace {
constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");
Tensor t3(double a, double b, double c) { return tensor({a, b, c}, {3}, DType::f64); }

template <class F>
AnomalyError caught(F&& f) {
  try {
    f();
  } catch (const AnomalyError& e) {
    return e;
  }
  FAIL("nothing was found");
  throw 0;
}
}  // namespace

TEST_CASE("forward: the whole text, and the facts as fields") {
  const AnomalyGuard guard;
  const ScopeGuard scope("model");
  const Var p = leaf(t3(0.5, -1, 2), "probs");
  const AnomalyError e = caught([&] { log(p); });
  const int line = __LINE__ - 1;
  CHECK(e.what() == fmt::format("first non-finite value: forward of '{}' (3), element 1 = nan\n"
                                "  input 0: 'model/probs' (3), all finite, -1 to 2\n"
                                "  at: anomaly_test.cpp:{}\n"
                                "  formula: y = ln x",
                                e.label, line));
  CHECK(e.label == fmt::format("model/log#{}", e.node));
  CHECK(e.element == 1);
  CHECK(std::isnan(e.value));
  CHECK_FALSE(e.in_backward);
  CHECK(e.where.line == line);
}

TEST_CASE("it is a NonFiniteError; outer layers leave its text alone") {
  const AnomalyGuard guard;
  const Var x = leaf(t3(-1, 1, 1));
  CHECK_THROWS_AS(sqrt(x), NonFiniteError);
  const FusionGuard off(Fusion::off);
  CHECK_THROWS_AS(sqrt(x), NonFiniteError);
}

TEST_CASE("the state of every input: counts, range, none finite, integers, empty") {
  const AnomalyGuard guard;
  const Var a = leaf(t3(1, kNan, kInf), "a"), b = constant(t3(kNan, kNan, kNan), "b");
  const std::string text = caught([&] { a* b; }).what();
  CHECK(text.find("input 0: 'a' (3), 2 of 3 not finite, the others 1 to 1") != std::string::npos);
  CHECK(text.find("input 1: 'b' (3), none finite") != std::string::npos);
  const Var table = leaf(t3(1, kNan, 3), "table"), ids = constant(arange(1, 3, 1, DType::i64), "i");
  const AnomalyError e = caught([&] { take_rows(table, ids); });
  CHECK(e.element == 0);
  CHECK(std::string(e.what()).find("input 1: 'i' (2), all finite, 1 to 2") != std::string::npos);
}

TEST_CASE("without a gradient the inputs are known too") {
  const AnomalyGuard guard;
  const NoGrad off;
  const std::string text = caught([&] { log(Var(t3(1, 1, 0))); }).what();
  CHECK(text.find("element 2 = -inf") != std::string::npos);
  CHECK(text.find("(3), all finite, 0 to 1") != std::string::npos);
}

TEST_CASE("backward: op, input, incoming cotangent, line, formula") {
  const Var p = leaf(t3(1, 0, 2), "p");
  const Var y = sqrt(p);
  const int line = __LINE__ - 1;
  const Var loss = sum(y);
  const AnomalyGuard guard;
  const AnomalyError e = caught([&] { backward(loss); });
  CHECK(e.what() ==
        fmt::format("first non-finite value: backward of 'sqrt#{}' (3), gradient of input 0 (3), "
                    "element 1 = inf\n"
                    "  incoming cotangent: (3), all finite, 1 to 1\n"
                    "  input 0: 'p' (3), all finite, 0 to 2\n"
                    "  at: anomaly_test.cpp:{}\n"
                    "  formula: y = sqrt(x);  dx = g / (2 y)",
                    y.id(), line));
  CHECK(e.in_backward);
  CHECK(e.input == 0);
  CHECK(e.cotangent_was_finite);
  CHECK(e.value == kInf);
}

TEST_CASE("backward: a bad cotangent that came from outside is called bad") {
  const Var p = leaf(t3(1, 1, 2), "p"), y = scale(p, 2);
  const AnomalyGuard guard;
  const AnomalyError e = caught([&] { backward(y, t3(1, kNan, 1)); });
  CHECK_FALSE(e.cotangent_was_finite);
  CHECK(std::string(e.what()).find("incoming cotangent: (3), 1 of 3 not finite") !=
        std::string::npos);
}

TEST_CASE("a dropped input is said to be dropped") {
  const Var y = sum(sqrt(scale(leaf(t3(1, 0, 2)), 2)));
  const AnomalyGuard guard;
  CHECK(std::string(caught([&] { backward(y); }).what()).find("(3), value dropped") !=
        std::string::npos);
}

TEST_CASE("under create_graph the op of the vjp is the first") {
  const Var p = leaf(t3(1, 0, 2), "p"), y = sum(sqrt(p));
  const AnomalyGuard guard;
  const AnomalyError e = caught([&] { grad(y, {p}, {.create_graph = true}); });
  CHECK_FALSE(e.in_backward);
  CHECK(std::string(e.what()).find("forward of 'div#") != std::string::npos);
  CHECK(std::string(e.what()).find("in the vjp of: 'sqrt#") != std::string::npos);
}

TEST_CASE("a mask of -inf passes up to the softmax; NaN never passes") {
  const AnomalyGuard guard;
  const Var x = leaf(tensor({1, 2, 3, 4}, {2, 2}, DType::f64));
  const Var mask(cast(tensor({0, 1, 0, 0}, {2, 2}), DType::u8));
  const Var masked = masked_fill(x, mask, -kInf);
  const Var p = softmax(scale(transpose(transpose(masked)) + Var(scalar(1, DType::f64)), 0.5));
  CHECK(p.value().at({0, 1}) == 0);
  CHECK(backward(sum(square(p))).has(x));
  CHECK_THROWS_AS(masked_fill(x, mask, kNan), AnomalyError);
}

TEST_CASE("a constant mask of -inf may be added") {
  const AnomalyGuard guard;
  const Var x = leaf(t3(1, 2, 3)), bias(t3(0, -kInf, 0));
  CHECK(softmax(x + bias).value().at({1}) == 0);
}

TEST_CASE("an Inf that was let pass must not reach a reduction") {
  const AnomalyGuard guard;
  const Var x = leaf(t3(1, 2, 3)), bias(t3(0, -kInf, 0));
  const Var y = x + bias;
  CHECK(caught([&] { sum(y); }).value == -kInf);
  CHECK_THROWS_AS(y - y, AnomalyError);  // NaN
}

TEST_CASE("an infinite parameter is found at its first use") {
  const AnomalyGuard guard;
  const Var w = parameter_leaf(t3(1, kInf, 2), "model/w");
  CHECK(std::string(caught([&] { scale(w, 2); }).what()).find("input 0: 'model/w' (3), 1 of 3") !=
        std::string::npos);
}

TEST_CASE("inside a checkpoint the inner op is named, in both directions") {
  const AnomalyGuard guard;
  const auto inner = [](std::span<const Var> in) { return sqrt(in[0]).named("root"); };
  const Var bad = leaf(t3(-1, 1, 1), "bad"), zero = leaf(t3(0, 1, 1), "zero");
  CHECK(caught([&] { checkpoint(inner, {bad}); }).label.find("sqrt#") == 0);
  const Var loss = sum(checkpoint(inner, {zero}));
  const AnomalyError e = caught([&] { backward(loss); });
  CHECK(e.label == "root");
  CHECK(std::string(e.what()).find("in the vjp of: 'checkpoint#") != std::string::npos);
}

TEST_CASE("it ends with its guard, leaks nothing, and finite runs pass") {
  const Var x = leaf(t3(1, 2, -3));
  const std::uint64_t before = pool_stats().live_bytes;
  {
    const AnomalyGuard guard;
    CHECK_THROWS_AS(log(x), AnomalyError);
    CHECK_THROWS_AS(sum(exp(log(x))), AnomalyError);
    CHECK(backward(sum(tanh(x) * x)).has(x));
    CHECK(exp(leaf(zeros({0, 2}, DType::f64))).numel() == 0);
  }
  CHECK(pool_stats().live_bytes == before);
  CHECK(std::isnan(log(x).value().at({2})));
}
