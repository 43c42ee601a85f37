// The tester is tested: right gradients pass, and each kind of wrong one is refused with its
// reason.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "autograd/check_op.h"
#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"

using namespace gradus;
using Outcome = GradcheckReport::Outcome;

namespace {

Tensor f64(std::initializer_list<double> values, const Shape& shape) {
  return tensor(values, shape, DType::f64);
}

Inferred same(const InferCall& c) { return {c.shape(0), c.float_input(0)}; }

/// y = x^3 with a vjp of choice.
OpDef cube(Grads (*vjp)(const VjpCall&, const Var&)) {
  return {.name = "cube",
          .formula = "y = x^3",
          .vjp_formula = "dx = 3 g x^2",
          .infer = same,
          .reads = reads_input(0),
          .forward = [](const ForwardCall& c) -> Forward { return gradus::pow(c.in(0), 3.0); },
          .vjp = vjp,
          .samples = {{.in = {{.shape = {2, 3}, .low = 0.5, .high = 2}}},
                      {.in = {{.shape = {}, .low = 0.5, .high = 2}}}}};
}
Grads right(const VjpCall& c, const Var& g) { return g * square(c.in(0)) * 3.0; }

GradcheckReport check_cube(const OpDef& op, int order) {
  return gradcheck([&](const Var& x) { return apply(op, {x}); }, f64({0.5, -1.2, 2}, {3}),
                   {.order = order, .seed = 5, .command = "gradus gradcheck --op cube"});
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("right gradients pass at both orders") {
  const OpDef op = cube(right);
  const GradcheckReport first = check_cube(op, 1), second = check_cube(op, 2);
  CHECK(first.passed());
  CHECK(first.elements == 3);
  CHECK(second.passed());
  CHECK(second.elements == 6);  // by x and by the cotangent
  CHECK(has(first.text(), "3 elements agree"));
  CHECK(std::abs(first.analytic - first.numeric) <= first.bound);
}

TEST_CASE("nothing to check passes: size 0 in, size 0 out") {
  const GradcheckReport empty =
      gradcheck([](const Var& x) { return square(x); }, zeros({2, 0}, DType::f64));
  CHECK(empty.passed());
  CHECK(empty.elements == 0);
  const GradcheckReport cut =
      gradcheck([](const Var& x) { return slice(x, 0, 1, 1); }, f64({1, 2}, {2}));
  CHECK(cut.passed());
  // An empty part beside one that is not: the other is checked.
  const std::vector<Tensor> parts{zeros({0}, DType::f64), f64({1, 2}, {2})};
  for (int order : {1, 2}) {
    const GradcheckReport r = gradcheck(
        [](std::span<const Var> in) { return square(concat(in, 0)); }, parts, {.order = order});
    CHECK(r.passed());
    CHECK(r.elements == (order == 1 ? 2 : 4));
  }
}

TEST_CASE("wrong vjps are refused") {
  SUBCASE("x 1.001") {
    const GradcheckReport r = check_cube(
        cube([](const VjpCall& c, const Var& g) -> Grads { return g * square(c.in(0)) * 3.003; }),
        1);
    CHECK(r.outcome == Outcome::wrong);
    CHECK(r.input == 0);
    CHECK(r.element == 2);
    CHECK(r.at == 2);
    CHECK(r.analytic == doctest::Approx(1.001 * r.numeric));
    CHECK(has(r.text(), "input 0 (3), element (2) = 2: the gradient is"));
    CHECK(has(r.text(), "cotangent: f64 (3)"));
    CHECK(has(r.text(), "to repeat: gradus gradcheck --op cube"));
  }
  SUBCASE("always zero") {
    const auto zero = [](const VjpCall&, const Var& g) -> Grads { return g * 0.0; };
    CHECK(check_cube(cube(zero), 1).outcome == Outcome::wrong);
  }
  SUBCASE("always zero, of a mean over many elements") {
    const OpDef op = cube([](const VjpCall&, const Var& g) -> Grads { return g * 0.0; });
    const Tensor x = cast(linspace(0.5, 1.5, 40), DType::f64);
    CHECK_FALSE(gradcheck([&](const Var& v) { return mean(apply(op, {v})); }, x).passed());
  }
  SUBCASE("no cotangent at all") {
    const auto none = [](const VjpCall&, const Var&) -> Grads { return Var(); };
    CHECK(check_cube(cube(none), 1).outcome == Outcome::wrong);
  }
  SUBCASE("NaN, in one element and in all") {
    const OpDef one = cube([](const VjpCall& c, const Var& g) -> Grads {
      return g * square(c.in(0)) * Var(tensor({3, std::nan(""), 3}, {3}, DType::f64));
    });
    const GradcheckReport r = check_cube(one, 1);
    CHECK(r.outcome == Outcome::wrong);
    CHECK(r.element == 1);
    const auto all = [](const VjpCall&, const Var& g) -> Grads { return g * std::nan(""); };
    CHECK(check_cube(cube(all), 1).outcome == Outcome::wrong);
  }
  SUBCASE("right at order 1, wrong at order 2: x is a constant to it") {
    const OpDef op = cube([](const VjpCall& c, const Var& g) -> Grads {
      return g * Var(gradus::mul(gradus::square(c.in(0).value()), 3.0));
    });
    CHECK(check_cube(op, 1).passed());
    const GradcheckReport r = check_cube(op, 2);
    CHECK(r.outcome == Outcome::wrong);
    CHECK(has(r.text(), "order 2: input 0"));
  }
  SUBCASE("right at order 1, wrong at order 2: the cotangent is a constant to it") {
    const OpDef op = cube([](const VjpCall& c, const Var& g) -> Grads {
      return Var(g.value()) * square(c.in(0)) * 3.0;
    });
    CHECK(check_cube(op, 1).passed());
    const GradcheckReport r = check_cube(op, 2);
    CHECK(r.outcome == Outcome::wrong);
    CHECK(has(r.text(), "the cotangent (3), element"));
  }
}

TEST_CASE("a value that is not finite fails, whatever the gradient is") {
  const Tensor x = f64({-1, 2}, {2});
  CHECK_FALSE(gradcheck([](const Var& v) { return log(v); }, x).passed());
  CHECK_FALSE(gradcheck([](const Var& v) { return v * std::numeric_limits<double>::infinity(); }, x)
                  .passed());
}

TEST_CASE("too weak to check anything is refused, unless it is declared") {
  const Tensor x = f64({0.3, 0.7}, {2});
  const auto tiny = [](const Var& v) { return square(v) * 1e-6; };
  const GradcheckReport r = gradcheck(tiny, x);
  CHECK(r.outcome == Outcome::too_weak);
  CHECK(has(r.text(), "too weak to check anything: its largest derivative is"));
  CHECK(gradcheck(tiny, x, {.weak = Weak::allow}).passed());

  const std::vector<Tensor> two{x, x};
  const auto second_only = [](std::span<const Var> in) { return square(in[1]); };
  CHECK(gradcheck(second_only, two).outcome == Outcome::too_weak);
  CHECK(gradcheck(second_only, two, {.without_influence = {0}}).passed());
  // A false declaration is no way round.
  CHECK(gradcheck(second_only, two, {.without_influence = {0, 1}}).outcome == Outcome::wrong);
  // A wrong input is found behind a weak one.
  const OpDef zero = cube([](const VjpCall&, const Var& g) -> Grads { return g * 0.0; });
  CHECK(gradcheck([&](std::span<const Var> in) { return apply(zero, {in[1]}); }, two).outcome ==
        Outcome::wrong);
}

TEST_CASE("linear functions: order 2 by the inputs is 0 = 0, by the cotangent it is not") {
  const GradcheckReport r =
      gradcheck([](const Var& v) { return v * 3.0; }, f64({1, 2}, {2}), {.order = 2});
  CHECK(r.passed());
  CHECK(r.elements == 4);
}

TEST_CASE("what cannot be checked says why") {
  const auto message = [](const VarFunction& f, const std::vector<Tensor>& in,
                          GradcheckOptions o = {}) {
    try {
      const GradcheckReport r = gradcheck(f, in, o);
      return "no error: " + r.text();
    } catch (const Error& e) {
      return std::string(e.what());
    }
  };
  const Tensor x = f64({1, 2}, {2});
  const VarFunction id = [](std::span<const Var> in) { return in[0] * 2.0; };
  CHECK(has(message(id, {ones({2})}), "input 0 is f32"));
  CHECK(has(message(id, {arange(0, 3, 1, DType::i64)}), "none of the 1 inputs is f64"));
  CHECK(has(message(id, {}), "none of the 0 inputs"));
  CHECK(has(message(id, {Tensor()}), "input 0 is an empty Tensor"));
  CHECK(has(message(id, {x}, {.order = 3}), "the order must be 1 or 2, got 3"));
  CHECK(has(message([](std::span<const Var> in) { return cast(in[0], DType::f32); }, {x}),
            "returns f32"));
  CHECK(has(message([](std::span<const Var>) { return Var(); }, {x}), "empty Var"));
  int calls = 0;
  CHECK(has(message([&](std::span<const Var> in) { return in[0] * double(++calls); }, {x}),
            "gives other values when it is called again"));
  // The shape follows the values: two elements are above 1, until one is moved below it.
  CHECK(has(message(
                [](std::span<const Var> in) {
                  const bool both = in[0].value().at({0}) >= 1;
                  return slice(in[0], 0, 0, both ? 2 : 1);
                },
                {x}),
            "returned (1), before that (2)"));
}

TEST_CASE("integer inputs are constants") {
  const std::vector<Tensor> in{f64({1, 2, 3}, {3}), cast(f64({2, 0, 2}, {3}), DType::i64)};
  for (int order : {1, 2}) {
    const GradcheckReport r = gradcheck(
        [](std::span<const Var> v) { return square(take_rows(v[0], v[1])); }, in, {.order = order});
    CHECK(r.passed());
    CHECK(r.elements == (order == 1 ? 3 : 6));
  }
}

TEST_CASE("the same seed gives the same report, another one another cotangent") {
  CHECK(same_bits(random_cotangent(3, {4, 5}), random_cotangent(3, {4, 5})));
  CHECK_FALSE(same_bits(random_cotangent(3, {4, 5}), random_cotangent(4, {4, 5})));
  for (double v : random_cotangent(3, {100}).to_vector<double>()) {
    CHECK(std::abs(v) >= 0.5);
    CHECK(std::abs(v) < 1.5);
  }
}
