// linear_attention with scales of tokens (decay): against the N x N weights e^(s_m + t_n) f_m . h_n
// in plain loops and in plain ops, values and every gradient, around the sizes of chunks, for steps
// of every size; scales far beyond what numbers hold.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "autograd/record.h"
#include "nn/ops.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/parallel.h"
#include "tensor/reduce.h"

using namespace gradus;

namespace {

Tensor random(std::uint64_t seed, const Shape& shape) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, DType::f64);
}

struct Inputs {
  Var q, k, v;
  LinearTerms terms;
  std::vector<Var> leaves() const { return {q, k, v, terms.eps, terms.q_scale, terms.k_scale}; }
};
/// Two heads that shrink by e^-step and e^-(step / 5) a token; `first`: the first token's number.
Inputs inputs(int64 n, double step, double first = 0) {
  const Tensor rows = reshape(arange(first, first + static_cast<double>(n), 1, DType::f64), {n, 1});
  const Tensor t = mul(rows, tensor({step, step / 5}, {2, 1, 1}, DType::f64));
  return {leaf(random(1, {2, n, 3})),
          leaf(random(2, {2, n, 3})),
          leaf(random(3, {2, n, 5})),
          {.eps = leaf(add(abs(random(4, {2, n, 1})), 0.5)),
           .kept = Var(greater(random(5, {2, n, 1}), scalar(-0.5, DType::f64))),
           .q_scale = leaf(neg(t)),
           .k_scale = leaf(t)}};
}
Inputs cast_to(const Inputs& in, DType dtype) {
  const auto of = [dtype](const Var& x) { return leaf(cast(x.value(), dtype)); };
  LinearTerms terms = in.terms;
  terms.eps = of(terms.eps);
  return {of(in.q), of(in.k), of(in.v), terms};
}
Var attend(const Inputs& in, bool divided = true, bool masked = false,
           ElementMap map = ElementMap::elu1) {
  LinearTerms terms = in.terms;
  if (!divided) terms.eps = {};
  if (!masked) terms.kept = {};
  return linear_attention(in.q, in.k, in.v, Keys::earlier, {.map = map}, terms);
}

/// y of head h, row m, column c, by the sum over n <= m.
double by_sum(const Inputs& in, bool divided, int64 h, int64 m, int64 c) {
  const auto at = [h](const Var& x, int64 i, int64 j) { return x.value().at({h, i, j}); };
  const auto map = [](double x) { return x > 0 ? x + 1 : std::exp(x); };
  double y = 0, total = at(in.terms.eps, m, 0);
  for (int64 n = 0; n <= m; ++n) {
    double weight = 0;
    for (int64 j = 0; j < 3; ++j) weight += map(at(in.q, m, j)) * map(at(in.k, n, j));
    weight *= std::exp(at(in.terms.q_scale, m, 0) + at(in.terms.k_scale, n, 0));
    y += weight * at(in.v, n, c), total += weight;
  }
  return divided ? y / total : y;
}

/// Relative to the largest element.
[[nodiscard]] bool close(const Tensor& a, const Tensor& b, double tolerance) {
  return a.shape() == b.shape() &&
         max_difference(cast(a, DType::f64), b) <= tolerance * std::max(1.0, max(abs(b)).item());
}

}  // namespace

TEST_CASE("the sum over the weights of N x N, term by term") {
  for (const double step : {0.0, 0.3, 30.0, -0.2}) {
    CAPTURE(step);
    const Inputs in = inputs(67, step);
    for (const bool divided : {true, false}) {
      const Tensor y = attend(in, divided).value();
      double largest = 0, worst = 0;
      for (int64 h = 0; h < 2; ++h)
        for (int64 m = 0; m < 67; ++m)
          for (int64 c = 0; c < 5; ++c) {
            const double truth = by_sum(in, divided, h, m, c);
            largest = std::max(largest, std::abs(truth));
            worst = std::max(worst, std::abs(y.at({h, m, c}) - truth));
          }
      CHECK(worst <= 1e-12 * std::max(1.0, largest));
    }
  }
}

TEST_CASE("values and gradients of the reference, for every remainder of a chunk") {
  for (const int64 n : {1, 2, 31, 32, 33, 34, 64, 67, 129})
    for (const double step : {0.0, 0.01, 1.0, 30.0, 1e4})
      for (const bool divided : {true, false})
        for (const bool masked : {false, true}) {
          INFO("N = " << n << ", step " << step << ", divided " << divided << ", masked "
                      << masked);
          const Inputs in = inputs(n, step, 1e3);
          const Var truth = [&] {
            const FusionGuard off(Fusion::off);
            return attend(in, divided, masked);
          }();
          const Tensor g = random(6, truth.shape());
          const Gradients expected = backward(truth, g);
          for (const DType t : {DType::f64, DType::f32}) {
            INFO(std::string(name(t)));
            // The scales here are near 1e3 step, and their sums are rounded so.
            const double tolerance = t == DType::f32 ? 2e-4 : 1e-11 * std::max(1.0, 0.1 * step);
            const Inputs x = t == DType::f64 ? in : cast_to(in, t);
            const Var y = attend(x, divided, masked);
            CHECK(close(y.value(), truth.value(), tolerance));
            const Gradients found = backward(y, cast(g, t));
            for (std::size_t i = 0; i < 6; ++i) {
              if (i == 3 && !divided) continue;
              CAPTURE(i);
              CHECK(close(found.of(x.leaves()[i]), expected.of(in.leaves()[i]), tolerance));
            }
          }
        }
}

