// toeplitz_product and lag_product: the sizes and strides that the generic suite does not reach.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "nn/ops.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/matmul.h"
#include "tensor/parallel.h"

using namespace gradus;

namespace {

Tensor random(std::uint64_t seed, const Shape& shape, DType dtype = DType::f64) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, dtype);
}

struct Case {
  Case(int64 queries, int64 keys, int64 m, int64 v)
      : a(random(1, {2, queries, m})),
        b(random(2, {2, keys, m})),
        c(random(3, {2, keys, v})),
        w(random(4, {2, std::max<int64>(0, queries + keys - 1)})),
        g(random(5, {2, queries, v})) {}
  Tensor a, b, c, w, g;
};

/// Both sums by loops.
Tensor product_by_definition(const Case& x) {
  const int64 queries = x.a.size(1), keys = x.b.size(1);
  std::vector<double> y;
  for (int64 h = 0; h < 2; ++h)
    for (int64 m = 0; m < queries; ++m)
      for (int64 j = 0; j < x.c.size(2); ++j) {
        double sum = 0;
        for (int64 n = 0; n < keys; ++n)
          for (int64 i = 0; i < x.a.size(2); ++i)
            sum += x.w.at({h, m - n + keys - 1}) * x.a.at({h, m, i}) * x.b.at({h, n, i}) *
                   x.c.at({h, n, j});
        y.push_back(sum);
      }
  return from_values(y, x.g.shape());
}
Tensor lags_by_definition(const Case& x) {
  const int64 queries = x.a.size(1), keys = x.b.size(1);
  const Tensor s = mul(matmul(x.a, transpose(x.b)), matmul(x.g, transpose(x.c)));
  std::vector<double> y(static_cast<std::size_t>(x.w.numel()), 0.0);
  for (int64 h = 0; h < 2; ++h)
    for (int64 m = 0; m < queries; ++m)
      for (int64 n = 0; n < keys; ++n)
        y[static_cast<std::size_t>(h * x.w.size(1) + m - n + keys - 1)] += s.at({h, m, n});
  return from_values(y, x.w.shape());
}

}  // namespace

TEST_CASE("both sums, at sizes around powers of two") {
  for (const int64 queries : {1, 2, 3, 5, 17})
    for (const int64 keys : {1, 2, 4, 16, 33})
      for (const int64 width : {1, 2, 3}) {
        INFO(queries << " queries, " << keys << " keys, width " << width);
        const Case x(queries, keys, 2, width);
        const Tensor y = toeplitz_product(Var(x.a), x.b, x.c, x.w).value();
        CHECK(max_difference(y, product_by_definition(x)) <= 1e-12);
        const Tensor l = lag_product(Var(x.a), x.b, x.c, x.g).value();
        CHECK(max_difference(l, lags_by_definition(x)) <= 1e-12);
      }
}

TEST_CASE("sizes of zero") {
  struct Size {
    int64 queries, keys, m, v;
  };
  for (const Size s :
       {Size{0, 0, 2, 2}, Size{0, 3, 2, 2}, Size{3, 0, 2, 2}, Size{3, 3, 0, 2}, Size{3, 3, 2, 0}}) {
    const Case x(s.queries, s.keys, s.m, s.v);
    const Tensor y = toeplitz_product(Var(x.a), x.b, x.c, x.w).value();
    CHECK(y.shape() == x.g.shape());
    CHECK(statistics(y).max_abs == 0);
    const Tensor l = lag_product(Var(x.a), x.b, x.c, x.g).value();
    CHECK(l.shape() == x.w.shape());
    CHECK(statistics(l).max_abs == 0);
  }
}

TEST_CASE("weights of 1 where the lag is 0 or more are the causal product") {
  const Case x(70, 70, 3, 4);
  const Tensor lag = arange(-69, 70, 1, DType::f64);
  const Tensor w = cast(less_equal(scalar(0, DType::f64), lag), DType::f64);
  CHECK(
      max_difference(
          toeplitz_product(Var(x.a), x.b, x.c, Var(contiguous(broadcast_to(w, {2, 139})))).value(),
          causal_product(Var(x.a), x.b, x.c).value()) <= 1e-11);
}

TEST_CASE("any strides, weights shared by the batch, and f32 near f64") {
  const Tensor a = permute(random(1, {2, 20, 3, 4}), {0, 2, 1, 3});
  const Tensor b = transpose(random(2, {2, 3, 4, 20}));
  const Tensor c = broadcast_to(random(3, {1, 1, 20, 1}), {2, 3, 20, 5});
  const Tensor w = broadcast_to(random(4, {3, 39}), {2, 3, 39});
  const Tensor y = toeplitz_product(Var(a), b, c, w).value();
  CHECK(max_difference(
            y, toeplitz_product(Var(contiguous(a)), contiguous(b), contiguous(c), contiguous(w))
                   .value()) == 0);
  const auto f32 = [](const Tensor& t) { return Var(cast(t, DType::f32)); };
  const Tensor low = toeplitz_product(f32(a), f32(b), f32(c), f32(w)).value();
  CHECK(max_difference(cast(low, DType::f64), y) <= 1e-6 * statistics(y).max_abs);
}

TEST_CASE("the same bits at any number of threads") {
  const int before = threads();
  const Case x(100, 100, 5, 7);
  const auto run = [&](int count) {
    set_threads(count);
    return std::pair{toeplitz_product(Var(x.a), x.b, x.c, x.w).value(),
                     lag_product(Var(x.a), x.b, x.c, x.g).value()};
  };
  const auto one = run(1), three = run(3);
  set_threads(before);
  CHECK(same_bits(one.first, three.first));
  CHECK(same_bits(one.second, three.second));
}
