// Losses against plain loops over doubles, and the borders of each: no element, all masked, logits
// that overflow, classes out of range.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "autograd/backward.h"
#include "autograd/gradcheck.h"
#include "autograd/record.h"
#include "nn/loss.h"
#include "tensor/elementwise.h"
#include "tensor/random.h"
#include "tests/error_text.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

Tensor f64(std::initializer_list<double> values, const Shape& shape) {
  return tensor(values, shape, DType::f64);
}
Tensor u8(std::initializer_list<double> values, const Shape& shape) {
  return tensor(values, shape, DType::u8);
}
Var ids(const std::vector<int64>& values, const Shape& shape) {
  return Var(from_values<int64>(values, shape));
}

double plain_bce(const Tensor& x, const Tensor& t, const Tensor& mask, double w, double gamma) {
  const auto xs = x.to_vector<double>(), ts = t.to_vector<double>();
  const auto ms = broadcast_to(mask, x.shape()).to_vector<double>();
  double total = 0, count = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (ms[i] == 0) continue;
    const double p = 1 / (1 + std::exp(-xs[i]));
    total -= w * ts[i] * std::pow(1 - p, gamma) * std::log(p) +
             (1 - ts[i]) * std::pow(p, gamma) * std::log(1 - p);
    ++count;
  }
  return total / std::max(1.0, count);
}

double plain_cross_entropy(const Tensor& x, const std::vector<int64>& id, double s, int64 ignore) {
  const auto xs = x.to_vector<double>();
  const auto c = static_cast<std::size_t>(x.size(-1));
  double total = 0, count = 0;
  for (std::size_t r = 0; r < id.size(); ++r) {
    if (id[r] == ignore) continue;
    double z = 0;
    for (std::size_t j = 0; j < c; ++j) z += std::exp(xs[r * c + j]);
    for (std::size_t j = 0; j < c; ++j) {
      const double q = s / static_cast<double>(c) + (static_cast<int64>(j) == id[r] ? 1 - s : 0.0);
      total -= q * (xs[r * c + j] - std::log(z));
    }
    ++count;
  }
  return total / std::max(1.0, count);
}

}  // namespace

TEST_CASE("bce: positive weight, focal weight, soft targets, mask") {
  Rng rng(1);
  const Tensor x = uniform(rng, {2, 5, 3}, -4, 4, DType::f64);
  const Tensor t = uniform(rng, {2, 5, 3}, 0, 1, DType::f64);
  const Tensor all = ones({2, 5, 3}, DType::u8),
               mask = u8({1, 0, 1, 1, 0, 0, 1, 1, 0, 1}, {2, 5, 1});
  for (double w : {1.0, 0.3, 5.0})
    for (double gamma : {0.0, 1.0, 2.5}) {
      const BceOptions o{.positive_weight = w, .focal_gamma = gamma};
      CHECK(bce_loss(Var(x), Var(t), {}, o).item() ==
            doctest::Approx(plain_bce(x, t, all, w, gamma)).epsilon(1e-12));
      CHECK(bce_loss(Var(x), Var(t), Var(mask), o).item() ==
            doctest::Approx(plain_bce(x, t, mask, w, gamma)).epsilon(1e-12));
    }
  // By hand: x = 0 gives ln 2 for either target.
  CHECK(bce_loss(Var(f64({0}, {1})), Var(f64({1}, {1}))).item() == doctest::Approx(std::log(2.0)));
}

TEST_CASE("bce: the masked part has no influence, whatever stands there; all masked is 0") {
  const Var x = leaf(f64({0.5, kInf, -2, 1}, {2, 2})), t(f64({1, 0, 0, 1}, {2, 2}));
  const Var loss = bce_loss(x, t, Var(u8({1, 0, 1, 1}, {2, 2})));
  CHECK(std::isfinite(loss.item()));
  const Var zero_x = leaf(f64({3, -1}, {2})), zero_t(f64({1, 0}, {2}));
  const Var zero = bce_loss(zero_x, zero_t, Var(zeros({2}, DType::u8)));
  CHECK(zero.item() == 0);
  CHECK(same_bits(abs(backward(zero).of(zero_x)), zeros({2}, DType::f64)));
  CHECK(mse_loss(zero_x, zero_t, Var(zeros({1}, DType::u8))).item() == 0);
  CHECK(bce_loss(Var(zeros({0, 3})), Var(zeros({0, 3})), Var(zeros({0, 3}, DType::u8))).item() ==
        0);
}