TEST_CASE("f32: scales that no f32 holds, at 4,096 rows from a millionth token on") {
  Inputs in = inputs(4096, 0.2, 1e6);
  const Var exact = attend(in), y = attend(cast_to(in, DType::f32));
  CHECK(close(cast(y.value(), DType::f64), exact.value(), 1e-4));
  const Inputs early = inputs(4096, 0.2);
  CHECK(close(exact.value(), attend(early).value(), 1e-8));
}

TEST_CASE("a key that is not kept counts nothing, whatever its scale") {
  Inputs in = inputs(70, 0.5);
  constexpr std::size_t kHidden[] = {0, 33, 69, 100};
  std::vector<double> kept(140, 1), scale = in.terms.k_scale.value().to_vector<double>();
  for (const std::size_t i : kHidden) kept[i] = 0;
  const auto with = [&](double of_hidden) {
    for (const std::size_t i : kHidden) scale[i] = of_hidden;
    in.terms.kept = Var(cast(from_values(kept, {2, 70, 1}), DType::u8));
    in.terms.k_scale = Var(from_values(scale, {2, 70, 1}));
    const Var y = attend(in, true, true);
    const Gradients g = backward(sum(square(y)));
    return std::vector<Tensor>{y.value(), g.of(in.q), g.of(in.k), g.of(in.v)};
  };
  const std::vector<Tensor> low = with(-1e9), high = with(1e9);
  for (std::size_t i = 0; i < low.size(); ++i) {
    CHECK(statistics(low[i]).non_finite == 0);
    CHECK(same_bits(low[i], high[i]));
  }
}

TEST_CASE("a NaN among the scales reaches its row and the later ones, not those before") {
  Inputs in = inputs(70, 0.5);
  std::vector<double> scale = in.terms.k_scale.value().to_vector<double>();
  scale[40] = std::nan("");
  in.terms.k_scale = Var(from_values(scale, {2, 70, 1}));
  const Tensor y = attend(in).value();
  CHECK(statistics(slice(y, 1, 0, 40)).non_finite == 0);
  CHECK(statistics(slice(slice(y, 0, 0, 1), 1, 40, 70)).non_finite == 30 * 5);
  CHECK(statistics(slice(y, 0, 1, 2)).non_finite == 0);
}

TEST_CASE("the gradient of a scale alone, and none that nobody wants") {
  const Inputs in = inputs(70, 0.5);
  const Gradients all = backward(sum(square(attend(in))));
  const auto fixed = [](const Var& x) { return Var(x.value()); };
  for (const bool of_query : {true, false}) {
    Inputs one{fixed(in.q), fixed(in.k), fixed(in.v), in.terms};
    one.terms.eps = fixed(in.terms.eps);
    (of_query ? one.terms.k_scale : one.terms.q_scale) =
        Var((of_query ? in.terms.k_scale : in.terms.q_scale).value());
    const Var& x = of_query ? in.terms.q_scale : in.terms.k_scale;
    CHECK(same_bits(backward(sum(square(attend(one)))).of(x), all.of(x)));
  }
  Inputs none = in;
  none.terms.q_scale = fixed(in.terms.q_scale), none.terms.k_scale = fixed(in.terms.k_scale);
  const Gradients others = backward(sum(square(attend(none))));
  for (const Var& x : {in.q, in.k, in.v, in.terms.eps}) CHECK(same_bits(others.of(x), all.of(x)));
}

TEST_CASE("the same bits at any number of threads") {
  const int before = threads();
  const Inputs in = cast_to(inputs(3000, 0.05), DType::f32);
  const auto run = [&](int n) {
    set_threads(n);
    const Var y = attend(in);
    const Gradients g = backward(sum(square(y)));
    return std::vector<Tensor>{y.value(), g.of(in.q), g.of(in.k), g.of(in.v)};
  };
  const std::vector<Tensor> one = run(1), three = run(3);
  set_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(same_bits(one[i], three[i]));
}

TEST_CASE("scales go together, and with earlier keys") {
  Inputs in = inputs(3, 1);
  in.terms.kept = {}, in.terms.k_scale = {};
  CHECK_THROWS_WITH_AS(linear_attention(in.q, in.k, in.v, Keys::earlier, {}, in.terms),
                       doctest::Contains("the scales of q and of k go together"), ShapeError);
}
