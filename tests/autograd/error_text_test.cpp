// The seven parts of an op's error: op, rule with its numbers, hint, inputs, scope, line, formula.
#include <doctest/doctest.h>

#include <functional>

#include "autograd/backward.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "tests/error_text.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
Var named_leaf(const Shape& s, const char* name) { return leaf(zeros(s, DType::f64), name); }
}  // namespace

TEST_CASE("the whole text of a shape error") {
  const ScopeGuard model("model"), attention("attention");
  const Var a = named_leaf({2, 3}, "a"), b = named_leaf({4}, "b");
  const std::string text = message([&] { a + b; });
  const int line = __LINE__ - 1;
  CHECK(text == fmt::format("[add] shapes (2, 3) and (4) do not broadcast: axis -1 has sizes 3 and "
                            "4; sizes must be equal, or one of them 1\n"
                            "  input 0: 'model/attention/a' (2, 3) f64\n"
                            "  input 1: 'model/attention/b' (4) f64\n"
                            "  in: model/attention\n"
                            "  at: error_text_test.cpp:{}\n"
                            "  formula: y = a + b;  da = g, db = g",
                            line));
}

TEST_CASE("attributes stand in the text; scope and line only where they are known") {
  const Var x = named_leaf({2, 3}, "x");
  const OpDef& sum_op = *sum(x).op();
  const std::string text = message([&] {
    apply(sum_op, {x}, {{"axes", std::vector<int64>{5}}, {"keep", int64{0}}});
  });
  CHECK(text ==
        "[sum] axis 5 of a tensor with 2 axes; allowed are -2 to 1\n"
        "  input 0: 'x' (2, 3) f64\n"
        "  with: axes=[5], keep=0\n"
        "  formula: y = sum_axes x;  dx = g, broadcast");
}

TEST_CASE("dtypes are named, and nothing is promoted") {
  const Var a = named_leaf({2}, "a"), b = leaf(zeros({2}, DType::f32), "b");
  const std::string text = message([&] { a* b; });
  CHECK(text.find("[mul] input 0 is f64, input 1 is f32: nothing is promoted; use cast") == 0);
  CHECK(text.find("input 1: 'b' (2) f32") != std::string::npos);
  CHECK_THROWS_AS(a * b, DTypeError);
}

TEST_CASE("an empty Var is named by its place") {
  const Var a = named_leaf({2}, "a");
  const std::string text = message([&] { a + Var(); });
  CHECK(text.find("[add] input 1 is an empty Var") == 0);
  CHECK(text.find("input 0: 'a' (2) f64") != std::string::npos);
}

TEST_CASE("a dropped value is an error of the op that wanted it") {
  Var inner;
  {
    const Var y = exp(scale(named_leaf({2}, "w"), 2));
    inner = y.inputs().at(0);
  }
  const std::string text = message([&] { sin(inner); });
  CHECK(text.find("[sin] the value of 'scale#") == 0);
}

TEST_CASE("an error inside a vjp says whose vjp and where that node was recorded") {
  const OpDef bad{.name = "bad_vjp",
                  .formula = "y = x",
                  .vjp_formula = "dx = wrong",
                  .infer = [](const InferCall& c) -> Inferred {
                    return {c.shape(0), c.dtype(0)};
                  },
                  .reads = kReadsInputs,
                  .forward = [](const ForwardCall& c) -> Forward { return c.in(0); },
                  .vjp = [](const VjpCall& c, const Var& g) -> Grads {
                    return g + reshape(c.in(0), {3, 2});
                  }};
  const Var x = named_leaf({2, 3}, "x");
  const ScopeGuard scope("model");
  const Var y = apply(bad, {x}, {}, {"/somewhere/model.cpp", 17}).named("y");
  const std::string text = message([&] { backward(y, ones({2, 3}, DType::f64)); });
  CHECK(text.find("[add] ") == 0);
  CHECK(text.find("\n  in: model\n") != std::string::npos);
  CHECK(text.find("\n  in the vjp of: 'model/y'\n  recorded at: model.cpp:17") !=
        std::string::npos);
}

TEST_CASE("the error of the innermost op wins; outer ops add nothing to it") {
  const Var a = named_leaf({2, 3}, "a");
  const std::string text = message([&] { matmul(a, a); });
  CHECK(text.find("[matmul] inner sizes differ") == 0);
  CHECK(text.find("[matmul]", 1) == std::string::npos);
}

TEST_CASE("functions that are no op by themselves tell name, input, scope and line too") {
  const ScopeGuard scope("model");
  const Var x = leaf(tensor({1, 2, 3}, {3}, DType::f64), "x"),
            deep = leaf(ones({1, 1, 1, 1, 1, 1, 1, 1}, DType::f64), "deep");
  const std::pair<const char*, std::function<void()>> cases[] = {
      {"transpose", [&] { transpose(x); }},      {"squeeze", [&] { squeeze(x, 0); }},
      {"slice", [&] { slice(x, 0, 2, 9); }},     {"select", [&] { select(x, 0, 3); }},
      {"reshape", [&] { reshape(x, {2, -1}); }}, {"unsqueeze", [&] { unsqueeze(x, 4); }}};
  for (const auto& c : cases) {
    const std::string text = message(c.second);
    CAPTURE(text);
    CHECK(text.find(fmt::format("[{}] ", c.first)) == 0);
    for (const char* part :
         {"\n  input 0: 'model/x' (3) f64", "\n  in: model", "\n  at: error_text_test.cpp:"})
      CHECK(text.find(part) != std::string::npos);
  }
  CHECK(message([&] {
          stack(std::vector<Var>{deep, deep}, 0);
        }).find("[unsqueeze] a tensor has at most 8 axes, got 9\n  input 0: 'model/deep'") == 0);
}
