// conv_spe and randomized: noise that belongs to labels, and times that belong to a step.
#include <doctest/doctest.h>

#include <set>

#include "nn/attention_core.h"
#include "tensor/index.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using Numbers = std::vector<double>;

Tensor ones(int64 heads, int64 rows, int64 d) { return full({1, heads, rows, d}, 1, DType::f64); }

/// The times that a wrapped encoding hears, for a sequence of n tokens: x + time.
Numbers heard(const PositionalEncoding& e, int64 n, Mode mode) {
  Pass pass(mode);
  return reshape(e.embed(Var(zeros({1, n, 1}, DType::f64)), time_positions(n), pass).value(), {n})
      .to_vector<double>();
}

/// `randomized` around learned codes that are the times themselves.
std::unique_ptr<PositionalEncoding> telling(int64 range) {
  Options o;
  o.set("wraps=learned");
  o.set("range", OptionValue(range));
  o.set("max_length", OptionValue(range));
  auto e = make_encoding("randomized", o)(Build("pe", Rng(1), DType::f64), {1, 1});
  StateDict state = e->state();
  state.at("pe/inside/table") =
      reshape(arange(0, static_cast<double>(range), 1, DType::f64), {range, 1});
  e->load(state);
  return e;
}

}  // namespace

TEST_CASE("conv_spe: the mean is the filters' product, and 0 from K labels on") {
  const auto e = encoding("conv_spe", {2, 1}, {"kernel=3", "realizations=8192"});
  const Numbers u = e->state().at("pe/query_filter").to_vector<double>(),
                w = e->state().at("pe/key_filter").to_vector<double>();
  Rng rng(60);
  e->draw(rng);
  for (int lag = -5; lag <= 5; ++lag) {
    const double p_m = 40 + lag, p_n = 40;
    Numbers expected(2, 0.0);
    for (std::size_t d = 0; d < 2; ++d)
      for (int j = 0; j < 3; ++j)
        if (j + lag >= 0 && j + lag < 3)
          expected[d] +=
              u[3 * d + static_cast<std::size_t>(j)] * w[3 * d + static_cast<std::size_t>(j + lag)];
    const Tensor closed =
        e->interaction(from_values(Numbers{p_m}, {1}), from_values(Numbers{p_n}, {1}))->g;
    for (std::size_t d = 0; d < 2; ++d) {
      const auto at = static_cast<int64>(d);
      CHECK(closed.at({0, at, at}) == doctest::Approx(expected[d]).epsilon(1e-13));
      if (std::abs(lag) >= 3) CHECK(closed.at({0, at, at}) == 0);
      Numbers unit(2, 0.0);
      unit[d] = 1;
      // The deviation of one realization is at most sqrt(2) |u| |w| <= 3 for these filters.
      CHECK(std::abs(raw_score(*e, head(unit), head(unit), {p_m}, {p_n})[0] - expected[d]) <=
            5 * 3 / std::sqrt(8192.));
    }
  }
}

TEST_CASE("conv_spe: codes belong to labels, in whatever run they stand") {
  const auto e = encoding("conv_spe", {8, 2}, {"kernel=4", "realizations=7"});
  const auto codes = [&](const Numbers& p) {
    const Tensor x = ones(2, static_cast<int64>(p.size()), 4);
    return transformed(*e, x, x, labels(*e, p)).k.value();
  };
  Numbers run;
  for (int i = 0; i < 40; ++i) run.push_back(i - 9);
  const Tensor all = codes(run);
  const auto same = [&](const Numbers& p) {
    const Tensor some = codes(p);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const auto row = static_cast<int64>(p[i]) + 9, at = static_cast<int64>(i);
      CHECK(max_difference(slice(some, 2, at, at + 1), slice(all, 2, row, row + 1)) <= 1e-13);
    }
  };
  same({5});
  same({30, -9, 30, 0});
  same({3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18});
  CHECK(max_difference(slice(all, 2, 3, 4), slice(all, 2, 4, 5)) > 1e-3);
  // Far labels are no longer work than near ones.
  CHECK(codes({0, 1e12, -1e12}).shape() == Shape{1, 2, 3, 7});
  CHECK(has(message([&] { codes({0, 0.5}); }), "'time' of token 1 is 0.5"));
  CHECK(has(message([&] { codes({0, 1e300}); }), "noise at labels up to 2^53"));
  CHECK(codes({}).shape() == Shape{1, 2, 0, 7});
}

