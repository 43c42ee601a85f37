// modulate, modulate_and_pool and modulate_and_mix against their references, at the level in use:
// value and every gradient, every remainder of a vector, one token, none, tables and weights shared
// in every way, any strides.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

#include "autograd/backward.h"
#include "autograd/record.h"
#include "pe/ops.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/pe/fused.h"

using namespace gradus;
using gradus::testing::apart, gradus::testing::distance, gradus::testing::reversed,
    gradus::testing::same_bits;

namespace {

enum class Op { modulate, pool, mix };
constexpr std::array<Op, 3> kOps{Op::modulate, Op::pool, Op::mix};

struct Inputs {
  Tensor x, table, weights, noise, g;
};
/// The value, then the gradients by x, table, weights and noise.
using Results = std::vector<Tensor>;

struct Sizes {
  int64 batch = 1, heads = 1, tokens = 1, coordinates = 1, sines = 1, realizations = 3;
  int64 table_batch = 1, table_heads = 1, weight_heads = 1;
};

Inputs inputs(const Sizes& s, Op op, DType t) {
  Rng rng(static_cast<std::uint64_t>(1000 * s.tokens + 10 * s.coordinates + s.sines));
  const int64 row = 2 * s.coordinates * s.sines;
  const int64 width = op == Op::modulate ? row : op == Op::mix ? s.realizations : 0;
  const int64 pooled = s.coordinates == 0 ? 0 : 2 * s.sines;
  const auto numbers = [&](const Shape& shape) { return uniform(rng, shape, -1, 1, t); };
  Inputs in;
  in.x = numbers({s.batch, s.heads, s.tokens, s.coordinates});
  in.table = numbers({s.table_batch, s.table_heads, s.tokens, row});
  in.weights = numbers({s.weight_heads, row});
  in.noise = numbers({s.weight_heads, row, s.realizations});
  in.g = numbers({s.batch, s.heads, s.tokens, op == Op::pool ? pooled : width});
  return in;
}

Var apply_op(Op op, const Var& x, const Var& table, const Var& weights, const Var& noise) {
  if (op == Op::mix) return modulate_and_mix(x, table, weights, noise);
  return op == Op::pool ? modulate_and_pool(x, table, weights) : modulate(x, table, weights);
}

Results run(Op op, const Inputs& in) {
  const Var x = leaf(in.x), t = leaf(in.table), w = leaf(in.weights), z = leaf(in.noise);
  const Var y = apply_op(op, x, t, w, z);
  const Gradients g = backward(y, in.g);
  Results all{y.value(), g.of(x), g.of(t), g.of(w)};
  if (op == Op::mix) all.push_back(g.of(z));
  return all;
}

void check(const Sizes& s) {
  for (DType t : {DType::f32, DType::f64})
    for (Op op : kOps) {
      CAPTURE(name(t));
      CAPTURE(static_cast<int>(op));
      CAPTURE(s.coordinates);
      CAPTURE(s.sines);
      CAPTURE(s.tokens);
      const Inputs in = inputs(s, op, t);
      const Results fused = run(op, in);
      const FusionGuard off(Fusion::off);
      const Results reference = run(op, in);
      for (std::size_t i = 0; i < fused.size(); ++i) {
        CAPTURE(i);
        CHECK(distance(fused[i], reference[i]) <= (t == DType::f32 ? 4e-6 : 1e-14));
      }
    }
}

}  // namespace

TEST_CASE("stripes against their references, every remainder of a vector") {
  for (int64 sines = 1; sines <= 19; ++sines)
    for (int64 d : {1, 2, 3, 7}) check({.heads = 2, .tokens = 2, .coordinates = d, .sines = sines});
  for (int64 d = 4; d <= 35; ++d) check({.tokens = 2, .coordinates = d});
  check({});
}

TEST_CASE("nothing of anything") {
  check({.batch = 0, .coordinates = 2, .sines = 2});
  check({.batch = 0, .coordinates = 2, .sines = 2, .table_batch = 0});
  check({.batch = 2, .heads = 3, .tokens = 0, .coordinates = 2, .weight_heads = 3});
  check({.heads = 0, .tokens = 2, .coordinates = 2, .table_heads = 0, .weight_heads = 0});
  check({.batch = 2, .tokens = 3, .coordinates = 0});
  check({.batch = 2, .tokens = 3, .coordinates = 2, .sines = 0});
  check({.batch = 2, .tokens = 3, .coordinates = 2, .realizations = 0});
}

TEST_CASE(
    "tables and weights of one sequence, one head, all of them, in one block and in several") {
  for (int64 batch : {1, 3})
    for (int64 heads : {1, 2})
      for (int64 weights : {1, 2})
        for (int64 tokens : {1, 5, 300})
          check({.batch = 3,
                 .heads = 2,
                 .tokens = tokens,
                 .coordinates = 2,
                 .sines = 3,
                 .table_batch = batch,
                 .table_heads = heads,
                 .weight_heads = weights});
  // 300 numbers a row: blocks of 109 tokens.
  check({.batch = 2, .tokens = 250, .coordinates = 10, .sines = 15});
}

