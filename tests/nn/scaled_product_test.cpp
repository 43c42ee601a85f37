// Causal products of features with scales: against the N x N form in f64 with the scales as plain
// factors, for chunk remainders, steps of every size, query offsets; gradients; scales far beyond
// what numbers hold.
#include "nn/scaled_product.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/gradcheck.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"

using namespace gradus;
using detail::scale_factors, detail::scaled_causal_product;

namespace {

Tensor random(std::uint64_t seed, const Shape& shape) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, DType::f64);
}

/// What keys are scaled by: 0.1 and 0.02 a step in two heads.
Tensor key_scale(int64 n, double step = 1) {
  const Tensor rows = reshape(arange(0, static_cast<double>(n), 1, DType::f64), {1, 1, n, 1});
  return mul(rows, reshape(tensor({0.1 * step, 0.02 * step}, {2}, DType::f64), {1, 2, 1, 1}));
}

Var by_square(const Var& q, const Var& k, const Var& v, const Tensor& s, const Tensor& t) {
  const int64 begin = k.size(2) - q.size(2);
  const Var a = tril(matmul(q, transpose(k)), begin) * scale_factors(s, t, begin, q.dtype());
  return matmul(a, v);
}

}  // namespace

TEST_CASE("chunks give what the N x N form gives") {
  for (const int64 n : {1, 2, 7, 255, 256, 257, 600})
    for (const int64 begin : {int64{0}, n / 2, n - 1})
      for (const double step : {0.01, 1.0, 60.0, 1e4}) {
        CAPTURE(n);
        CAPTURE(begin);
        CAPTURE(step);
        const Tensor t = key_scale(n, step), s = slice(neg(t), 2, begin, n);
        const Var q(random(1, {2, 2, n - begin, 3})), k(random(2, {2, 2, n, 3})),
            v(random(3, {2, 2, n, 5}));
        const Tensor y = scaled_causal_product(q, k, v, s, t).value(),
                     expected = by_square(q, k, v, s, t).value();
        REQUIRE(y.shape() == expected.shape());
        CHECK(max_difference(y, expected) <= 1e-11 * std::max(1.0, max(abs(expected)).item()));
      }
}

TEST_CASE("scales of each sequence of a batch; nothing at all") {
  const Tensor one = key_scale(300), two = mul(one, 3);
  const Tensor t = concat(std::vector<Tensor>{one, two}, 0), s = neg(t);
  const Var q(random(1, {2, 2, 300, 3})), k(random(2, {2, 2, 300, 3})),
      v(random(3, {2, 2, 300, 2}));
  CHECK(max_difference(scaled_causal_product(q, k, v, s, t).value(),
                       by_square(q, k, v, s, t).value()) <= 1e-10);
  const Var none(zeros({1, 2, 0, 3}, DType::f64));
  const Tensor empty = key_scale(0);
  CHECK(scaled_causal_product(none, none, none, empty, empty).shape() == Shape{1, 2, 0, 3});
}

TEST_CASE("gradients of both orders") {
  const Tensor t = key_scale(5, 300), s = slice(neg(t), 2, 1, 5);  // chunks of one and two rows
  const VarFunction f = [&](std::span<const Var> in) {
    const Var y = scaled_causal_product(in[0], in[1], in[2], s, t);
    return y + square(y);
  };
  for (const int order : {1, 2}) {
    GradcheckOptions options;
    options.order = order;
    const std::vector<Tensor> in{random(1, {1, 2, 4, 2}), random(2, {1, 2, 5, 2}),
                                 random(3, {1, 2, 5, 2})};
    const GradcheckReport report = gradcheck(f, in, options);
    INFO(report.text());
    CHECK(report.passed());
  }
}

TEST_CASE("f32: scales that no f32 holds, at 4,096 rows") {
  constexpr int64 n = 4096;
  const Tensor t = add(key_scale(n, 2), 1e5), s = neg(t);
  const Tensor q = random(1, {1, 2, n, 3}), k = random(2, {1, 2, n, 3}),
               v = random(3, {1, 2, n, 2});
  const auto narrow = [](const Tensor& x) { return Var(cast(x, DType::f32)); };
  const Tensor exact = scaled_causal_product(Var(q), Var(k), Var(v), s, t).value();
  const Tensor y = scaled_causal_product(narrow(q), narrow(k), narrow(v), s, t).value();
  CHECK(max_difference(cast(y, DType::f64), exact) <= 1e-4 * max(abs(exact)).item());
}
