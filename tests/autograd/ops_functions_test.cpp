// The functions of ops.h as a user calls them: values of the composed ones, the operators, short
// cuts that make no node, ties, dtypes, and errors in the shapes that the user wrote.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"
#include "tests/error_text.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

Tensor f64(std::initializer_list<double> values, const Shape& shape) {
  return tensor(values, shape, DType::f64);
}
bool equal_to(const Var& v, std::initializer_list<double> values, const Shape& shape) {
  INFO(to_string(v.value()));
  return v.shape() == shape && all_close(v.value(), f64(values, shape), 1e-14, 1e-14);
}
bool checks(const SingleVarFunction& f, const Tensor& x) {
  const GradcheckReport a = gradcheck(f, x), b = gradcheck(f, x, {.order = 2});
  INFO(a.text() << "\n" << b.text());
  return a.passed() && b.passed();
}

}  // namespace

TEST_CASE("operators with Vars and numbers") {
  const Var a(f64({1, 2}, {2})), b(f64({4, 5}, {2}));
  CHECK(equal_to(a + b, {5, 7}, {2}));
  CHECK(equal_to(a - b, {-3, -3}, {2}));
  CHECK(equal_to(a * b, {4, 10}, {2}));
  CHECK(equal_to(a / b, {0.25, 0.4}, {2}));
  CHECK(equal_to(-a, {-1, -2}, {2}));
  CHECK(equal_to(a + 1.0, {2, 3}, {2}));
  CHECK(equal_to(1.0 + a, {2, 3}, {2}));
  CHECK(equal_to(a - 1.0, {0, 1}, {2}));
  CHECK(equal_to(1.0 - a, {0, -1}, {2}));
  CHECK(equal_to(a * 3.0, {3, 6}, {2}));
  CHECK(equal_to(3.0 * a, {3, 6}, {2}));
  CHECK(equal_to(a / 4.0, {0.25, 0.5}, {2}));
  CHECK(equal_to(4.0 / a, {4, 2}, {2}));
  CHECK(checks([](const Var& x) { return (2.0 - x) / (x + 1.0) * x - 3.0 / x; },
               f64({0.5, 1.5}, {2})));
}

TEST_CASE("an input used twice gets both gradients") {
  const Var x = leaf(f64({3}, {1}));
  CHECK(grad(x * x, {x})[0].item() == 6);
  CHECK(grad(x - x, {x})[0].item() == 0);
  CHECK(grad(maximum(x, x), {x})[0].item() == 1);
}

TEST_CASE("maximum and minimum share the gradient where both are equal") {
  const Var a = leaf(f64({1, 2, 3}, {3})), b = leaf(f64({2, 2, 2}, {3}));
  const Var one(ones({3}, DType::f64));
  auto g = grad(maximum(a, b), {a, b}, {}, one);
  CHECK(equal_to(g[0], {0, 0.5, 1}, {3}));
  CHECK(equal_to(g[1], {1, 0.5, 0}, {3}));
  g = grad(minimum(a, b), {a, b}, {}, one);
  CHECK(equal_to(g[0], {1, 0.5, 0}, {3}));
  CHECK(equal_to(g[1], {0, 0.5, 1}, {3}));
  const Var x = leaf(f64({5, 1, 5, 5}, {4}));
  CHECK(equal_to(grad(max(x), {x})[0], {1.0 / 3, 0, 1.0 / 3, 1.0 / 3}, {4}));
  CHECK(equal_to(grad(min(x), {x})[0], {0, 1, 0, 0}, {4}));
}

TEST_CASE("gradients at the edge: relu and abs at 0, norm of zeros, pow with exponent 0") {
  const Var x = leaf(zeros({2}, DType::f64));
  const Var one(ones({2}, DType::f64));
  CHECK(equal_to(grad(relu(x), {x}, {}, one)[0], {0, 0}, {2}));
  CHECK(equal_to(grad(abs(x), {x}, {}, one)[0], {0, 0}, {2}));
  CHECK(equal_to(grad(norm(x), {x})[0], {0, 0}, {2}));
  CHECK(equal_to(grad(pow(x, 0.0), {x}, {}, one)[0], {0, 0}, {2}));
  CHECK(equal_to(grad(pow(x, 1.0), {x}, {}, one)[0], {1, 1}, {2}));
  CHECK(equal_to(grad(square(x), {x}, {}, one)[0], {0, 0}, {2}));
}

