#include "tensor/elementwise.h"

#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "tensor/elementwise_gradients.h"
#include "tests/tensor/layouts.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int64 kMost = std::numeric_limits<int64>::max();
constexpr int64 kLeast = std::numeric_limits<int64>::min();
using List = std::vector<double>;

List list(const Tensor& t) { return t.to_vector<double>(); }

struct Unary {
  const char* name;
  Tensor (*kernel)(const Tensor&);
  double (*truth)(double);
  double offset;  // moves the samples into the domain
};
const Unary kUnary[] = {
    {"exp", exp, [](double x) { return std::exp(x); }, 0},
    {"log", log, [](double x) { return std::log(x); }, 2},
    {"log1p", log1p, [](double x) { return std::log1p(x); }, 1},
    {"expm1", expm1, [](double x) { return std::expm1(x); }, 0},
    {"sqrt", sqrt, [](double x) { return std::sqrt(x); }, 2},
    {"rsqrt", rsqrt, [](double x) { return 1 / std::sqrt(x); }, 2},
    {"sin", sin, [](double x) { return std::sin(x); }, 0},
    {"cos", cos, [](double x) { return std::cos(x); }, 0},
    {"tanh", tanh, [](double x) { return std::tanh(x); }, 0},
    {"sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, 0},
    {"softplus", softplus, [](double x) { return std::log1p(std::exp(x)); }, 0},
    {"erf", erf, [](double x) { return std::erf(x); }, 0},
    {"floor", floor, [](double x) { return std::floor(x); }, 0.5},
    {"reciprocal", reciprocal, [](double x) { return 1 / x; }, 2},
    {"neg", neg, [](double x) { return -x; }, 0},
    {"abs", abs, [](double x) { return std::abs(x); }, 0},
    {"sign", sign, [](double x) { return x > 0   ? 1.0
                                         : x < 0 ? -1.0
                                                 : 0.0; }, 0},
    {"square", square, [](double x) { return x * x; }, 0},
    {"relu", relu, [](double x) { return std::max(x, 0.0); }, 0},
};

}  // namespace

TEST_CASE("every unary kernel, both float types, every layout, every small size") {
  for (const Unary& op : kUnary) {
    CAPTURE(op.name);
    for (const DType dtype : {DType::f32, DType::f64})
      for (const Shape& shape :
           {Shape{}, Shape{0}, Shape{1}, Shape{3, 0}, Shape{5, 7}, Shape{2, 3, 19}}) {
        const Tensor x = add(wave(shape, dtype), op.offset);
        List expected;
        for (double v : list(x)) expected.push_back(op.truth(v));
        const Tensor truth = cast(from_values(expected, shape), dtype);
        for (const Tensor& view : layouts_of(x)) {
          const Tensor y = op.kernel(view);
          CHECK(y.is_contiguous());
          CHECK(all_close(y, truth, dtype == DType::f32 ? 3e-7 : 1e-14, 1e-30));
        }
      }
    CHECK(std::isnan(op.kernel(scalar(kNan)).item()));
    CHECK(std::isnan(op.kernel(scalar(kNan, DType::f64)).item()));
  }
}

TEST_CASE("float kernels refuse integers by name") {
  CHECK(contains(error_of<DTypeError>([] { exp(ones({2}, DType::i64)); }),
                 "exp takes f32 or f64, got i64"));
  CHECK(contains(error_of<DTypeError>([] { neg(ones({2}, DType::u8)); }),
                 "neg takes f32, f64 or i64, got u8"));
  CHECK(contains(error_of<DTypeError>([] { div(ones({2}, DType::i64), ones({2}, DType::i64)); }),
                 "div takes"));
}

TEST_CASE("nothing overflows where the result is finite") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    CHECK(list(sigmoid(tensor({-1000, 1000, -kInf, kInf}, {4}, dtype))) == List{0, 1, 0, 1});
    CHECK(list(softplus(tensor({-1000, 1000, -kInf, kInf}, {4}, dtype))) == List{0, 1000, 0, kInf});
    CHECK(list(tanh(tensor({-1000, 1000, -kInf, kInf}, {4}, dtype))) == List{-1, 1, -1, 1});
    CHECK(list(exp(tensor({-1000, 1000, -kInf, kInf}, {4}, dtype))) == List{0, kInf, 0, kInf});
    CHECK(std::signbit(tanh(tensor({-0.0}, {1}, dtype)).item()));
  }
}

