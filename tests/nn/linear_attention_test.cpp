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
  int64 columns = 0;  // of the weight; 0: none
  bool biased = false, shifted = false;
  double norm = 0, scale = 1;
};
struct Inputs {
  Var q, k, v, eps, kept;
  Var q_turn = {}, k_turn = {}, weight = {}, bias = {}, q_shift = {}, k_shift = {};
};

const RowFeatures kElu1{.map = ElementMap::elu1};

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
          leaf(add(abs(random(7, shape(keys, 2))), 0.2)),
          leaf(mul(random(8, {features, c.columns}), 0.5)),
          leaf(mul(random(9, {c.columns}), 0.2)),
          leaf(abs(random(10, shape(queries, 1)))),
          leaf(abs(random(11, shape(1, 1))))};
}
Var attend(const Case& c, const Inputs& in) {
  const auto where = [](bool wanted, const Var& x) { return wanted ? x : Var(); };
  const RowFeatures features{.map = c.map,
                             .weight = where(c.columns > 0, in.weight),
                             .bias = where(c.biased, in.bias),
                             .q_shift = where(c.shifted, in.q_shift),
                             .k_shift = where(c.shifted, in.k_shift),
                             .norm = c.norm,
                             .scale = c.scale};
  return linear_attention(in.q, in.k, in.v, c.keys, features,
                          {.eps = where(c.divided, in.eps),
                           .kept = where(c.masked, in.kept),
                           .q_turn = where(c.turned, in.q_turn),
                           .k_turn = where(c.turned, in.k_turn)});
}
Inputs cast_to(const Inputs& in, DType t) {
  const auto of = [t](const Var& x) { return leaf(cast(x.value(), t)); };
  return {of(in.q),      of(in.k),      of(in.v),    of(in.eps),     in.kept,       of(in.q_turn),
          of(in.k_turn), of(in.weight), of(in.bias), of(in.q_shift), of(in.k_shift)};
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
    if (c.columns > 0) CHECK(close(found.of(x.weight), expected.of(in.weight), tolerance));
    if (c.biased) CHECK(close(found.of(x.bias), expected.of(in.bias), tolerance));
    if (c.shifted) {
      CHECK(close(found.of(x.q_shift), expected.of(in.q_shift), tolerance));
      CHECK(close(found.of(x.k_shift), expected.of(in.k_shift), tolerance));
    }
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

/// Features that a stage makes: every map, with all that it takes.
std::vector<Case> staged_cases() {
  std::vector<Case> list;
  for (const Keys keys : {Keys::earlier, Keys::all})
    for (const bool masked : {false, true})
      for (const bool turned : {false, true}) {
        const Case plain{.keys = keys, .masked = masked, .turned = turned};
        const auto add = [&](ElementMap map, bool divided, auto&& change) {
          Case c = plain;
          c.map = map, c.divided = divided;
          change(c);
          list.push_back(c);
        };
        for (const bool divided : {true, false}) {
          add(ElementMap::exp, divided, [](Case& c) { c.shifted = true; });
          add(ElementMap::exp_pair, divided, [](Case& c) { c.columns = 5, c.biased = true; });
        }
        add(ElementMap::elu1, true, [](Case& c) { c.columns = 9, c.biased = true; });
        add(ElementMap::relu, false, [](Case& c) { c.columns = 17; });
        add(ElementMap::exp_pair, true,
            [](Case& c) { c.columns = 4, c.shifted = true, c.norm = 0.6; });
        add(ElementMap::exp, true, [](Case& c) { c.norm = 0.4; });
        add(ElementMap::cos_sin, false, [](Case& c) { c.columns = 4, c.scale = 0.5; });
        add(ElementMap::quadratic, false, [](Case& c) { c.scale = 0.8; });
      }
  return list;
}
std::string described(const Case& c) {
  return fmt::format(
      "map {}, causal {}, divided {}, masked {}, turned {}, columns {}, biased {}, shifted {}, "
      "norm {}",
      static_cast<int>(c.map), c.keys == Keys::earlier, c.divided, c.masked, c.turned, c.columns,
      c.biased, c.shifted, c.norm);
}

}  // namespace

TEST_CASE("every remainder of a chunk") {
  for (const int64 n : {1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100})
    for (const Case& c : all_cases()) {
      INFO("N = " << n << ", " << described(c));
      check_against_reference(c, inputs(c, {2}, n, n, 3, 2));
    }
}

TEST_CASE("every remainder of a chunk, of features that a stage makes") {
  for (const int64 n : {1, 8, 31, 33, 67})
    for (const Case& c : staged_cases()) {
      INFO("N = " << n << ", " << described(c));
      check_against_reference(c, inputs(c, {2}, n, n, 3, 2));
    }
}

