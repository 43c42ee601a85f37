// linear_attention against its reference of plain ops: values and every gradient, at sizes around
// those of chunks, blocks and vectors, in any layout.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "autograd/record.h"
#include "nn/ops.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/parallel.h"

using namespace gradus;

namespace {

struct Case {
  Keys keys = Keys::earlier;
  ElementMap map = ElementMap::elu1;
  bool divided = true, masked = false, turned = false;
};
struct Inputs {
  Var q, k, v, eps, kept;
  Var q_turn = {}, k_turn = {};
};

Tensor random(std::uint64_t seed, const Shape& shape) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, DType::f64);
}
/// Features of `identity` are made positive, so that no total is near 0.
Inputs inputs(const Case& c, const Shape& batch, int64 queries, int64 keys, int64 features,
              int64 width) {
  const auto shape = [&batch](int64 rows, int64 columns) {
    Shape s = batch;
    s.push_back(rows);
    s.push_back(columns);
    return s;
  };
  const auto positive = [&c](const Tensor& x) {
    return c.map == ElementMap::identity && c.divided ? abs(x) : x;
  };
  return {leaf(positive(random(1, shape(queries, features)))),
          leaf(positive(random(2, shape(keys, features)))),
          leaf(random(3, shape(keys, width))),
          leaf(add(abs(random(4, shape(queries, 1))), 0.5)),
          Var(greater(random(5, shape(keys, 1)), scalar(0, DType::f64))),
          leaf(add(abs(random(6, shape(queries, 2))), 0.2)),
          leaf(add(abs(random(7, shape(keys, 2))), 0.2))};
}
Var attend(const Case& c, const Inputs& in) {
  return linear_attention(in.q, in.k, in.v, c.keys, c.map, c.divided ? in.eps : Var(),
                          c.masked ? in.kept : Var(), c.turned ? in.q_turn : Var(),
                          c.turned ? in.k_turn : Var());
}
Inputs cast_to(const Inputs& in, DType t) {
  const auto of = [t](const Var& x) { return leaf(cast(x.value(), t)); };
  return {of(in.q), of(in.k), of(in.v), of(in.eps), in.kept, of(in.q_turn), of(in.k_turn)};
}

/// Relative to the largest element.
[[nodiscard]] bool close(const Tensor& a, const Tensor& b, double tolerance) {
  return a.shape() == b.shape() &&
         (b.numel() == 0 || max_difference(cast(a, DType::f64), b) <=
                                tolerance * std::max(1.0, statistics(b).max_abs));
}

/// Values and gradients of the kernel, in f64 and f32, against those of the reference in f64.
void check_against_reference(const Case& c, const Inputs& in) {
  const Var truth = [&] {
    const FusionGuard off(Fusion::off);
    return attend(c, in);
  }();
  const Tensor g = random(5, truth.shape());
  const Gradients expected = backward(truth, g);
  for (const DType t : {DType::f64, DType::f32}) {
    INFO(std::string(name(t)));
    const double tolerance = t == DType::f64 ? 1e-11 : 2e-4;
    const Inputs x = t == DType::f64 ? in : cast_to(in, t);
    const Var y = attend(c, x);
    CHECK(close(y.value(), truth.value(), tolerance));
    const Gradients found = backward(y, cast(g, t));
    CHECK(close(found.of(x.q), expected.of(in.q), tolerance));
    CHECK(close(found.of(x.k), expected.of(in.k), tolerance));
    CHECK(close(found.of(x.v), expected.of(in.v), tolerance));
    if (c.divided) CHECK(close(found.of(x.eps), expected.of(in.eps), tolerance));
    if (!c.turned) continue;
    CHECK(close(found.of(x.q_turn), expected.of(in.q_turn), tolerance));
    CHECK(close(found.of(x.k_turn), expected.of(in.k_turn), tolerance));
  }
}

