// S-APE, S-RPE and NS-RPE spelled out from their tables and sinusoids: columns and bases of the
// codes, sums over structures, time within segments, and labels that are missing or out of range.
#include <doctest/doctest.h>

#include <algorithm>

#include "tensor/index.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using Numbers = std::vector<double>;
constexpr int64 kHeads = 2, kSize = 4, kWidth = kHeads * kSize;
constexpr EncodingShape kShape{kWidth, kHeads};

Tensor random(std::uint64_t seed, const Shape& shape) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, DType::f64);
}

/// Column i = 1, 2, ... of the paper's code: sin in columns 1, 3, ..., cos in 2, 4, ...
double column(double value, int i, double base) {
  const double angle = value / std::pow(base, 2.0 * std::floor(i / 2.0) / kWidth);
  return i % 2 ? std::sin(angle) : std::cos(angle);
}

Tensor code(double value, double base) {
  Numbers c;
  for (int i = 1; i <= kWidth; ++i) c.push_back(column(value, i, base));
  return from_values(c, {kWidth});
}

Positions structures(const Numbers& first, const Numbers& second,
                     const std::vector<std::string>& names) {
  const auto n = static_cast<int64>(first.size());
  const std::vector<Tensor> parts{from_values(first, {1, n, 1}), from_values(second, {1, n, 1})};
  return labelled_positions(concat(parts, -1), {{.name = names[0], .kind = TrackKind::real},
                                                {.name = names[1], .kind = TrackKind::real}});
}

/// A linear map by its name in a state.
Tensor linear(const StateDict& s, const std::string& name, const Tensor& x) {
  return add(matmul(s.at("pe/" + name + "/weight"), x), s.at("pe/" + name + "/bias"));
}

/// q_m . E / sqrt(d) of one head.
double product(const Tensor& q, int64 h, int64 m, const Tensor& e) {
  const Tensor row = contiguous(select(select(select(q, 0, 0), 0, h), 0, m));
  return matmul(row, contiguous(slice(e, 0, h * kSize, (h + 1) * kSize))).item() / 2;
}

}  // namespace

TEST_CASE("s_ape: the authors' sinusoids, each structure with its base") {
  const auto e = encoding("s_ape", kShape, {"codes=sine", "tracks=chord,melody"});
  CHECK(e->state().empty());
  const Positions p = structures({7, 0, 394}, {60, 128, 2.5}, {"chord", "melody"});
  Pass pass = Pass::eval();
  const Tensor x = random(1, {2, 3, kWidth});
  const Tensor y = e->embed(x, p, pass).value();
  for (int64 t = 0; t < 3; ++t)
    for (int i = 1; i <= kWidth; ++i) {
      const double c =
          column(p.labels.at({0, t, 0}), i, 10001) + column(p.labels.at({0, t, 1}), i, 7920);
      CHECK(std::abs(y.at({1, t, i - 1}) - x.at({1, t, i - 1}) - c) <= 1e-13);
    }
  // The exponents of 8 columns are 0, 2, 2, 4, 4, 6, 6, 8.
  const auto same = encoding("s_ape", kShape, {"codes=sine", "tracks=tempo", "bases=16"});
  const Tensor z = same->embed(zeros({1, 1, kWidth}, DType::f64), labels(*same, {3}), pass).value();
  const double steps[] = {1, 2, 2, 4, 4, 8, 8, 16};
  for (int i = 0; i < kWidth; ++i)
    CHECK(std::abs(z.at({0, 0, i}) - (i % 2 ? std::cos(3 / steps[i]) : std::sin(3 / steps[i]))) <=
          1e-14);
}

TEST_CASE("s_ape: a table for each label, and labels that are missing or in no table") {
  const auto e = encoding("s_ape", kShape, {"tracks=chord,section", "values=6,3"});
  const StateDict s = e->state();
  Pass pass = Pass::eval();
  const Tensor x = zeros({1, 2, kWidth}, DType::f64);
  const auto embed = [&](const Positions& p) { return e->embed(x, p, pass).value(); };
  const Tensor y = embed(structures({5, 1}, {2, 0}, {"chord", "section"}));
  for (int64 i = 0; i < kWidth; ++i)
    CHECK(y.at({0, 0, i}) == s.at("pe/table0").at({5, i}) + s.at("pe/table1").at({2, i}));
  const auto refusal = [&](const Positions& p) { return message([&] { embed(p); }); };
  CHECK(refusal(structures({6, 1}, {2, 0}, {"chord", "section"})) ==
        "s_ape has a table of 6 rows for 'chord', labels 0 to 5; token 0 has 6; set its option "
        "values");
  CHECK(has(refusal(structures({5, 1}, {2, 3}, {"chord", "section"})),
            "a table of 3 rows for 'section', labels 0 to 2; token 1 has 3"));
  CHECK(has(refusal(structures({5, 0.5}, {2, 1}, {"chord", "section"})), "they are whole numbers"));
  CHECK(
      has(refusal(structures({5, 1}, {2, 1}, {"chord", "sektion"})),
          "'s_ape' reads the label 'section', which these positions do not have; they have chord, "
          "sektion; did you mean 'sektion'?"));
  CHECK(has(refusal(structures({5}, {2}, {"chord", "section"})), "ask for (batch, 1, 8)"));
  CHECK(has(message([] {
              encoding("s_ape", kShape, {"tracks=chord", "values=5,6"});
            }),
            "option 'values' has 2 numbers; give one for all, or 1"));
}