TEST_CASE("the gradient of a quotient where the divisor's square is no f32") {
  const Var a = leaf(tensor({2e-24, 3}, {2})), b = leaf(tensor({1e-24, 1e-30}, {2}));
  const std::vector<Var> g = grad(sum(a / b * 1e-30), {a, b});
  CHECK(g[0].value().to_vector<double>()[0] == doctest::Approx(1e-6));
  CHECK(g[1].value().to_vector<double>()[0] == doctest::Approx(-2e-6));
  CHECK(g[1].value().to_vector<double>()[1] == doctest::Approx(-3e30));
}

TEST_CASE("mean, of all elements, of axes") {
  const Tensor t = f64({1, 2, 3, 4, 5, 6}, {2, 3});
  const Var x(t);
  CHECK(mean(x).item() == 3.5);
  CHECK(equal_to(mean(x, {0}), {2.5, 3.5, 4.5}, {3}));
  CHECK(equal_to(mean(x, {-1}, Keep::yes), {2, 5}, {2, 1}));
  CHECK(mean(Var(scalar(7, DType::f64))).item() == 7);
  CHECK(checks([](const Var& v) { return mean(square(v), {0}); }, t));
}

TEST_CASE("select, stack, squeeze, unsqueeze, transpose") {
  const Tensor t = f64({1, 2, 3, 4, 5, 6}, {2, 3});
  const Var x(t);
  CHECK(equal_to(select(x, 0, -1), {4, 5, 6}, {3}));
  CHECK(equal_to(select(x, 1, 0), {1, 4}, {2}));
  CHECK(equal_to(transpose(x), {1, 4, 2, 5, 3, 6}, {3, 2}));
  CHECK(equal_to(unsqueeze(x, 1), {1, 2, 3, 4, 5, 6}, {2, 1, 3}));
  CHECK(unsqueeze(x, -1).shape() == Shape{2, 3, 1});
  CHECK(squeeze(unsqueeze(x, 0), 0).shape() == t.shape());
  const std::vector<Var> parts{select(x, 0, 1), select(x, 0, 0)};
  CHECK(equal_to(stack(parts, 0), {4, 5, 6, 1, 2, 3}, {2, 3}));
  CHECK(equal_to(stack(parts, -1), {4, 1, 5, 2, 6, 3}, {3, 2}));
  CHECK(checks(
      [](const Var& v) {
        const std::vector<Var> list{select(v, 1, 2), select(v, 1, 0)};
        return square(stack(list, 1)) * transpose(slice(transpose(v), 0, 0, 3, 2));
      },
      t));
  CHECK(has(message([&] { squeeze(x, 1); }), "cannot squeeze axis 1 of (2, 3): its size is 3"));
  CHECK(has(message([&] { select(x, 0, 2); }), "index 2 is outside axis 0 of (2, 3)"));
}

TEST_CASE("reshape works out one size, and says what does not divide") {
  const Var x(f64({1, 2, 3, 4, 5, 6}, {2, 3}));
  CHECK(reshape(x, {3, -1}).shape() == Shape{3, 2});
  CHECK(reshape(x, {-1}).shape() == Shape{6});
  CHECK(has(message([&] { reshape(x, {4, -1}); }), "6 elements do not divide by 4"));
  CHECK(has(message([&] { reshape(x, {4}); }), "(2, 3) has 6 elements, (4) would have 4"));
  CHECK(message([&] { reshape(x, {-1, -1}); }) != "no error");
  CHECK(reshape(Var(zeros({0, 3})), {3, -1}).shape() == Shape{3, 0});
}

TEST_CASE("slices: from the back, steps, empty, outside") {
  const Var x(f64({0, 1, 2, 3, 4}, {5}));
  CHECK(equal_to(slice(x, 0, -2, 5), {3, 4}, {2}));
  CHECK(equal_to(slice(x, 0, 0, 5, 2), {0, 2, 4}, {3}));
  CHECK(slice(x, 0, 2, 2).shape() == Shape{0});
  CHECK(has(message([&] { slice(x, 0, 3, 6); }), "slice [3:6] is outside axis 0 of (5)"));
  CHECK(has(message([&] { slice(x, 0, 3, 2); }), "slice [3:2] is outside"));
  CHECK(has(message([&] { slice(x, 0, 0, 2, 0); }), "must be positive, got 0"));
}