TEST_CASE("bce: large logits neither overflow nor lose their gradient") {
  for (double gamma : {0.0, 2.0}) {
    const Var x = leaf(f64({1000, -1000, 1000, -1000}, {4})), t(f64({1, 0, 0, 1}, {4}));
    const Var loss = bce_loss(x, t, {}, {.focal_gamma = gamma});
    CHECK(loss.item() == doctest::Approx(500));
    const Tensor g = backward(loss).of(x);
    CHECK(all_close(g, f64({0, 0, 0.25, -0.25}, {4}), 1e-12, 1e-12));
  }
}

TEST_CASE("cross entropy: label smoothing and ignored rows") {
  Rng rng(2);
  const Tensor x = uniform(rng, {2, 3, 4}, -3, 3, DType::f64);
  const std::vector<int64> id{0, 3, -100, 1, 1, 2};
  for (double s : {0.0, 0.1, 0.9})
    CHECK(cross_entropy_loss(Var(x), ids(id, {2, 3}), {.label_smoothing = s}).item() ==
          doctest::Approx(plain_cross_entropy(x, id, s, -100)).epsilon(1e-12));
  // A class of the table can be the ignored one.
  const std::vector<int64> padded{0, 3, 2, 1, 1, 2};
  CHECK(cross_entropy_loss(Var(x), ids(padded, {2, 3}), {.ignore_index = 2}).item() ==
        doctest::Approx(plain_cross_entropy(x, padded, 0, 2)).epsilon(1e-12));
  CHECK(cross_entropy_loss(Var(zeros({5, 7})), ids({0, 1, 2, 3, 4}, {5})).item() ==
        doctest::Approx(std::log(7.0)));
}

TEST_CASE("cross entropy: all ignored, no rows, one class, a single row without axes") {
  const Var x = leaf(f64({1, 2, 3, 4}, {2, 2}));
  const Var loss = cross_entropy_loss(x, ids({-100, -100}, {2}));
  CHECK(loss.item() == 0);
  CHECK(same_bits(abs(backward(loss).of(x)), zeros({2, 2}, DType::f64)));
  CHECK(cross_entropy_loss(Var(zeros({0, 3})), ids({}, {0})).item() == 0);
  CHECK(cross_entropy_loss(Var(full({3, 1}, 9)), ids({0, 0, 0}, {3})).item() == 0);
  CHECK(cross_entropy_loss(Var(f64({0, 0}, {2})), ids({1}, {})).item() ==
        doctest::Approx(std::log(2.0)));
}

TEST_CASE("a loss of no elements is 0, with and without a mask") {
  const Var none = leaf(zeros({0, 3})), mask(zeros({0, 3}, DType::u8));
  for (const Var& loss :
       {bce_loss(none, Var(zeros({0, 3}))), mse_loss(none, Var(zeros({0, 3}))),
        bce_loss(none, Var(zeros({0, 3})), mask), mse_loss(none, Var(zeros({0, 3})), mask)}) {
    CHECK(loss.item() == 0);
    CHECK(backward(loss).of(none).shape() == none.shape());
  }
}

TEST_CASE("cross entropy: large and masked logits") {
  const Var x = leaf(f64({1e4, 0, -kInf, 0, 5, -kInf}, {2, 3}));
  const Var loss = cross_entropy_loss(x, ids({0, 1}, {2}));
  CHECK(loss.item() == doctest::Approx(0.5 * std::log1p(std::exp(-5.0))));
  const Tensor g = backward(loss).of(x);
  CHECK(statistics(g).non_finite == 0);
  CHECK(g.at({1, 2}) == 0);
  {
    const FusionGuard off(Fusion::off);
    CHECK(cross_entropy_loss(x, ids({0, 1}, {2})).item() == doctest::Approx(loss.item()));
  }
  CHECK(std::isnan(cross_entropy_loss(Var(f64({std::nan(""), 1}, {1, 2})), ids({1}, {1})).item()));
}