TEST_CASE("s_rpe: the terms of each structure, pair by pair") {
  for (const char* codes : {"codes=learned", "codes=sine"}) {
    CAPTURE(codes);
    const auto e = encoding("s_rpe", kShape, {codes, "tracks=chord,section", "clips=3,1"});
    const StateDict s = e->state();
    const Positions p = structures({7, 0, 5, 5, 2}, {1, 1, 0, 3, 0}, {"chord", "section"});
    const Tensor q = random(1, {1, kHeads, 5, kSize});
    Pass pass = Pass::eval();
    const Tensor got = e->score_bias(Var(q), Var(q), p, pass)->value();
    const auto vector = [&](int64 which, double lag) {
      const double clip = which == 0 ? 3 : 1;
      const Tensor c =
          codes[6] == 's'
              ? code(lag, which == 0 ? 10001 : 11339)
              : contiguous(select(s.at(fmt::format("pe/table{}", which)), 0,
                                  static_cast<int64>(std::clamp(lag, -clip, clip) + clip)));
      return linear(s, "layer", linear(s, fmt::format("structure{}", which), c));
    };
    for (int64 h = 0; h < kHeads; ++h)
      for (int64 m = 0; m < 5; ++m)
        for (int64 n = 0; n < 5; ++n) {
          double expected = 0;
          for (int64 w = 0; w < 2; ++w)
            expected +=
                product(q, h, m, vector(w, p.labels.at({0, m, w}) - p.labels.at({0, n, w})));
          CHECK(std::abs(got.at({0, h, m, n}) - expected) <= 1e-13);
        }
  }
  CHECK(encoding("s_rpe", kShape, {})->state().at("pe/table1").shape() == Shape{2 * 395 + 1, 8});
}

TEST_CASE("ns_rpe: time within the segment, zero across labels") {
  for (const char* segment : {"segment=chord", "segment=section"}) {
    const bool chord = segment[8] == 'c';
    const auto e = encoding("ns_rpe", kShape, {segment});
    const StateDict s = e->state();
    const Positions p = structures({4, 4, 4, 9, 9, 4}, {1, 0, 0, 0, 2, 2}, {"chord", "section"});
    const Numbers time = chord ? Numbers{0, 1, 2, 0, 1, 0} : Numbers{0, 0, 1, 2, 0, 1};
    const Tensor q = random(1, {1, kHeads, 6, kSize});
    Pass pass = Pass::eval();
    const Tensor got = e->score_bias(Var(q), Var(q), p, pass)->value();
    const auto through = [&](const std::string& part, const Tensor& c) {
      return linear(s, "layer", linear(s, part, c));
    };
    const double base = chord ? 9919 : 24149;
    for (int64 h = 0; h < kHeads; ++h)
      for (int64 m = 0; m < 6; ++m)
        for (int64 n = 0; n < 6; ++n) {
          const auto lag = [&](int64 w) { return p.labels.at({0, m, w}) - p.labels.at({0, n, w}); };
          double expected = product(q, h, m, through("structure0", code(lag(0), 10001))) +
                            product(q, h, m, through("structure1", code(lag(1), 11339)));
          const double t_m = time[static_cast<std::size_t>(m)],
                       t_n = time[static_cast<std::size_t>(n)];
          if (lag(chord ? 0 : 1) == 0)
            expected += product(q, h, m, through("between", code(t_m - t_n, base))) +
                        product(q, h, m, through("since", code(t_m, base)));
          CHECK(std::abs(got.at({0, h, m, n}) - expected) <= 1e-13);
        }
  }
  CHECK(
      has(message([] { encoding("ns_rpe", kShape, {"segment=chrd"}); }), "did you mean 'chord'?"));
  CHECK(has(message([] {
              encoding("ns_rpe", kShape, {"tracks=bar", "segment=chord"});
            }),
            "one of bar"));
}