std::vector<Case> all_cases() {
  std::vector<Case> list;
  for (const Keys keys : {Keys::earlier, Keys::all})
    for (const ElementMap map : {ElementMap::identity, ElementMap::elu1, ElementMap::relu,
                                 ElementMap::softplus, ElementMap::squared_relu})
      for (const bool divided : {true, false})
        for (const bool masked : {false, true})
          for (const bool turned : {false, true})
            list.push_back({keys, map, divided, masked, turned});
  return list;
}

}  // namespace

TEST_CASE("every remainder of a chunk") {
  for (const int64 n : {1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100})
    for (const Case& c : all_cases()) {
      INFO("N = " << n << ", map " << static_cast<int>(c.map) << ", causal "
                  << (c.keys == Keys::earlier) << ", divided " << c.divided << ", masked "
                  << c.masked << ", turned " << c.turned);
      check_against_reference(c, inputs(c, {2}, n, n, 3, 2));
    }
}

TEST_CASE("any number of features and values") {
  for (const int64 features : {1, 4, 15, 16, 17, 33})
    for (const int64 width : {1, 7, 8, 16, 31, 32, 40}) {
      INFO(features << " features, " << width << " values");
      for (const Keys keys : {Keys::earlier, Keys::all})
        for (const bool turned : {false, true}) {
          const Case c{.keys = keys, .turned = turned};
          check_against_reference(c, inputs(c, {}, 40, 40, features, width));
        }
    }
}

TEST_CASE("other queries than keys, where all keys are seen") {
  const Case c{.keys = Keys::all};
  for (const int64 queries : {0, 1, 33})
    check_against_reference(c, inputs(c, {2, 1}, queries, 70, 5, 3));
  check_against_reference(c, inputs(c, {2, 1}, 33, 1, 5, 3));
  const Case turned{.keys = Keys::all, .turned = true};
  check_against_reference(turned, inputs(turned, {2, 1}, 33, 70, 5, 3));
}

TEST_CASE("sizes of zero") {
  const Case c;
  check_against_reference(c, inputs(c, {2}, 0, 0, 3, 2));
  check_against_reference(c, inputs(c, {0}, 5, 5, 3, 2));
  check_against_reference(c, inputs(c, {2}, 5, 5, 3, 0));
  const Case all{.keys = Keys::all};
  check_against_reference(all, inputs(all, {2}, 5, 0, 3, 2));
}

TEST_CASE("any layout: split heads stay split heads, and others are read as they are") {
  const Case c;
  const Shape shape{2, 3, 70, 4};
  const Tensor heads = permute(random(1, {2, 70, 3, 4}), {0, 2, 1, 3});
  const Tensor wide = transpose(random(2, {2, 3, 4, 70}));
  const Tensor same = broadcast_to(random(3, {1, 1, 1, 4}), shape);
  const Tensor eps = broadcast_to(scalar(0.5, DType::f64), {2, 3, 70, 1});
  const Tensor g = permute(random(6, {2, 70, 3, 4}), {0, 2, 1, 3});
  for (const Tensor& q : {heads, wide, same})
    for (const Tensor& v : {heads, wide, same}) {
      const Inputs in{leaf(q), leaf(wide), leaf(v), leaf(eps), {}};
      const Inputs plain{leaf(contiguous(q)),
                         leaf(contiguous(wide)),
                         leaf(contiguous(v)),
                         leaf(contiguous(eps)),
                         {}};
      const Var a = attend(c, in), b = attend(c, plain);
      CHECK(same_bits(contiguous(a.value()), contiguous(b.value())));
      const Gradients ga = backward(a, g), gb = backward(b, contiguous(g));
      CHECK(same_bits(contiguous(ga.of(in.q)), contiguous(gb.of(plain.q))));
      CHECK(same_bits(contiguous(ga.of(in.k)), contiguous(gb.of(plain.k))));
      CHECK(same_bits(contiguous(ga.of(in.v)), contiguous(gb.of(plain.v))));
    }
  const Var y = attend(c, {Var(heads), Var(heads), Var(heads), Var(eps), {}});
  CHECK(y.value().strides() == heads.strides());
}