TEST_CASE("integers wrap around") {
  const Tensor edge = from_values(std::vector<int64>{kMost, kLeast}, {2});
  const Tensor one = ones({2}, DType::i64);
  CHECK(add(edge, one).to_vector<int64>() == std::vector<int64>{kLeast, kLeast + 1});
  CHECK(sub(edge, one).to_vector<int64>() == std::vector<int64>{kMost - 1, kMost});
  CHECK(mul(edge, edge).to_vector<int64>() == std::vector<int64>{1, 0});
  CHECK(neg(edge).to_vector<int64>() == std::vector<int64>{-kMost, kLeast});
  CHECK(abs(edge).to_vector<int64>() == std::vector<int64>{kMost, kLeast});
  CHECK(square(edge).to_vector<int64>() == std::vector<int64>{1, 0});
  CHECK(sign(edge).to_vector<int64>() == std::vector<int64>{1, -1});
  CHECK(add(full({1}, 250, DType::u8), full({1}, 10, DType::u8)).item() == 4);
}

TEST_CASE("binary kernels over every pair of layouts and broadcasts") {
  struct Binary {
    const char* name;
    Tensor (*kernel)(const Tensor&, const Tensor&);
    double (*truth)(double, double);
  };
  const Binary ops[] = {
      {"add", add, [](double a, double b) { return a + b; }},
      {"sub", sub, [](double a, double b) { return a - b; }},
      {"mul", mul, [](double a, double b) { return a * b; }},
      {"div", div, [](double a, double b) { return a / b; }},
      {"maximum", maximum, [](double a, double b) { return std::max(a, b); }},
      {"minimum", minimum, [](double a, double b) { return std::min(a, b); }},
      {"tanh_gradient", tanh_gradient, [](double y, double g) { return g * (1 - y * y); }},
      {"sigmoid_gradient", sigmoid_gradient, [](double y, double g) { return g * (y * (1 - y)); }},
  };
  const std::pair<Shape, Shape> shapes[] = {
      {{}, {}},         {{4}, {}},           {{}, {4}},     {{3, 5}, {3, 5}},    {{3, 5}, {5}},
      {{3, 1}, {1, 5}}, {{2, 1, 5}, {3, 1}}, {{0, 3}, {3}}, {{2, 3, 4}, {3, 1}}, {{1}, {2, 0}},
  };
  for (const Binary& op : ops)
    for (const auto& pair : shapes) {
      CAPTURE(op.name);
      const Tensor a = wave(pair.first), b = add(wave(pair.second, DType::f64, 2), 1.5);
      const Shape shape = broadcast_shapes(pair.first, pair.second);
      const List x = list(broadcast_to(a, shape)), y = list(broadcast_to(b, shape));
      List expected(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) expected[i] = op.truth(x[i], y[i]);
      const Tensor truth = from_values(expected, shape);
      for (const Tensor& p : layouts_of(a))
        for (const Tensor& q : layouts_of(b)) CHECK(same_bits(op.kernel(p, q), truth));
    }
}

TEST_CASE("dtypes are never promoted") {
  const auto text = error_of<DTypeError>([] { add(ones({2}), ones({2}, DType::f64)); });
  CHECK(contains(text, "f32 (2) and f64 (2)"));
  CHECK(contains(text, "cast(x, DType::f64)"));
  CHECK_THROWS_AS(add(ones({2}), ones({3})), ShapeError);
}

TEST_CASE("large tensors are cut into parts without a seam") {
  const Tensor a = wave({400, 500}, DType::f32), b = wave({500, 400}, DType::f32, 2);
  const Tensor y = add(a, transpose(b));
  for (int64 i : {0, 131, 399})
    for (int64 j : {0, 77, 499})
      CHECK(y.at({i, j}) == static_cast<double>(static_cast<float>(a.at({i, j})) +
                                                static_cast<float>(b.at({j, i}))));
  CHECK(same_bits(exp(transpose(b)), contiguous(transpose(exp(b)))));
}

TEST_CASE("a NaN wins in maximum and minimum, on either side") {
  const Tensor nan = scalar(kNan), one = scalar(1);
  CHECK(std::isnan(maximum(nan, one).item()));
  CHECK(std::isnan(maximum(one, nan).item()));
  CHECK(std::isnan(minimum(nan, one).item()));
  CHECK(std::isnan(minimum(one, nan).item()));
}

TEST_CASE("scalars take the tensor's dtype, if it holds them") {
  CHECK(add(ones({1}, DType::i64), 2).item() == 3);
  CHECK(mul(full({1}, 7, DType::u8), 3).item() == 21);
  CHECK(contains(error_of<DTypeError>([] { add(ones({2}, DType::i64), 0.5); }), "0.5"));
  CHECK_THROWS_AS(mul(ones({2}, DType::u8), -1), DTypeError);
  CHECK(add(ones({1}), 0.1).item() == static_cast<double>(1.0f + 0.1f));
}