TEST_CASE("mse: with and without a mask") {
  const Tensor x = f64({1, 2, 3, 4}, {2, 2}), t = f64({0, 2, 5, 1}, {2, 2});
  CHECK(mse_loss(Var(x), Var(t)).item() == doctest::Approx((1 + 0 + 4 + 9) / 4.0));
  CHECK(mse_loss(Var(x), Var(t), Var(u8({1, 0}, {2}))).item() == doctest::Approx((1 + 4) / 2.0));
  CHECK(mse_loss(Var(f64({3}, {})), Var(f64({1}, {}))).item() == 4);
}

TEST_CASE("gradients of all losses") {
  Rng rng(3);
  const std::vector<Tensor> pair{uniform(rng, {3, 4}, -2, 2, DType::f64),
                                 uniform(rng, {3, 4}, 0, 1, DType::f64)};
  const Var mask(u8({1, 0, 1}, {3, 1})), classes = ids({3, -100, 0}, {3});
  for (int order : {1, 2}) {
    const GradcheckOptions o{.order = order};
    const auto bce = [&](std::span<const Var> in) {
      return bce_loss(in[0], in[1], mask, {.positive_weight = 2, .focal_gamma = 1.5});
    };
    CHECK(gradcheck(bce, pair, o).passed());
    CHECK(gradcheck([&](std::span<const Var> in) { return mse_loss(in[0], in[1], mask); }, pair, o)
              .passed());
    CHECK(
        gradcheck(
            [&](const Var& x) { return cross_entropy_loss(x, classes, {.label_smoothing = 0.2}); },
            pair[0], o)
            .passed());
  }
}

TEST_CASE("what does not fit is named") {
  const Var x(zeros({2, 3}, DType::f64));
  CHECK(has(message([&] { bce_loss(x, Var(zeros({3}, DType::f64))); }), "the targets (3)"));
  CHECK(has(message([&] { bce_loss(x, Var(zeros({2, 3}))); }), "f32"));
  CHECK(has(message([&] {
              bce_loss(x, x, Var(zeros({2, 3}, DType::f64)));
            }),
            "must be u8, got f64"));
  CHECK(has(message([&] { bce_loss(x, x, Var(zeros({2}, DType::u8))); }), "the mask (2)"));
  CHECK(has(message([&] { bce_loss(x, x, {}, {.positive_weight = -1}); }), "above 0, got -1"));
  CHECK(has(message([&] { bce_loss(x, x, {}, {.focal_gamma = std::nan("")}); }), "got nan"));
  CHECK(has(message([&] { mse_loss(x, Var(zeros({3}, DType::f64))); }),
            "the prediction is (2, 3), the target (3)"));

  const std::string far = message([&] { cross_entropy_loss(x, ids({0, 3}, {2})); });
  CHECK(has(far, "row 1 has class 3; allowed are 0 to 2, or ignore_index -100"));
  CHECK(has(message([&] { cross_entropy_loss(x, ids({-1, 0}, {2})); }), "row 0 has class -1"));
  CHECK_THROWS_AS(cross_entropy_loss(x, ids({0, 3}, {2})), IndexError);
  CHECK(
      has(message([&] { cross_entropy_loss(x, ids({0}, {1})); }), "the ids must be (2), got (1)"));
  CHECK(has(message([&] { cross_entropy_loss(x, Var(zeros({2}))); }), "ids must be i64"));
  CHECK(has(message([&] {
              cross_entropy_loss(x, ids({0, 0}, {2}), {.label_smoothing = 1});
            }),
            "must be in [0, 1), got 1"));
  CHECK(has(message([&] {
              cross_entropy_loss(Var(zeros({2, 0})), ids({0, 0}, {2}));
            }),
            "at least one class"));
}