TEST_CASE("turns that all heads share, and gradients of the turns alone") {
  for (const Keys keys : {Keys::earlier, Keys::all}) {
    const Case c{.keys = keys, .turned = true};
    Inputs in = inputs(c, {3}, 70, 70, 5, 3);
    const Tensor shared = random(9, {1, 70, 2});
    const auto over_heads = [](const Tensor& x) { return broadcast_to(x, {3, 70, 2}); };
    in.q_turn = Var(over_heads(shared)), in.k_turn = Var(over_heads(shared));
    Inputs copied = in;
    copied.q_turn = Var(contiguous(over_heads(shared))), copied.k_turn = copied.q_turn;
    CHECK(same_bits(attend(c, in).value(), attend(c, copied).value()));

    const Inputs every = inputs(c, {3}, 70, 70, 5, 3);
    const Gradients all = backward(sum(attend(c, every)));
    const auto fixed = [](const Var& x) { return Var(x.value()); };
    const Inputs alone{fixed(every.q), fixed(every.k),     fixed(every.v), fixed(every.eps), {},
                       every.q_turn,   fixed(every.k_turn)};
    CHECK(same_bits(backward(sum(attend(c, alone))).of(every.q_turn), all.of(every.q_turn)));
    const Inputs other{fixed(every.q),      fixed(every.k), fixed(every.v), fixed(every.eps), {},
                       fixed(every.q_turn), every.k_turn};
    CHECK(same_bits(backward(sum(attend(c, other))).of(every.k_turn), all.of(every.k_turn)));
  }
}

TEST_CASE("a gradient that is not wanted is not missed by the others") {
  for (const Keys keys : {Keys::earlier, Keys::all}) {
    const Case c{.keys = keys};
    const Inputs in = inputs(c, {2}, 70, 70, 5, 3);
    const Gradients all = backward(sum(attend(c, in)));
    for (int only = 0; only < 4; ++only) {
      const auto kept = [only](int i, const Var& x) { return i == only ? x : Var(x.value()); };
      const Gradients one = backward(
          sum(attend(c, {kept(0, in.q), kept(1, in.k), kept(2, in.v), kept(3, in.eps), {}})));
      const Var& x = only == 0 ? in.q : only == 1 ? in.k : only == 2 ? in.v : in.eps;
      CHECK(same_bits(one.of(x), all.of(x)));
    }
  }
}

TEST_CASE("the same bits at any number of threads") {
  const int before = threads();
  const Case c;
  const Inputs in = cast_to(inputs(c, {3, 5}, 300, 300, 16, 16), DType::f32);
  const auto run = [&](int n) {
    set_threads(n);
    const Var y = attend(c, in);
    const Gradients g = backward(sum(square(y)));
    return std::vector<Tensor>{y.value(), g.of(in.q), g.of(in.k), g.of(in.v)};
  };
  const std::vector<Tensor> one = run(1), three = run(3);
  set_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(same_bits(one[i], three[i]));
}

TEST_CASE("a NaN stays in its row and the later ones, and large numbers stay finite") {
  Tensor q = full({40, 2}, 0.5, DType::f64);
  const Tensor k = full({40, 2}, -800, DType::f64), v = random(1, {40, 3});
  const Var eps(full({40, 1}, 1e-6, DType::f64));
  const Var tiny = linear_attention(Var(q), Var(k), Var(v), Keys::earlier, ElementMap::elu1, eps);
  CHECK(statistics(tiny.value()).non_finite == 0);
  std::vector<double> numbers(80, 0.5);
  numbers[70] = std::nan("");
  const Var y = linear_attention(Var(q), Var(from_values(numbers, {40, 2})), Var(v), Keys::earlier,
                                 ElementMap::elu1, eps);
  CHECK(statistics(slice(y.value(), 0, 0, 32)).non_finite == 0);
  CHECK(statistics(slice(y.value(), 0, 35, 40)).non_finite == 15);
}