TEST_CASE("any number of inputs and columns of a stage") {
  for (const int64 inputs_of_row : {1, 7, 8, 16, 17, 33})
    for (const int64 columns : {1, 4, 15, 16, 33}) {
      INFO(inputs_of_row << " inputs, " << columns << " columns");
      for (const Keys keys : {Keys::earlier, Keys::all}) {
        Case c{.keys = keys, .map = ElementMap::exp_pair, .columns = columns, .biased = true};
        c.norm = 0.9;
        check_against_reference(c, inputs(c, {}, 40, 40, inputs_of_row, 3));
        c.map = ElementMap::cos_sin, c.norm = 0, c.divided = false, c.turned = true;
        check_against_reference(c, inputs(c, {}, 40, 40, inputs_of_row, 3));
        if (columns > 1) continue;
        const Case products{.keys = keys, .map = ElementMap::quadratic, .scale = 0.4};
        check_against_reference(products, inputs(products, {}, 40, 40, inputs_of_row, 3));
      }
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

TEST_CASE("features of a stage: the same bits at any number of threads, in any layout, alone") {
  const int before = threads();
  for (const ElementMap map : {ElementMap::exp_pair, ElementMap::cos_sin}) {
    const Case c{.map = map, .divided = map == ElementMap::exp_pair, .columns = 6, .biased = true};
    const Inputs in = cast_to(inputs(c, {3, 5}, 300, 300, 16, 16), DType::f32);
    const auto run = [&](int n, const Inputs& x) {
      set_threads(n);
      const Var y = attend(c, x);
      const Gradients g = backward(sum(square(y)));
      return std::vector<Tensor>{y.value(), g.of(x.q), g.of(x.k), g.of(x.weight), g.of(x.bias)};
    };
    Inputs turned_round = in;
    turned_round.weight = leaf(transpose(contiguous(transpose(in.weight.value()))));
    const std::vector<Tensor> one = run(1, in), three = run(3, in), other = run(3, turned_round);
    for (std::size_t i = 0; i < one.size(); ++i) {
      CHECK(same_bits(one[i], three[i]));
      CHECK(same_bits(contiguous(one[i]), contiguous(other[i])));
    }
    Inputs alone = in;
    for (Var* x : {&alone.q, &alone.k, &alone.v, &alone.eps, &alone.bias}) *x = Var(x->value());
    CHECK(same_bits(backward(sum(square(attend(c, alone)))).of(alone.weight), one[3]));
  }
  set_threads(before);
}

TEST_CASE("the largest exponents are those of the features, and a NaN is passed over") {
  const Case c{.map = ElementMap::exp_pair, .columns = 7, .biased = true, .norm = 0.5};
  for (const int64 rows : {1, 31, 32, 70}) {
    const Inputs in = inputs(c, {2, 3}, rows, rows, 5, 2);
    const RowFeatures f{.map = c.map, .weight = in.weight, .bias = in.bias, .norm = c.norm};
    const Tensor u = (matmul(in.q, in.weight) + in.bias).value();
    const Tensor squares = mul(sum(square(in.q.value()), {-1}, Keep::yes), c.norm / 2);
    const Tensor expected = sub(max(abs(u), {-1}, Keep::yes), squares);
    CHECK(close(largest_exponents(in.q.value(), f), expected, 1e-13));
  }
  const Tensor some = from_values(std::vector<double>{1, std::nan(""), 3, -2, -5, -3}, {2, 3});
  CHECK(same_bits(largest_exponents(some, {.map = ElementMap::exp}),
                  from_values(std::vector<double>{3, -2}, {2, 1})));
}

TEST_CASE("the largest exponents of rows that a weight does not fit are refused") {
  const Tensor x = zeros({4, 64}, DType::f64);
  const Var w(zeros({2, 3}, DType::f64)), fits(zeros({64, 3}, DType::f64)),
      bias(zeros({2}, DType::f64));
  CHECK_THROWS_WITH_AS(largest_exponents(x, {.map = ElementMap::exp, .weight = w}),
                       doctest::Contains("the weight must be (64, columns), got (2, 3)"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(largest_exponents(x, {.map = ElementMap::exp, .weight = fits, .bias = bias}),
                       doctest::Contains("the bias must be (3), got (2)"), ShapeError);
  CHECK_THROWS_WITH_AS(largest_exponents(zeros({4}), {.map = ElementMap::exp}),
                       doctest::Contains("[..., tokens, numbers], got (4)"), ShapeError);
}

TEST_CASE("a NaN stays in its row and the later ones, and large numbers stay finite") {
  Tensor q = full({40, 2}, 0.5, DType::f64);
  const Tensor k = full({40, 2}, -800, DType::f64), v = random(1, {40, 3});
  const Var eps(full({40, 1}, 1e-6, DType::f64));
  const Var tiny = linear_attention(Var(q), Var(k), Var(v), Keys::earlier, kElu1, {.eps = eps});
  CHECK(statistics(tiny.value()).non_finite == 0);
  std::vector<double> numbers(80, 0.5);
  numbers[70] = std::nan("");
  const Var y = linear_attention(Var(q), Var(from_values(numbers, {40, 2})), Var(v), Keys::earlier,
                                 kElu1, {.eps = eps});
  CHECK(statistics(slice(y.value(), 0, 0, 32)).non_finite == 0);
  CHECK(statistics(slice(y.value(), 0, 35, 40)).non_finite == 15);
}
