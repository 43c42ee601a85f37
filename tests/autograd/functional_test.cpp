// Jacobians, Hessians and their products against closed forms and against each other.
#include <doctest/doctest.h>

#include "autograd/functional.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "tensor/elementwise.h"
#include "tensor/matmul.h"
#include "tensor/random.h"

using namespace gradus;

namespace {

Tensor f64(std::initializer_list<double> values, const Shape& shape) {
  return tensor(values, shape, DType::f64);
}
Tensor random(std::uint64_t seed, const Shape& shape) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, DType::f64);
}
bool near(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && all_close(a, b, 1e-12, 1e-12);
}

}  // namespace

TEST_CASE("the Jacobian of a linear map is its matrix") {
  const Tensor a = random(1, {3, 4}), x = random(2, {4});
  const Tensor j = jacobian([&](const Var& v) { return matmul(Var(a), v); }, x);
  CHECK(near(j, a));
}

TEST_CASE("Jacobian: shapes are y's followed by x's") {
  // y_ij = x_i^2 w_j: dy_ij/dx_k = 2 x_i w_j [i = k], dy_ij/dw_k = x_i^2 [j = k]
  const std::vector<Tensor> in{f64({1, -2}, {2}), f64({3, 4, 5}, {3})};
  const std::vector<Tensor> j = jacobian(
      [](std::span<const Var> v) { return unsqueeze(square(v[0]), 1) * unsqueeze(v[1], 0); }, in);
  REQUIRE(j.size() == 2);
  CHECK(j[0].shape() == Shape{2, 3, 2});
  CHECK(j[1].shape() == Shape{2, 3, 3});
  const std::vector<double> x = in[0].to_vector<double>(), w = in[1].to_vector<double>();
  for (int64 i = 0; i < 2; ++i)
    for (int64 k = 0; k < 3; ++k) {
      const auto iu = static_cast<std::size_t>(i), ku = static_cast<std::size_t>(k);
      for (int64 l = 0; l < 2; ++l)
        CHECK(j[0].at({i, k, l}) == doctest::Approx(i == l ? 2 * x[iu] * w[ku] : 0));
      for (int64 l = 0; l < 3; ++l)
        CHECK(j[1].at({i, k, l}) == doctest::Approx(k == l ? x[iu] * x[iu] : 0));
    }
}

TEST_CASE("Jacobian of softmax: diag(y) - y y^T") {
  const Tensor x = random(3, {5});
  const Tensor y = softmax(Var(x)).value();
  const Tensor outer = gradus::mul(unsqueeze(y, 1), unsqueeze(y, 0));
  const Tensor expected = gradus::sub(gradus::mul(eye(5, DType::f64), y), outer);
  CHECK(near(jacobian([](const Var& v) { return softmax(v); }, x), expected));
}

TEST_CASE("scalars, size 0, f32") {
  CHECK(jacobian([](const Var& v) { return square(v); }, scalar(3, DType::f64)).item() == 6);
  CHECK(hessian([](const Var& v) { return pow(v, 3.0); }, scalar(2, DType::f64)).item() ==
        doctest::Approx(12));
  CHECK(jacobian([](const Var& v) { return square(v); }, zeros({0}, DType::f64)).shape() ==
        Shape{0, 0});
  CHECK(hessian([](const Var& v) { return sum(square(v)); }, zeros({0}, DType::f64)).shape() ==
        Shape{0, 0});
  const Tensor j = jacobian([](const Var& v) { return square(v); }, tensor({1, 2}, {2}));
  CHECK(same_bits(j, tensor({2, 0, 0, 4}, {2, 2})));
}

TEST_CASE("Hessian of a quadratic form x^T A x: A + A^T") {
  const Tensor a = random(4, {4, 4}), x = random(5, {4}), v = random(6, {4});
  const SingleVarFunction f = [&](const Var& u) { return matmul(u, matmul(Var(a), u)); };
  const Tensor expected = gradus::add(a, transpose(a));
  CHECK(near(hessian(f, x), expected));
  CHECK(near(hvp(f, x, v), gradus::matmul(expected, v)));
}

