// Biases that depend on more than the lag: FIRE on how far the query could look back, CoPE on what
// stands between.
#include <doctest/doctest.h>

#include "tensor/index.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr EncodingShape kShape{8, 2};

Tensor random(std::uint64_t seed, const Shape& shape) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, DType::f64);
}

Tensor bias(const PositionalEncoding& e, const Tensor& q, const Tensor& k, const Positions& p) {
  Pass pass = Pass::eval();
  return e.score_bias(Var(q), Var(k), p, pass)->value();
}

/// FIRE's formula with the parameters of a state.
double fire(const StateDict& s, int64 head, double p_m, double lag) {
  const double c = 0.1 * std::exp(s.at("pe/curvature").at({0})),
               l = 2 * std::exp(s.at("pe/threshold").at({0}));
  const double x = std::log(c * lag + 1) / std::log(c * std::max(l, p_m) + 1);
  CHECK(x >= 0);
  CHECK(x <= 1);
  double y = s.at("pe/out_bias").at({head});
  for (int64 i = 0; i < s.at("pe/weight").numel(); ++i)
    y += s.at("pe/out_weight").at({head, i}) *
         std::max(0.0, s.at("pe/weight").at({i}) * x + s.at("pe/bias").at({i}));
  return y;
}

}  // namespace

TEST_CASE("fire: the formula, an argument in [0, 1], and a bound at any length") {
  const auto e = encoding("fire", kShape, {"threshold=2", "hidden=5"});
  StateDict state = e->state();
  state["pe/curvature"] = tensor({0.3}, {1}, DType::f64);
  state["pe/threshold"] = tensor({0.2}, {1}, DType::f64);
  e->load(state);
  double bound = 0;
  for (int64 h = 0; h < 2; ++h) {
    double b = std::abs(state.at("pe/out_bias").at({h}));
    for (int64 i = 0; i < 5; ++i)
      b += std::abs(state.at("pe/out_weight").at({h, i})) *
           (std::abs(state.at("pe/weight").at({i})) + std::abs(state.at("pe/bias").at({i})));
    bound = std::max(bound, b);
  }
  const std::vector<double> times{0, 0, 1, 2.5, 7, 1000, 1e6};
  const Tensor q = random(1, {1, 2, 7, 4});
  const Tensor got = bias(*e, q, q, labels(*e, times));
  for (int64 h = 0; h < 2; ++h)
    for (std::size_t m = 0; m < times.size(); ++m)
      for (std::size_t n = 0; n <= m; ++n) {
        const double b = got.at({0, h, static_cast<int64>(m), static_cast<int64>(n)});
        CHECK(std::abs(b - fire(state, h, times[m], times[m] - times[n])) <= 1e-13);
        CHECK(std::abs(b) <= bound);
      }
  // The same lag from later on is another share: not a function of the lag.
  CHECK(std::abs(fire(state, 0, 3, 2) - fire(state, 0, 100, 2)) > 1e-3);
}

TEST_CASE("fire: time forward from 0, behind a causal mask") {
  const auto e = encoding("fire", kShape, {});
  const Tensor q = random(1, {1, 2, 3, 4});
  const auto refusal = [&](const Positions& p) { return message([&] { bias(*e, q, q, p); }); };
  CHECK(refusal(labels(*e, {0, 2, 1})) ==
        "fire: time runs forward; token 2 has 1, the one before it 2");
  CHECK(refusal(labels(*e, {-1, 2, 3})) == "fire: time counts from 0; token 0 has -1");
  CHECK(has(refusal(time_positions(3, false)), "no query looks ahead; set model.causal = true"));
  CHECK(has(message([] { encoding("fire", kShape, {"tracks=bar"}); }), "'tracks' is unknown"));
}

TEST_CASE("cope: places and interpolated vectors, pair by pair") {
  const auto e = encoding("cope", kShape, {"places=2", "tables=own"});
  const Tensor table = e->state().at("pe/table");  // [2, 3, 4]
  const Tensor q = random(1, {1, 2, 8, 4}), k = random(2, {1, 2, 8, 4});
  Positions p = time_positions(8);
  p.key_mask = cast(tensor({1, 1, 0, 1, 1, 1, 1, 1}, {1, 8}), DType::u8);
  const Tensor got = bias(*e, q, k, p);
  const auto dot = [](const Tensor& a, const Tensor& b) {
    return matmul(contiguous(a), contiguous(b)).item() / 2;
  };
  const auto row = [](const Tensor& x, int64 h, int64 i) {
    return select(select(select(x, 0, 0), 0, h), 0, i);
  };
  double furthest = 0;
  for (int64 h = 0; h < 2; ++h)
    for (int64 m = 0; m < 8; ++m)
      for (int64 n = 0; n <= m; ++n) {
        double place = 0;
        for (int64 j = n; j <= m; ++j)
          if (j != 2) place += 1 / (1 + std::exp(-dot(row(q, h, m), row(k, h, j))));
        furthest = std::max(furthest, place);
        place = std::min(place, 2.0);
        const auto below = static_cast<int64>(place);
        const Tensor e_h = select(table, 0, h);
        const double w = place - static_cast<double>(below),
                     low = dot(row(q, h, m), select(e_h, 0, below)),
                     high = dot(row(q, h, m), select(e_h, 0, std::min<int64>(below + 1, 2)));
        CHECK(std::abs(got.at({0, h, m, n}) - ((1 - w) * low + w * high)) <= 1e-13);
      }
  CHECK(furthest > 2);  // so that some places are clipped
}

TEST_CASE("cope: with every gate at 1 it is shaw, keys only, one lag further") {
  const auto e = encoding("cope", kShape, {"places=9", "tables=own"}),
             shaw = encoding("shaw", kShape, {"clip=9", "values=false", "tables=own"});
  const int64 d = 4, n = 7;
  // The last coordinate opens the gates, and no vector has it.
  const auto opened = [&](std::uint64_t seed) {
    const std::vector<Tensor> parts{random(seed, {1, 2, n, d - 1}),
                                    full({1, 2, n, 1}, 20, DType::f64)};
    return concat(parts, -1);
  };
  const std::vector<Tensor> halves{random(3, {2, 10, d - 1}), zeros({2, 10, 1}, DType::f64)};
  const Tensor table = concat(halves, -1);  // [H, places 0 .. 9, d]
  e->load({{"pe/table", table}});
  // Lag l of shaw is place l + 1; lags below 0 are masked.
  const std::vector<Tensor> lags{zeros({2, 9, d}, DType::f64), slice(table, 1, 1, 10),
                                 zeros({2, 1, d}, DType::f64)};
  shaw->load({{"pe/keys", unsqueeze(contiguous(transpose(concat(lags, 1), 0, 1)), 0)}});
  const Tensor q = opened(1), k = opened(2);
  const Tensor a = bias(*e, q, k, time_positions(n)), b = bias(*shaw, q, k, time_positions(n));
  CHECK(max_difference(tril(a), tril(b)) <= 1e-12);
  CHECK(max(abs(tril(a))).item() > 0.1);
  CHECK(has(message([&] { bias(*e, q, k, time_positions(n, false)); }),
            "no query looks ahead; set model.causal = true"));
}