TEST_CASE("conv_spe: noise is normal") {
  // A filter of one tap 1 shows the noise itself.
  const auto e = encoding("conv_spe", {2, 1}, {"kernel=1", "realizations=8192"});
  StateDict state = e->state();
  state.at("pe/key_filter") = full({1, 2, 1}, 1, DType::f64);
  e->load(state);
  const Tensor x = reshape(tensor({1, 0}, {2}, DType::f64), {1, 1, 1, 2});
  Numbers z =
      mul(transformed(*e, x, x, labels(*e, {3})).k.value(), std::sqrt(8192.)).to_vector<double>();
  double first = 0, second = 0, fourth = 0;
  std::set<double> different(z.begin(), z.end());
  for (double v : z) first += v / 8192, second += v * v / 8192, fourth += v * v * v * v / 8192;
  CHECK(different.size() == z.size());
  CHECK(std::abs(first) < 5 / std::sqrt(8192.));
  CHECK(std::abs(second - 1) < 5 * std::sqrt(2 / 8192.));
  CHECK(std::abs(fourth - 3) < 5 * std::sqrt(96 / 8192.));
}

TEST_CASE("randomized: sorted, different, in range, new each step; evaluation is unchanged") {
  const auto e = telling(50);
  const Numbers plain{0, 1, 2, 3, 4, 5};
  CHECK(heard(*e, 6, Mode::eval) == plain);
  std::set<Numbers> seen;
  Numbers counts(50, 0.0);
  Rng rng(61);
  for (int i = 0; i < 500; ++i) {
    e->draw(rng);
    const Numbers t = heard(*e, 6, Mode::train);
    for (std::size_t j = 0; j < t.size(); ++j) {
      CHECK(t[j] >= 0);
      CHECK(t[j] < 50);
      if (j > 0) CHECK(t[j] > t[j - 1]);
      counts[static_cast<std::size_t>(t[j])] += 1;
    }
    CHECK(heard(*e, 6, Mode::train) == t);
    seen.insert(t);
  }
  CHECK(seen.size() > 490);
  // Each time is in 12 percent of the draws: 60 +- 5 deviations.
  for (double c : counts) CHECK(std::abs(c - 60) < 5 * std::sqrt(60 * 0.88));
  CHECK(heard(*e, 6, Mode::eval) == plain);
  CHECK(heard(*e, 50, Mode::train).back() == 49);
  CHECK(has(message([&] { heard(*e, 51, Mode::train); }), "draws 51 different times below 50"));
}

TEST_CASE("randomized: a bias by lag is asked for the new lags") {
  const auto e = encoding("randomized", {4, 2}, {"wraps=alibi", "range=30"});
  CHECK(e->traits().hooks == unsigned{kScoreBias});
  const Var x(zeros({1, 2, 5, 2}, DType::f64));
  Pass eval = Pass::eval(), train(Mode::train);
  const Tensor plain = e->score_bias(x, x, time_positions(5), eval)->value(),
               drawn = e->score_bias(x, x, time_positions(5), train)->value();
  CHECK(plain.at({0, 1, 4, 1}) == doctest::Approx(-3. / 256));
  double before = 0;
  for (int64 n = 3; n >= 0; --n) {
    const double lag = -256 * drawn.at({0, 1, 4, n});
    CHECK(lag == std::round(lag));
    CHECK(lag > before);
    before = lag;
  }
  CHECK(before < 30);
  CHECK(max_difference(plain, drawn) > 0);
}

TEST_CASE("randomized: what cannot stand inside") {
  const auto refusal = [](std::initializer_list<const char*> settings) {
    return message([&] { encoding("randomized", {8, 2}, settings); });
  };
  CHECK(has(refusal({"wraps=none"}), "'none' reads none"));
  CHECK(has(refusal({"wraps=cope"}), "'cope' reads none"));
  CHECK(has(refusal({"wraps=rope", "tracks=chord"}), "'rope' reads chord"));
  CHECK(has(refusal({"wraps=music_transformer"}),
            "randomized times are not in equal steps, and 'music_transformer' takes nothing else: "
            "it counts rows in place of lags"));
  CHECK(has(refusal({"wraps=learned"}), "takes times below 512; set the option range = 512"));
  CHECK(has(refusal({"wraps=randomized"}), "does not wrap itself"));
  CHECK(has(refusal({"wraps=rop"}), "did you mean 'rope'?"));
  CHECK(has(refusal({"wraps=rope", "varian=A"}), "did you mean 'variant'?"));
}
