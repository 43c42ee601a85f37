// ALiBi's closed form, sinusoidal codes, and the encoding that is none.
#include <doctest/doctest.h>

#include "tests/pe/encode.h"

using namespace gradus;

TEST_CASE("alibi: the closed form times 1/sqrt(d) is the bias of the score") {
  const auto e = encoding("alibi", {8, 2}, {});
  const auto closed = e->interaction(tensor({7}, {1}, DType::f64), tensor({3}, {1}, DType::f64));
  REQUIRE(closed);
  CHECK(closed->gamma.at({0}) / 2 == doctest::Approx(-4.0 / 16));
  CHECK(closed->gamma.at({1}) / 2 == doctest::Approx(-4.0 / 256));
  CHECK(max_difference(select(closed->g, 0, 1), eye(4, DType::f64)) == 0);
}

TEST_CASE("sinusoidal: Vaswani's table") {
  const auto e = encoding("sinusoidal", {8, 2}, {"base=100"});
  Pass pass = Pass::eval();
  const auto codes = [&](const std::vector<double>& p) {
    const Tensor zero = zeros({1, static_cast<int64>(p.size()), 8}, DType::f64);
    return select(e->embed(zero, labels(*e, p), pass).value(), 0, 0);
  };
  const Tensor one = codes({2.5});
  for (int64 i = 0; i < 4; ++i) {
    const double w = std::pow(100.0, -2.0 * static_cast<double>(i) / 8);
    CHECK(one.at({0, 2 * i}) == doctest::Approx(std::sin(2.5 * w)).epsilon(1e-14));
    CHECK(one.at({0, 2 * i + 1}) == doctest::Approx(std::cos(2.5 * w)).epsilon(1e-14));
  }
}

TEST_CASE("sinusoidal: vectors have a frequency for each number, drawn once and kept") {
  const auto e = encoding("sinusoidal", {6, 2}, {"tracks=chroma", "width=3"});
  const Tensor f = e->state().at("pe/frequencies");  // [1, 3, 3]
  REQUIRE(f.shape() == Shape{1, 3, 3});
  Pass pass = Pass::eval();
  const Tensor y = e->embed(zeros({1, 1, 6}, DType::f64), labels(*e, {1, 0, 2}, 3), pass).value();
  for (int64 i = 0; i < 3; ++i) {
    const double theta = f.at({0, i, 0}) + 2 * f.at({0, i, 2});
    CHECK(std::abs(y.at({0, 0, 2 * i}) - std::sin(theta)) <= 1e-14);
    CHECK(std::abs(y.at({0, 0, 2 * i + 1}) - std::cos(theta)) <= 1e-14);
  }
  CHECK(e->parameter_count() == 0);
}

TEST_CASE("sinusoidal: added to x, at query rows, from any track; odd sizes and vectors refused") {
  const auto e = encoding("sinusoidal", {4, 1}, {"tracks=beat"});
  Pass pass = Pass::eval();
  const Positions p = labels(*e, {3, 1, 4, 1, 5});
  const Tensor x = ones({2, 5, 4}, DType::f64);
  const Tensor all = e->embed(x, p, pass).value();
  CHECK(all.shape() == x.shape());
  CHECK(all.at({1, 1, 0}) == doctest::Approx(1 + std::sin(1.0)));
  const Tensor part = e->embed(slice(x, 1, 3, 5), p.rows(3, 2), pass).value();
  CHECK(same_bits(part, contiguous(slice(all, 1, 3, 5))));
  CHECK_THROWS_WITH_AS(encoding("sinusoidal", {5, 1}, {}),
                       "sinusoidal codes are pairs of sin and cos: d_model must be even, got 5; "
                       "make it 4 or 6",
                       ConfigError);
  CHECK_THROWS_WITH_AS(
      e->embed(zeros({1, 1, 4}, DType::f64), labels(*e, {1, 0}, 2), pass),
      "sinusoidal was built for labels of 1 number, 'beat' has 2; name one of them, "
      "'beat.0' say, or set width = 2 where that is an option",
      ConfigError);
  CHECK_THROWS_AS(e->embed(x, p.rows(0, 3), pass), ShapeError);
}

TEST_CASE("none: nothing changes, and labels are not looked at") {
  const auto e = encoding("none", {6, 2}, {});
  Pass pass = Pass::eval();
  const Var x(ones({1, 2, 6})), q(ones({1, 2, 2, 3}));
  const Positions p = time_positions(2);
  CHECK(e->embed(x, p, pass) == x);
  CHECK(e->transform(q, q, p, pass).k == q);
  CHECK(e->traits().hooks == 0);
  CHECK(e->state().empty());
}