TEST_CASE("what changes nothing makes no node") {
  const Var x = leaf(f64({1, 2}, {2}));
  CHECK(reshape(x, {2}) == x);
  CHECK(broadcast_to(x, {2}) == x);
  CHECK(sum_to(x, {2}) == x);
  CHECK(slice(x, 0, 0, 2) == x);
  CHECK(cast(x, DType::f64) == x);
  CHECK_FALSE(alias(x) == x);
}

TEST_CASE("matmul takes one axis as a row or a column") {
  const Tensor a = f64({1, 2, 3, 4, 5, 6}, {2, 3}), r = f64({1, 2}, {2}), c = f64({1, 2, 3}, {3});
  CHECK(equal_to(matmul(Var(a), Var(c)), {14, 32}, {2}));
  CHECK(equal_to(matmul(Var(r), Var(a)), {9, 12, 15}, {3}));
  CHECK(matmul(Var(c), Var(c)).shape() == Shape{});
  CHECK(matmul(Var(c), Var(c)).item() == 14);
  const Var batch(ones({4, 2, 3}, DType::f64));
  CHECK(matmul(batch, Var(c)).shape() == Shape{4, 2});
  CHECK(matmul(Var(r), batch).shape() == Shape{4, 3});
  const Tensor square_matrix = f64({1, 2, 0.5, -1, 0.3, 2, 1, 1, -2}, {3, 3});
  CHECK(checks(
      [&](const Var& v) { return matmul(v, matmul(Var(square_matrix), square(v))) * matmul(v, v); },
      c));
  CHECK(has(message([&] { matmul(Var(a), Var(r)); }), "(2, 3)"));
  CHECK(has(message([&] { matmul(Var(scalar(1, DType::f64)), Var(c)); }), "()"));
  const Var left = constant(r, "left"), right = constant(c, "right");
  for (const std::string& text : {message([&] { matmul(left, right); }),
                                  message([&] { matmul(left, cast(right, DType::f32)); })})
    for (const char* part :
         {"[matmul] ", "input 0: 'left' (2) f64", "(3)", "ops_functions_test.cpp:"})
      CHECK(has(text, part));
}

TEST_CASE("cast carries gradients between f32 and f64, none to integers") {
  const Var x = leaf(tensor({1.5, 2.5}, {2}));
  const Var y = square(cast(x, DType::f64));
  CHECK(y.dtype() == DType::f64);
  const Var g = grad(sum(y), {x})[0];
  CHECK(g.dtype() == DType::f32);
  CHECK(same_bits(g.value(), tensor({3, 5}, {2})));
  const Var n = cast(x, DType::i64);
  CHECK(n.dtype() == DType::i64);
  CHECK_FALSE(n.requires_grad());
}

TEST_CASE("dropout: the vjp makes the same mask again; p = 0 is the identity") {
  const Var x = leaf(ones({200}, DType::f64));
  const Var y = dropout(x, 0.25, 7, 3);
  const Var g = grad(y, {x}, {}, Var(ones({200}, DType::f64)))[0];
  CHECK(same_bits(g.value(), y.value()));
  int64 kept = 0;
  for (double v : y.value().to_vector<double>()) {
    CHECK((v == 0 || v == doctest::Approx(1 / 0.75)));
    kept += v != 0;
  }
  CHECK(kept > 120);
  CHECK(kept < 180);
  CHECK(same_bits(dropout(x, 0, 7, 3).value(), x.value()));
  CHECK_FALSE(same_bits(dropout(x, 0.25, 7, 4).value(), y.value()));
}

TEST_CASE("a masked softmax has zero gradients where the mask is") {
  const Var x = leaf(f64({0.3, -1, 2, 0.5}, {4}));
  const Var mask(tensor({0, 1, 0, 1}, {4}, DType::u8));
  const Var y = softmax(masked_fill(x, mask, -std::numeric_limits<double>::infinity()));
  CHECK(y.value().at({1}) == 0);
  const Var g = grad(y, {x}, {}, Var(f64({1, 2, 3, 4}, {4})))[0];
  CHECK(g.value().at({1}) == 0);
  CHECK(g.value().at({3}) == 0);
  CHECK(std::isfinite(g.value().at({0})));
  CHECK(g.value().at({0}) != 0);
}

TEST_CASE("phase: gradients in f64 where the phase is f32") {
  const Var f = leaf(tensor({0.1}, {1})), p(tensor({1e6}, {1}, DType::f64));
  const Var y = phase(f, p, DType::f32);
  CHECK(y.dtype() == DType::f32);
  const Var g = grad(y, {f})[0];
  CHECK(g.dtype() == DType::f32);
  CHECK(g.item() == 1e6);
}
