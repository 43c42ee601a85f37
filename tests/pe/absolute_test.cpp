// ALiBi's tables and corners, sinusoidal codes, and the encoding that is none.
#include <doctest/doctest.h>

#include "tests/pe/encode.h"

using namespace gradus;

namespace {

std::vector<double> slopes(int64 heads, const char* table) {
  Pass pass = Pass::eval();
  const auto e = encoding("alibi", {heads, heads}, {table});
  return neg(e->lag_bias(scalar(1, DType::f64), pass)->value()).to_vector<double>();
}

void check_close(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) <= 1e-15);
}

}  // namespace

TEST_CASE("alibi: both tables of slopes") {
  using Numbers = std::vector<double>;
  const Numbers four{0.25, 0.0625, 0.015625, 0.00390625};
  const Numbers eight{0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625};
  for (const char* table : {"slopes=paper", "slopes=released"}) {
    check_close(slopes(4, table), four);
    check_close(slopes(8, table), eight);
    check_close(slopes(1, table), {0.00390625});
  }
  check_close(slopes(6, "slopes=released"), {0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125});
  Numbers twelve = eight;
  for (double half : {0.5, 1.5, 2.5, 3.5}) twelve.push_back(std::exp2(-half));
  check_close(slopes(12, "slopes=released"), twelve);
  for (int64 heads : {6, 12}) {
    const Numbers s = slopes(heads, "slopes=paper");
    for (int64 h = 1; h <= heads; ++h)
      CHECK(
          s[static_cast<std::size_t>(h - 1)] ==
          doctest::Approx(std::pow(2.0, -8.0 * static_cast<double>(h) / static_cast<double>(heads)))
              .epsilon(1e-14));
  }
}

TEST_CASE("alibi: the bias at N is a corner of that at 2N, and symmetric") {
  const auto e = encoding("alibi", {8, 4}, {});
  Pass pass = Pass::eval();
  const auto bias = [&](int64 n) {
    const Tensor t = arange(0, static_cast<double>(n), 1, DType::f64);
    return e->lag_bias(sub(reshape(t, {n, 1}), reshape(t, {1, n})), pass)->value();
  };
  const Tensor small = bias(5), large = bias(10);
  CHECK(small.shape() == Shape{4, 5, 5});
  CHECK(same_bits(small, contiguous(slice(slice(large, 1, 0, 5), 2, 0, 5))));
  CHECK(same_bits(small, contiguous(slice(slice(large, 1, 5, 10), 2, 5, 10))));
  CHECK(same_bits(small, contiguous(transpose(small))));
  CHECK(small.at({0, 3, 1}) == -0.5);
  CHECK(e->lag_bias(zeros({0}, DType::f64), pass)->value().shape() == Shape{4, 0});
}

TEST_CASE("alibi: the closed form times 1/sqrt(d) is the bias of the score") {
  const auto e = encoding("alibi", {8, 2}, {});
  const auto closed = e->interaction(tensor({7}, {1}, DType::f64), tensor({3}, {1}, DType::f64));
  REQUIRE(closed);
  CHECK(closed->gamma.at({0}) / 2 == doctest::Approx(-4.0 / 16));
  CHECK(closed->gamma.at({1}) / 2 == doctest::Approx(-4.0 / 256));
  CHECK(max_difference(select(closed->g, 0, 1), eye(4, DType::f64)) == 0);
}

TEST_CASE("sinusoidal: Vaswani's table, and inner products that depend on the lag only") {
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
  for (double start : {0.0, 17.0, 1e4}) {
    const Tensor pair = codes({start, start + 3});
    const Tensor origin = codes({0, 3});
    const auto product = [](const Tensor& t) { return matmul(select(t, 0, 0), select(t, 0, 1)); };
    CHECK(product(pair).item() == doctest::Approx(product(origin).item()).epsilon(1e-12));
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
