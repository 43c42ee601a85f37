// reflect against its reference, at the level in use: value and every gradient, every remainder of
// a vector and of a block, one token, none, any strides; and what a reflection is.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

#include "autograd/backward.h"
#include "autograd/record.h"
#include "pe/ops.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tensor/reduce.h"
#include "tests/pe/fused.h"

using namespace gradus;
using gradus::testing::apart, gradus::testing::distance, gradus::testing::reversed,
    gradus::testing::same_bits;

namespace {

struct Inputs {
  Tensor x, v, g;
};
/// The value, then the gradients by x and v.
using Results = std::array<Tensor, 3>;

Inputs inputs(const Shape& x, DType t) {
  Rng rng(static_cast<std::uint64_t>(1000 * x[2] + x[3]));
  return {uniform(rng, x, -2, 2, t), uniform(rng, {x[1], x[3]}, 0.5, 2, t),
          uniform(rng, x, -1, 1, t)};
}

Results run(const Inputs& in) {
  const Var x = leaf(in.x), v = leaf(in.v);
  const Var y = reflect(x, v);
  const Gradients g = backward(y, in.g);
  return {y.value(), g.of(x), g.of(v)};
}

void check(const Shape& x, DType t) {
  CAPTURE(text(x));
  CAPTURE(name(t));
  const Inputs in = inputs(x, t);
  const Results fused = run(in);
  const FusionGuard off(Fusion::off);
  const Results reference = run(in);
  for (std::size_t i = 0; i < fused.size(); ++i) {
    CAPTURE(i);
    CHECK(distance(fused[i], reference[i]) <= (t == DType::f32 ? 4e-6 : 1e-13));
  }
}

}  // namespace

TEST_CASE("reflect against its reference, every remainder of a vector and of a block") {
  for (DType t : {DType::f32, DType::f64}) {
    for (int64 width = 1; width <= 37; ++width) check({1, 2, 3, width}, t);
    for (int64 tokens : {1, 2, 31, 32, 33, 127, 128, 129, 300}) check({2, 3, tokens, 8}, t);
    check({2, 3, 0, 4}, t);
    check({0, 3, 2, 4}, t);
  }
}

TEST_CASE("what it does to a row: worked out by hand, lengths kept, twice is nothing") {
  // v = (1, 1): the coordinates change places and signs.
  const Tensor x = tensor({1, 2, -3, 0.5}, {1, 1, 2, 2}, DType::f64);
  const Tensor y = reflect(Var(x), Var(ones({1, 2}, DType::f64))).value();
  CHECK(distance(y, tensor({-2, -1, -0.5, 3}, {1, 1, 2, 2}, DType::f64)) <= 1e-15);

  const Inputs in = inputs({2, 3, 5, 24}, DType::f64);
  const Var once = reflect(Var(in.x), Var(in.v));
  CHECK(distance(reflect(once, Var(in.v)).value(), in.x) <= 1e-14);
  CHECK(distance(sum(square(once.value()), {-1}), sum(square(in.x), {-1})) <= 1e-14);
  // The length of v does not matter, so its gradient is across it.
  const Tensor dv = run(in)[2];
  CHECK(max(abs(sum(mul(dv, in.v), {-1}))).item() <= 1e-11);
}

TEST_CASE("the same bits from tensors of any strides") {
  for (DType t : {DType::f32, DType::f64}) {
    const Inputs in = inputs({2, 3, 5, 22}, t);
    const Results plain = run(in);
    const Tensor by_token = permute(contiguous(permute(in.x, {0, 2, 1, 3})), {0, 2, 1, 3});
    CHECK(same_bits(run({by_token, in.v, in.g}), plain));
    CHECK(same_bits(run({apart(in.x), apart(in.v), apart(in.g)}), plain));
    CHECK(same_bits(run({reversed(in.x), transpose(contiguous(transpose(in.v))), reversed(in.g)}),
                    plain));
    // One row for all tokens, one number for all coordinates, one number for everything.
    for (const Tensor& part :
         {slice(in.g, 2, 0, 1), slice(in.g, 3, 0, 1), full({1, 1, 1, 1}, 0.75, t)}) {
      const Tensor g = broadcast_to(part, in.g.shape());
      CHECK(same_bits(run({in.x, in.v, g}), run({in.x, in.v, copy(g)})));
    }
  }
}

TEST_CASE("the same bits with any number of threads") {
  const int before = threads();
  const Inputs in = inputs({2, 2, 4000, 10}, DType::f32);
  set_threads(1);
  const Results one = run(in);
  set_threads(3);
  CHECK(same_bits(run(in), one));
  set_threads(before);
}

TEST_CASE("a NaN shows in its own row alone") {
  Inputs in = inputs({1, 1, 3, 21}, DType::f32);
  std::vector<double> x = in.x.to_vector<double>();
  x[21 + 20] = std::nan("");
  const Tensor y = reflect(Var(cast(from_values(x, in.x.shape()), DType::f32)), Var(in.v)).value();
  int64 bad = 0;
  for (double number : y.to_vector<double>()) bad += std::isnan(number);
  CHECK(bad == 21);
  CHECK(std::isnan(y.at({0, 0, 1, 0})));
}

TEST_CASE("only what is asked for") {
  const Inputs in = inputs({2, 2, 3, 8}, DType::f64);
  const Results all = run(in);
  const Var x = leaf(in.x), v = leaf(in.v);
  CHECK(distance(backward(reflect(x, Var(in.v)), in.g).of(x), all[1]) == 0);
  CHECK(distance(backward(reflect(Var(in.x), v), in.g).of(v), all[2]) == 0);
}
