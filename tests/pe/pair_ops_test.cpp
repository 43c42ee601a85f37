// turn_pairs and pool_pairs against their references, at the level in use: value and every
// gradient, every remainder of a vector, one token, none, tables shared in every way, any strides.
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
#include "tests/pe/fused.h"

using namespace gradus;
using gradus::testing::apart, gradus::testing::distance, gradus::testing::reversed,
    gradus::testing::same_bits;

namespace {

using Op = Var (*)(At, const Var&, const Var&, Pairing);
constexpr std::array<Op, 2> kOps{turn_pairs, pool_pairs};
constexpr std::array<Pairing, 2> kPairings{Pairing::interleaved, Pairing::half};

struct Inputs {
  Tensor x, cos, sin, g;
};
using Results = std::array<Tensor, 4>;

/// The cotangent is as wide as the op's result.
Inputs inputs(const Shape& x, int64 table_batch, int64 table_heads, Op op, DType t) {
  Rng rng(static_cast<std::uint64_t>(1000 * x[2] + x[3]));
  const Shape table{table_batch, table_heads, x[2], x[3] / 2};
  const int64 width = op == Op{turn_pairs} ? x[3] : x[3] / 2;
  return {uniform(rng, x, -2, 2, t), uniform(rng, table, -1, 1, t), uniform(rng, table, -1, 1, t),
          uniform(rng, {x[0], x[1], x[2], width}, -1, 1, t)};
}

/// The value, then the gradients by x, cos and sin.
Results run(Op op, const Inputs& in, Pairing pairing) {
  const Var x = leaf(in.x), c = leaf(in.cos), s = leaf(in.sin);
  const Var y = op(x, c, s, pairing);
  const Gradients g = backward(y, in.g);
  return {y.value(), g.of(x), g.of(c), g.of(s)};
}

void check(const Shape& x, int64 table_batch, int64 table_heads, DType t) {
  for (Op op : kOps)
    for (Pairing pairing : kPairings) {
      CAPTURE(text(x));
      CAPTURE(name(t));
      CAPTURE((op == Op{turn_pairs}));
      CAPTURE((pairing == Pairing::half));
      const Inputs in = inputs(x, table_batch, table_heads, op, t);
      const Results fused = run(op, in, pairing);
      const FusionGuard off(Fusion::off);
      const Results reference = run(op, in, pairing);
      for (std::size_t i = 0; i < fused.size(); ++i) {
        CAPTURE(i);
        CHECK(distance(fused[i], reference[i]) <= (t == DType::f32 ? 1e-6 : 1e-14));
      }
    }
}

}  // namespace

TEST_CASE("pairs against their references, every remainder of a vector") {
  for (DType t : {DType::f32, DType::f64}) {
    for (int64 pairs = 1; pairs <= 35; ++pairs) check({1, 2, 2, 2 * pairs}, 1, 1, t);
    check({1, 1, 1, 2}, 1, 1, t);
    check({2, 3, 0, 4}, 1, 3, t);
    check({0, 3, 2, 4}, 1, 3, t);
    check({2, 3, 2, 0}, 1, 3, t);
  }
}

TEST_CASE("tables of one sequence, one head, all of them, in one block and in several") {
  for (DType t : {DType::f32, DType::f64})
    for (int64 batch : {1, 3})
      for (int64 heads : {1, 2}) {
        check({3, 2, 5, 6}, batch, heads, t);
        check({3, 2, 1, 16}, batch, heads, t);
      }
  // 128 pairs: blocks of 128 tokens.
  check({2, 2, 300, 256}, 1, 2, DType::f32);
}

TEST_CASE("the same bits from tensors of any strides") {
  for (DType t : {DType::f32, DType::f64})
    for (Op op : kOps)
      for (Pairing pairing : kPairings) {
        const Inputs in = inputs({2, 3, 5, 22}, 1, 3, op, t);
        const Results plain = run(op, in, pairing);
        const Tensor by_token = permute(contiguous(permute(in.x, {0, 2, 1, 3})), {0, 2, 1, 3});
        CHECK(same_bits(run(op, {by_token, in.cos, in.sin, in.g}, pairing), plain));
        CHECK(same_bits(run(op, {apart(in.x), in.cos, in.sin, apart(in.g)}, pairing), plain));
        CHECK(same_bits(run(op, {reversed(in.x), in.cos, in.sin, reversed(in.g)}, pairing), plain));
        CHECK(same_bits(run(op, {in.x, apart(in.cos), reversed(in.sin), in.g}, pairing), plain));
        // The halves of one table, as encodings hand them over.
        const Tensor table = concat(std::vector<Tensor>{in.cos, in.sin}, -1);
        CHECK(same_bits(
            run(op, {in.x, slice(table, -1, 0, 11), slice(table, -1, 11, 22), in.g}, pairing),
            plain));
        // One row for all tokens, one number for all coordinates, one number for everything.
        for (const Tensor& part :
             {slice(in.g, 2, 0, 1), slice(in.g, 3, 0, 1), full({1, 1, 1, 1}, 0.75, t)}) {
          const Tensor g = broadcast_to(part, in.g.shape());
          CHECK(same_bits(run(op, {in.x, in.cos, in.sin, g}, pairing),
                          run(op, {in.x, in.cos, in.sin, copy(g)}, pairing)));
        }
      }
}

TEST_CASE("the same bits with any number of threads") {
  const int before = threads();
  for (Op op : kOps) {
    const Inputs in = inputs({2, 2, 4000, 10}, 1, 1, op, DType::f32);
    set_threads(1);
    const Results one = run(op, in, Pairing::interleaved);
    set_threads(3);
    CHECK(same_bits(run(op, in, Pairing::interleaved), one));
  }
  set_threads(before);
}

TEST_CASE("a NaN shows in its own pair alone") {
  for (Op op : kOps) {
    Inputs in = inputs({1, 1, 2, 40}, 1, 1, op, DType::f32);
    std::vector<double> x = in.x.to_vector<double>();
    x[40 + 3] = std::nan("");
    in.x = cast(from_values(x, in.x.shape()), DType::f32);
    const Tensor y = op(Var(in.x), Var(in.cos), Var(in.sin), Pairing::interleaved).value();
    int64 bad = 0;
    for (double v : y.to_vector<double>()) bad += std::isnan(v);
    CHECK(bad == (op == Op{turn_pairs} ? 2 : 1));
    CHECK(std::isnan(y.at({0, 0, 1, op == Op{turn_pairs} ? 3 : 1})));
  }
}

TEST_CASE("only what is asked for: a fixed table has no gradient") {
  const Inputs in = inputs({2, 2, 3, 8}, 1, 1, turn_pairs, DType::f64);
  const Var x = leaf(in.x), c = leaf(in.cos);
  const Var by_x = turn_pairs(x, Var(in.cos), Var(in.sin), Pairing::half);
  const Results all = run(turn_pairs, in, Pairing::half);
  CHECK(distance(backward(by_x, in.g).of(x), all[1]) == 0);
  const Var by_cos = turn_pairs(Var(in.x), c, Var(in.sin), Pairing::half);
  CHECK(distance(backward(by_cos, in.g).of(c), all[2]) == 0);
}
