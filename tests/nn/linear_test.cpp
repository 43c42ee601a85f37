// linear against its reference, at sizes around a tile of the product, of every layout.
#include <doctest/doctest.h>

#include "autograd/backward.h"
#include "autograd/record.h"
#include "nn/linear.h"
#include "tensor/elementwise.h"
#include "tensor/matmul.h"
#include "tensor/parallel.h"

using namespace gradus;

namespace {

Tensor random(Rng& rng, const Shape& s, DType dtype) {
  return cast(normal(rng, s, 0, 1, DType::f64), dtype);
}

/// y, dx, dW, db
std::vector<Tensor> run(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& g,
                        Fusion fusion = Fusion::on) {
  const FusionGuard guard(fusion);
  const Var in[] = {leaf(x), leaf(weight), leaf(bias)};
  const Var y = linear(in[0], in[1], in[2]);
  const Gradients grads = backward(y, g);
  return {y.value(), grads.of(in[0]), grads.of(in[1]), grads.of(in[2])};
}

void compare(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& g) {
  INFO("x " << describe(x) << ", weight " << describe(weight));
  const std::vector<Tensor> fused = run(x, weight, bias, g),
                            wanted = run(x, weight, bias, g, Fusion::off);
  const double tolerance = x.dtype() == DType::f64 ? 1e-12 : 2e-5;
  for (std::size_t i = 0; i < fused.size(); ++i) {
    INFO("result " << i);
    REQUIRE(fused[i].shape() == wanted[i].shape());
    if (wanted[i].numel() > 0)
      CHECK(max_difference(fused[i], wanted[i]) <=
            tolerance * std::max(1.0, statistics(wanted[i]).max_abs));
  }
}

}  // namespace

TEST_CASE("values and gradients are the reference's, at any size") {
  Rng rng(1);
  for (const DType dtype : {DType::f64, DType::f32})
    for (const int64 rows : {0, 1, 11, 13, 130})
      for (const int64 in : {1, 31, 300})
        for (const int64 out : {1, 16, 33, 70})
          compare(random(rng, {rows, in}, dtype), random(rng, {out, in}, dtype),
                  random(rng, {out}, dtype), random(rng, {rows, out}, dtype));
  // Rows too far apart for the project's own kernel: BLAS.
  compare(random(rng, {40, 900}, DType::f32), random(rng, {50, 900}, DType::f32),
          random(rng, {50}, DType::f32), random(rng, {40, 50}, DType::f32));
}

TEST_CASE("sizes of 0") {
  Rng rng(1);
  for (const Shape& s : {Shape{2, 0}, Shape{0, 2}, Shape{0, 0}})
    compare(random(rng, {3, s[1]}, DType::f64), random(rng, s, DType::f64),
            random(rng, {s[0]}, DType::f64), random(rng, {3, s[0]}, DType::f64));
}

TEST_CASE("any strides and any number of axes") {
  Rng rng(1);
  for (const DType dtype : {DType::f64, DType::f32}) {
    const Tensor x = random(rng, {3, 40, 35}, dtype), weight = random(rng, {64, 35}, dtype),
                 bias = random(rng, {128}, dtype), g = random(rng, {40, 3, 64}, dtype);
    compare(x, weight, slice(bias, 0, 0, 64), permute(g, {1, 0, 2}));
    compare(permute(random(rng, {40, 3, 35}, dtype), {1, 0, 2}),
            transpose(random(rng, {35, 64}, dtype)), slice(bias, 0, 0, 128, 2),
            permute(random(rng, {64, 40, 3}, dtype), {2, 1, 0}));
    compare(slice(x, 2, 1, 34), slice(weight, 1, 1, 34), broadcast_to(slice(bias, 0, 5, 6), {64}),
            broadcast_to(slice(permute(g, {1, 0, 2}), 1, 0, 1), {3, 40, 64}));
    compare(select(select(x, 0, 0), 0, 0), weight, slice(bias, 0, 3, 67), slice(bias, 0, 60, 124));
  }
}

TEST_CASE("the bias is added last: the bits of a product and an addition") {
  Rng rng(1);
  for (const int64 in : {64, 256, 300, 900})
    for (const int64 out : {40, 64, 130}) {
      const Tensor x = random(rng, {70, in}, DType::f32),
                   weight = random(rng, {out, in}, DType::f32),
                   bias = random(rng, {out}, DType::f32);
      CHECK(same_bits(matmul(x, transpose(weight), bias), add(matmul(x, transpose(weight)), bias)));
    }
}

TEST_CASE("the same bits at any number of threads") {
  Rng rng(1);
  const int before = threads();
  for (const int64 out : {96, 512}) {
    const Tensor x = random(rng, {2, 300, 128}, DType::f32),
                 w = random(rng, {out, 128}, DType::f32), b = random(rng, {out}, DType::f32),
                 g = random(rng, {2, 300, out}, DType::f32);
    set_threads(1);
    const std::vector<Tensor> one = run(x, w, b, g);
    set_threads(3);
    const std::vector<Tensor> three = run(x, w, b, g);
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(same_bits(one[i], three[i]));
  }
  set_threads(before);
}

TEST_CASE("a row that does not fit a product is refused") {
  const Tensor a = zeros({2, 3}), b = zeros({3, 4});
  CHECK_THROWS_AS(matmul(a, b, zeros({3})), ShapeError);
  CHECK_THROWS_AS(matmul(a, b, zeros({1, 4})), ShapeError);
  CHECK_THROWS_AS(matmul(a, b, zeros({4}, DType::f64)), DTypeError);
  CHECK_THROWS_AS(matmul(a, zeros({3}), zeros({3})), ShapeError);
}