TEST_CASE("Hessian of several inputs: blocks") {
  // f = sum_i x_i^2 w_i + 3 s: H_xx = 2 diag(w), H_xw = 2 diag(x), H_ww = 0, s takes no part.
  const std::vector<Tensor> in{random(7, {3}), random(8, {3}), scalar(2, DType::f64)};
  const VarFunction f = [](std::span<const Var> v) {
    return sum(square(v[0]) * v[1]) + v[2] * 3.0;
  };
  const auto h = hessian(f, in);
  const Tensor id = eye(3, DType::f64);
  CHECK(near(h[0][0], gradus::mul(gradus::mul(id, in[1]), 2)));
  CHECK(near(h[0][1], gradus::mul(gradus::mul(id, in[0]), 2)));
  CHECK(near(h[1][0], gradus::mul(gradus::mul(id, in[0]), 2)));
  CHECK(near(h[1][1], zeros({3, 3}, DType::f64)));
  CHECK(near(h[0][2], zeros({3}, DType::f64)));
  CHECK(near(h[2][0], zeros({3}, DType::f64)));
  CHECK(h[2][2].item() == 0);

  const std::vector<Tensor> v{random(9, {3}), random(10, {3}), scalar(1, DType::f64)};
  const std::vector<Tensor> product = hvp(f, in, v);
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(near(product[i],
               gradus::add(gradus::matmul(h[i][0], v[0]), gradus::matmul(h[i][1], v[1]))));
  CHECK(product[2].item() == 0);
}

TEST_CASE("jvp is the Jacobian times the tangents") {
  const std::vector<Tensor> in{random(11, {2, 3}), random(12, {3, 2}),
                               tensor({1, 0}, {2}, DType::i64)};
  const VarFunction f = [](std::span<const Var> v) {
    return take_rows(tanh(matmul(v[0], v[1])), v[2]);
  };
  const std::vector<Tensor> t{random(13, {2, 3}), random(14, {3, 2}), Tensor()};
  const std::vector<Tensor> j = jacobian(f, in);
  CHECK_FALSE(j[2].defined());
  Tensor expected = zeros({4}, DType::f64);
  for (std::size_t i = 0; i < 2; ++i)
    expected = gradus::add(expected, gradus::matmul(reshape(j[i], {4, 6}), reshape(t[i], {6})));
  CHECK(near(reshape(jvp(f, in, t), {4}), expected));
  // An undefined tangent counts as zero.
  const std::vector<Tensor> first{t[0], Tensor(), Tensor()};
  CHECK(near(reshape(jvp(f, in, first), {4}),
             gradus::matmul(reshape(j[0], {4, 6}), reshape(t[0], {6}))));
}

TEST_CASE("no influence gives zeros, not an error") {
  const Tensor x = random(15, {2}), v = random(16, {2});
  const SingleVarFunction constant_f = [](const Var&) { return Var(scalar(1, DType::f64)); };
  CHECK(near(jacobian(constant_f, x), zeros({2}, DType::f64)));
  CHECK(near(hessian(constant_f, x), zeros({2, 2}, DType::f64)));
  CHECK(near(hvp(constant_f, x, v), zeros({2}, DType::f64)));
  CHECK(jvp(constant_f, x, v).item() == 0);
  const SingleVarFunction linear = [](const Var& u) { return sum(u); };
  CHECK(near(hessian(linear, x), zeros({2, 2}, DType::f64)));
}

TEST_CASE("they work inside NoGrad") {
  const NoGrad guard;
  CHECK(hessian([](const Var& v) { return pow(v, 3.0); }, scalar(2, DType::f64)).item() ==
        doctest::Approx(12));
}

TEST_CASE("errors say what does not fit") {
  const auto message = [](auto&& run) {
    try {
      run();
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  const auto has = [](const std::string& text, std::string_view part) {
    INFO(text);
    return text.find(part) != std::string::npos;
  };
  const Tensor x = random(17, {2});
  const SingleVarFunction f = [](const Var& v) { return square(v); };
  CHECK(has(message([&] { hessian(f, x); }), "of one number, the function returned (2)"));
  CHECK(has(message([&] { hvp(f, x, x); }), "of one number"));
  CHECK(
      has(message([&] { jvp(f, x, random(1, {3})); }), "tangent 0 has shape (3), input 0 has (2)"));
  CHECK(has(message([&] { jvp(f, x, ones({2})); }), "tangent 0 is f32, input 0 is f64"));
  CHECK(has(message([&] { jacobian(f, arange(0, 2, 1, DType::i64)); }), "nothing to derive by"));
  CHECK(has(message([&] { jacobian(f, Tensor()); }), "input 0 is an empty Tensor"));
  CHECK(has(message([&] { jacobian([](const Var&) { return Var(); }, x); }), "empty Var"));
  const std::vector<Tensor> one{x}, two{x, x};
  CHECK(has(message([&] { jvp([](std::span<const Var> v) { return v[0]; }, one, two); }),
            "1 inputs need as many tangents, got 2"));
}