TEST_CASE("the same bits from tensors of any strides") {
  for (DType t : {DType::f32, DType::f64})
    for (Op op : kOps) {
      const Inputs in = inputs({.batch = 2,
                                .heads = 3,
                                .tokens = 5,
                                .coordinates = 4,
                                .sines = 5,
                                .table_heads = 3,
                                .weight_heads = 3},
                               op, t);
      const auto with = [&](const auto& change) {
        Inputs other = in;
        change(other);
        return run(op, other);
      };
      const Results plain = run(op, in);
      CHECK(same_bits(with([](Inputs& i) {
                        i.x = permute(contiguous(permute(i.x, {0, 2, 1, 3})), {0, 2, 1, 3});
                      }),
                      plain));
      CHECK(same_bits(with([](Inputs& i) { i.x = apart(i.x), i.g = apart(i.g); }), plain));
      CHECK(same_bits(with([](Inputs& i) { i.x = reversed(i.x), i.g = reversed(i.g); }), plain));
      CHECK(same_bits(with([](Inputs& i) { i.table = apart(i.table); }), plain));
      CHECK(same_bits(with([](Inputs& i) { i.table = reversed(i.table); }), plain));
      CHECK(same_bits(
          with([](Inputs& i) { i.weights = apart(i.weights), i.noise = apart(i.noise); }), plain));
      // Rows of a longer table, as a block of queries has them.
      CHECK(same_bits(with([](Inputs& i) {
                        const Tensor more = concat(std::vector<Tensor>{i.table, i.table}, 2);
                        i.table = slice(more, 2, 5, 10);
                      }),
                      plain));
      // One row for all tokens, one number for all coordinates, one number for everything.
      for (const Tensor& part :
           {slice(in.g, 2, 0, 1), slice(in.g, 3, 0, 1), full({1, 1, 1, 1}, 0.75, t)}) {
        const Tensor g = broadcast_to(part, in.g.shape());
        CHECK(
            same_bits(with([&](Inputs& i) { i.g = g; }), with([&](Inputs& i) { i.g = copy(g); })));
      }
    }
}

TEST_CASE("the same bits with any number of threads") {
  const int before = threads();
  for (Op op : kOps) {
    const Inputs in = inputs(
        {.batch = 2, .heads = 2, .tokens = 1500, .coordinates = 3, .sines = 5, .weight_heads = 2},
        op, DType::f32);
    set_threads(1);
    const Results one = run(op, in);
    set_threads(3);
    CHECK(same_bits(run(op, in), one));
  }
  set_threads(before);
}

TEST_CASE("weights shift and stretch: lambda [cos, sin](angle + theta)") {
  const double angle = 0.7, theta = 1.9, gain = 2.5;
  using Numbers = std::vector<double>;
  const Var x(from_values(Numbers{3}, {1, 1, 1, 1})),
      table(from_values(Numbers{std::cos(angle), std::sin(angle)}, {1, 1, 1, 2})),
      weights(from_values(Numbers{gain * std::cos(theta), gain * std::sin(theta)}, {1, 2}));
  const std::vector<double> y = modulate(x, table, weights).value().to_vector<double>();
  CHECK(std::abs(y[0] - 3 * gain * std::cos(angle + theta)) <= 1e-14);
  CHECK(std::abs(y[1] - 3 * gain * std::sin(angle + theta)) <= 1e-14);
}

TEST_CASE("a NaN of one token stays with it") {
  for (Op op : kOps) {
    Inputs in = inputs({.tokens = 3, .coordinates = 4, .sines = 5}, op, DType::f32);
    std::vector<double> x = in.x.to_vector<double>();
    x[4 + 1] = std::nan("");
    in.x = cast(from_values(x, in.x.shape()), DType::f32);
    const Tensor y = apply_op(op, Var(in.x), Var(in.table), Var(in.weights), Var(in.noise)).value();
    int64 bad = 0;
    for (double v : y.to_vector<double>()) bad += std::isnan(v);
    CHECK(bad == (op == Op::mix ? 3 : 10));  // whole: of its coordinate; else all of the token
    CHECK(std::isnan(y.at({0, 0, 1, op == Op::modulate ? 10 : 0})));
  }
}

TEST_CASE("only what is asked for, and the same") {
  for (Op op : kOps) {
    const Inputs in =
        inputs({.batch = 2, .heads = 2, .tokens = 3, .coordinates = 4, .sines = 3}, op, DType::f64);
    const Results all = run(op, in);
    const Var x = leaf(in.x), t = leaf(in.table), w = leaf(in.weights);
    const Var by_x = apply_op(op, x, Var(in.table), Var(in.weights), Var(in.noise));
    CHECK(distance(backward(by_x, in.g).of(x), all[1]) == 0);
    const Var by_table = apply_op(op, Var(in.x), t, Var(in.weights), Var(in.noise));
    CHECK(distance(backward(by_table, in.g).of(t), all[2]) == 0);
    const Var by_weights = apply_op(op, Var(in.x), Var(in.table), w, Var(in.noise));
    CHECK(distance(backward(by_weights, in.g).of(w), all[3]) == 0);
  }
}

TEST_CASE("mixing keeps no stripes: memory is that of its inputs and results") {
  const Inputs in =
      inputs({.heads = 2, .tokens = 4000, .coordinates = 8, .sines = 8}, Op::mix, DType::f32);
  const Var x = leaf(in.x), t(in.table), w(in.weights), z(in.noise);
  pool_reset_peak();
  const std::uint64_t before = pool_stats().live_bytes;
  (void)grad(sum(modulate_and_mix(x, t, w, z)), {x});
  // The stripes of all tokens would be 2 * 4000 * 128 numbers of 4 bytes.
  CHECK(pool_stats().peak_live_bytes - before < 2u * 4000u * 128u);
}