TEST_CASE("pow") {
  const Tensor x = tensor({-2, 0.5, 0, 3}, {4}, DType::f64);
  for (double power : {1.0, 2.0, -1.0, 3.0, 0.5, 0.0}) {
    const List y = list(pow(x, power)), z = list(pow(x, full({4}, power, DType::f64)));
    const List in = list(x);
    for (std::size_t i = 0; i < 4; ++i) {
      const double truth = std::pow(in[i], power);
      CHECK((y[i] == doctest::Approx(truth) || (std::isnan(truth) && std::isnan(y[i])) ||
             y[i] == truth));
      CHECK((z[i] == truth || (std::isnan(truth) && std::isnan(z[i]))));
    }
  }
  CHECK_FALSE(pow(x, 1).shares_storage(x));
  CHECK_THROWS_AS(pow(ones({1}, DType::i64), 2), DTypeError);
}

TEST_CASE("clamp") {
  CHECK(list(clamp(tensor({-5, 0, 5, -kInf, kInf}, {5}), -1, 2)) == List{-1, 0, 2, -1, 2});
  CHECK(std::isnan(clamp(scalar(kNan), 0, 1).item()));
  CHECK(list(clamp(tensor({-5, 0, 5}, {3}, DType::i64), -1.5, 2.5)) == List{-1, 0, 2});
  CHECK(list(clamp(tensor({0, 9, 200}, {3}, DType::u8), -10, 1000)) == List{0, 9, 200});
  CHECK(list(clamp(tensor({-5, 5}, {2}, DType::i64), -kInf, 0)) == List{-5, 0});
  CHECK_THROWS_AS(clamp(scalar(1), 2, 1), ConfigError);
  CHECK_THROWS_AS(clamp(scalar(1), kNan, 1), ConfigError);
}

TEST_CASE("comparisons give masks, and a NaN equals nothing") {
  const Tensor a = tensor({1, 2, kNan}, {3}), b = tensor({2, 2, kNan}, {3});
  CHECK(equal(a, b).dtype() == DType::u8);
  CHECK(list(equal(a, b)) == List{0, 1, 0});
  CHECK(list(not_equal(a, b)) == List{1, 0, 1});
  CHECK(list(less(a, b)) == List{1, 0, 0});
  CHECK(list(less_equal(a, b)) == List{1, 1, 0});
  CHECK(list(greater(b, a)) == List{1, 0, 0});
  CHECK(list(greater_equal(b, a)) == List{1, 1, 0});
  CHECK(list(is_finite(tensor({1, kInf, -kInf, kNan}, {4}))) == List{1, 0, 0, 0});
  CHECK(list(is_finite(ones({2}, DType::i64))) == List{1, 1});
  CHECK(equal(from_values(std::vector<int64>{kMost}, {1}),
              from_values(std::vector<int64>{kMost - 1}, {1}))
            .item() == 0);
  CHECK_THROWS_AS(less(a, cast(b, DType::f64)), DTypeError);
}

TEST_CASE("masks: any non-zero counts as true") {
  const Tensor a = tensor({0, 7, 2, 0}, {4}, DType::u8), b = tensor({0, 8, 0, 1}, {4}, DType::u8);
  CHECK(list(logical_and(a, b)) == List{0, 1, 0, 0});
  CHECK(list(logical_or(a, b)) == List{0, 1, 1, 1});
  CHECK(list(logical_not(a)) == List{1, 0, 0, 1});
  CHECK(contains(error_of<DTypeError>([] { logical_not(ones({2})); }), "u8 masks, got f32 (2)"));
}

TEST_CASE("where broadcasts all three") {
  const Tensor c = tensor({1, 0}, {2, 1}, DType::u8);
  CHECK(list(where(c, tensor({1, 2, 3}, {3}), scalar(-1))) == List{1, 2, 3, -1, -1, -1});
  CHECK(list(where(scalar(2, DType::u8), scalar(kNan), scalar(1)))[0] != 1);
  CHECK(where(scalar(1, DType::u8), ones({0}), scalar(1)).shape() == Shape{0});
  const Tensor mask = greater(wave({4, 6}), scalar(0, DType::f64));
  for (const Tensor& m : layouts_of(mask)) {
    const Tensor x = wave({4, 6}), zero = scalar(0, DType::f64);
    CHECK(same_bits(where(m, x, zero), relu(x)));
    CHECK(same_bits(where(logical_not(m), zero, x), relu(x)));
  }
  CHECK_THROWS_AS(where(ones({1}), ones({1}), ones({1})), DTypeError);
  CHECK_THROWS_AS(where(c, ones({1}), ones({1}, DType::f64)), DTypeError);
}
