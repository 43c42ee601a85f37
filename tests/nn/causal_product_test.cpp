// causal_product and elu1: the generic suite, and the sizes and strides it does not reach.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "autograd/check_op.h"
#include "nn/ops.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/matmul.h"
#include "tensor/parallel.h"

using namespace gradus;

namespace {

/// tril(a b^T) c, or triu.
Tensor by_definition(const Tensor& a, const Tensor& b, const Tensor& c, Direction d) {
  const Tensor s = matmul(a, transpose(b));
  return matmul(d == Direction::forward ? tril(s) : triu(s), c);
}

Tensor random(std::uint64_t seed, const Shape& shape, DType dtype = DType::f64) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, dtype);
}

const OpDef& find(std::string_view name) {
  for (const OpDef* op : nn_ops())
    if (op->name == name) return *op;
  throw InternalError("no op of that name");
}

}  // namespace

TEST_CASE("causal_product and elu1 pass the generic suite") {
  for (const char* name : {"causal_product", "elu1"}) {
    const CheckReport r = check_op(find(name));
    INFO(r.text());
    CHECK(r.passed());
    CHECK(r.planted > 0);
  }
}

TEST_CASE("the table of nn is sorted") {
  for (std::size_t i = 1; i < nn_ops().size(); ++i)
    CHECK(nn_ops()[i - 1]->name < nn_ops()[i]->name);
}

TEST_CASE("every remainder of a chunk, both directions") {
  for (const int64 n : {1, 2, 63, 64, 65, 127, 128, 129, 200}) {
    const Tensor a = random(1, {2, n, 3}), b = random(2, {2, n, 3}), c = random(3, {2, n, 2});
    for (const Direction d : {Direction::forward, Direction::reverse}) {
      INFO("N = " << n);
      CHECK(max_difference(causal_product(Var(a), b, c, d).value(), by_definition(a, b, c, d)) <=
            1e-11);
    }
  }
}

TEST_CASE("sizes of zero") {
  const auto shape = [](const Shape& ab, const Shape& c) {
    const Var y = causal_product(Var(ones(ab)), ones(ab), ones(c));
    CHECK(statistics(y.value()).max_abs == 0);
    return y.shape();
  };
  CHECK(shape({2, 0, 3}, {2, 0, 4}) == Shape{2, 0, 4});
  CHECK(shape({2, 5, 0}, {2, 5, 4}) == Shape{2, 5, 4});
  CHECK(shape({2, 5, 3}, {2, 5, 0}) == Shape{2, 5, 0});
  CHECK(shape({0, 5, 3}, {0, 5, 4}) == Shape{0, 5, 4});
}

TEST_CASE("any strides: split heads, transposed, broadcast, one row, one column") {
  const Direction forward = Direction::forward;
  const Tensor heads = permute(random(1, {2, 70, 3, 4}), {0, 2, 1, 3});
  const Tensor wide = transpose(random(2, {2, 3, 4, 70}));
  const Tensor same = broadcast_to(random(3, {1, 1, 1, 4}), {2, 3, 70, 4});
  for (const Tensor& a : {heads, wide, same})
    for (const Tensor& b : {heads, wide, same})
      for (const Tensor& c : {heads, wide, same})
        CHECK(max_difference(causal_product(Var(a), b, c).value(),
                             by_definition(a, b, c, forward)) <= 1e-10);
  const Tensor row = slice(random(4, {2, 5, 3}), 1, 2, 3);
  const Tensor column = slice(random(5, {2, 5, 3}), 2, 1, 2);
  CHECK(max_difference(causal_product(Var(row), row, row).value(),
                       by_definition(row, row, row, forward)) <= 1e-14);
  CHECK(max_difference(causal_product(Var(column), column, column).value(),
                       by_definition(column, column, column, forward)) <= 1e-14);
}

TEST_CASE("f32 stays near f64 over a long sequence") {
  const Tensor a = random(1, {1, 2000, 4}), b = random(2, {1, 2000, 4}),
               c = random(3, {1, 2000, 2});
  const Tensor truth = causal_product(Var(a), b, c).value();
  const Tensor y =
      causal_product(Var(cast(a, DType::f32)), cast(b, DType::f32), cast(c, DType::f32)).value();
  // Sums of 2000 terms of size 1 reach about 100; f32 rounds at 1e-7 of that, a few times.
  CHECK(max_difference(cast(y, DType::f64), truth) <= 1e-3);
}

TEST_CASE("the same bits at any number of threads") {
  const int before = threads();
  const Tensor a = random(1, {3, 5, 300, 16}, DType::f32),
               c = random(3, {3, 5, 300, 16}, DType::f32);
  set_threads(1);
  const Tensor one = causal_product(Var(a), a, c).value();
  set_threads(3);
  const Tensor three = causal_product(Var(a), a, c).value();
  set_threads(before);
  CHECK(same_bits(one, three));
}

TEST_CASE("elu1 is smooth at 0 and passes NaN on") {
  const Var x = leaf(tensor({0, -0.0, 1000, -1000}, {4}, DType::f64));
  const Var y = elu1(x);
  CHECK(y.value().at({0}) == 1);
  CHECK(y.value().at({2}) == 1001);
  CHECK(y.value().at({3}) == 0);
  const Gradients g = backward(sum(y));
  CHECK(g.of(x).at({0}) == 1);
  CHECK(g.of(x).at({1}) == 1);
  CHECK(g.of(x).at({2}) == 1);
  CHECK(std::isnan(elu1(Var(scalar(std::nan("")))).item()));
}
