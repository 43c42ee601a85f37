// The biases by lag: what T5 refuses, KERPLE's kernels, Sandwich, and sums over several labels;
// learned tables of absolute labels.
#include <doctest/doctest.h>

#include "tensor/index.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using Numbers = std::vector<double>;

/// b_h of these lags, head by head.
Numbers bias(const PositionalEncoding& e, const Numbers& lags) {
  Pass pass = Pass::eval();
  return e.lag_bias(from_values(lags, {static_cast<int64>(lags.size())}), pass)
      ->value()
      .to_vector<double>();
}

void check_close(const Numbers& got, const Numbers& expected, double tolerance = 1e-12) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(got[i] - expected[i]) <= tolerance);
  }
}

}  // namespace

TEST_CASE("t5: without 1/sqrt(d), a learned table for each label, and what it refuses") {
  const auto e = encoding("t5", {8, 2}, {"scaled=false"});
  CHECK(e->traits().hooks == (kTransform | kLagBias));
  const Tensor q = ones({1, 2, 3, 4}, DType::f64);
  CHECK(transformed(*e, q, q, labels(*e, {0, 1, 2})).q.value().at({0, 1, 2, 3}) == 2);
  CHECK(encoding("t5", {8, 2}, {"tracks=time,bar"})->traits().hooks == unsigned{kScoreBias});
  CHECK(encoding("t5", {8, 2}, {})->parameter_count() == 32 * 2);
  CHECK(encoding("t5", {8, 2}, {"tracks=time,bar"})->parameter_count() == 2 * 32 * 2);
  CHECK(message<IndexError>([&] { bias(*e, {0.5}); }) ==
        "t5 has buckets of whole lags; labels of 'time' are 0.5 apart");
  CHECK(has(message<ConfigError>([] {
              encoding("t5", {8, 2}, {"buckets=7"});
            }),
            "must be a multiple of 2, got 7; make it 8"));
  CHECK(has(message<ConfigError>([] {
              encoding("t5", {8, 2}, {"direction=both", "buckets=6"});
            }),
            "half of the buckets of each direction are for single lags: 'buckets' must be a "
            "multiple of 4, got 6; make it 8"));
  CHECK(has(message<ConfigError>([] {
              encoding("t5", {8, 2}, {"distance=16"});
            }),
            "lags below 16 have buckets of their own; 'distance' must be larger, got 16"));
}

TEST_CASE("kerple: both kernels, and exponents that make none") {
  const Numbers lags{0, 1, -3.5, 40};
  check_close(bias(*encoding("kerple", {4, 2}, {"r1=1.5,0.5", "r2=0.25,1.5"}), lags),
              {0, -0.3347153269713147, -0.9429129891335611, -3.596842909197556, 0,
               -0.45814536593707755, -0.9162907318741551, -2.0554369320866557});
  check_close(
      bias(*encoding("kerple", {4, 2}, {"kernel=power", "r1=1.5,0.5", "r2=0.25,1.5"}), lags),
      {0, -1.5, -2.0516735998010707, -3.7723002890488067, 0, -0.5, -3.2739502134271987,
       -126.49110640673517});
  // ALiBi is the power 1.
  check_close(bias(*encoding("kerple", {4, 1}, {"kernel=power", "r1=0.00390625", "r2=1"}), lags),
              bias(*encoding("alibi", {4, 1}, {}), lags));
  CHECK(has(message<ConfigError>([] {
              encoding("kerple", {4, 2}, {"kernel=power", "r2=2.5"});
            }),
            "option 'r2' holds 2.5; it must be above 0 and 2 at most, or the bias is no "
            "conditionally positive definite kernel"));
  for (const double r : {std::nan(""), HUGE_VAL, 0.0}) {
    Options options;
    options.set("kernel=power");
    options.set("r2", OptionValue(r));
    CHECK(has(message<ConfigError>([&] {
                build_encoding(find_encoding("kerple"), Build("pe"), {4, 2}, options);
              }),
              "must be above 0 and 2 at most"));
  }
  CHECK(has(message<ConfigError>([] {
              encoding("kerple", {4, 2}, {"r1=-1"});
            }),
            "must be above 0"));
  CHECK(has(message<ConfigError>([] {
              encoding("kerple", {4, 2}, {"r1=1,2,3"});
            }),
            "option 'r1' has 3 numbers; give one, or 2 for 2 heads"));
}

TEST_CASE("kerple: the exponent 2 is a kernel too, the last one") {
  const auto e = encoding("kerple", {4, 2}, {"kernel=power", "r1=0.5", "r2=2"});
  check_close(bias(*e, {0, 1, -3, 0.5, 100}),
              {0, -0.5, -4.5, -0.125, -5000, 0, -0.5, -4.5, -0.125, -5000}, 1e-9);
  const auto narrow = encoding("kerple", {4, 1}, {"kernel=power", "r1=0.5", "r2=2"}, 1, DType::f32);
  CHECK(bias(*narrow, {8})[0] == doctest::Approx(-32).epsilon(1e-6));
  Options options;
  for (const char* s : {"kernel=power", "r1=0.5", "r2=2"}) options.set(s);
  const TraitReport report =
      check_traits(subject_of(find_encoding("kerple"), options), "conditionally_positive");
  CHECK_MESSAGE(report.passed(), report.text());
  CHECK(report.find("conditionally_positive") != nullptr);
}

TEST_CASE("sandwich: the scale of each head is 1 over ALiBi's exponent 8h/H") {
  // 12 heads and 64 cosines, as in the paper: 64 * 12/8, 64 * 12/16, ..., 64 * 12/96 at lag 0.
  const Numbers at_zero = bias(*encoding("sandwich", {24, 12}, {}), {0});
  check_close(at_zero, {96, 48, 32, 24, 19.2, 16, 96. / 7, 12, 96. / 9, 9.6, 96. / 11, 8});
  // Two cosines, of lag and lag/100, times 3/8, 3/16, 3/24: cos 2 = -0.4161468365471424, cos 0.02 =
  // 0.9998000066665778.
  check_close(bias(*encoding("sandwich", {6, 3}, {"terms=4"}), {2}),
              {0.21886993879478828, 0.10943496939739414, 0.07295664626492943});
  // ALiBi's slope of the same head is 2 to minus that exponent.
  const Numbers slopes = bias(*encoding("alibi", {24, 12}, {}), {1});
  for (std::size_t h = 0; h < 12; ++h)
    CHECK(-std::log2(-slopes[h]) == doctest::Approx(64 / at_zero[h]).epsilon(1e-12));
}

TEST_CASE("sandwich: a sum of cosines, at a scale for each head") {
  check_close(bias(*encoding("sandwich", {4, 2}, {"terms=6"}), {0, 1, -3.5, 40}),
              {0.75, 0.6348057402788128, 0.26258699178352585, 0.011847064534784513, 0.375,
               0.3174028701394064, 0.13129349589176292, 0.005923532267392256});
  CHECK(has(message<ConfigError>([] {
              encoding("sandwich", {4, 2}, {"terms=5"});
            }),
            "'terms' must be even, got 5; make it 4 or 6"));
}

TEST_CASE("several labels: the sum of the biases of each") {
  for (const char* name : {"alibi", "kerple", "sandwich", "t5"}) {
    CAPTURE(name);
    const auto one = encoding(name, {8, 2}, {}), two = encoding(name, {8, 2}, {"tracks=time,bar"});
    StateDict state = two->state();
    for (auto& [path, value] : state) {  // the same numbers for both labels
      const Tensor single = one->state().at(path);
      const std::vector<Tensor> both{single, single};
      value = concat(both, 0);
    }
    two->load(state);
    const Tensor p = reshape(tensor({3, 1, 5, 2, 9, 7}, {6}, DType::f64), {1, 3, 2});
    const Positions positions =
        labelled_positions(p, {{.name = "time"}, {.name = "bar", .kind = TrackKind::real}});
    const Var q(zeros({1, 2, 3, 4}, DType::f64));
    Pass pass = Pass::eval();
    CHECK(!two->lag_bias(scalar(1, DType::f64), pass));
    const Tensor got = two->score_bias(q, q, positions, pass)->value();
    CHECK(got.shape() == Shape{1, 2, 3, 3});
    for (int64 m = 0; m < 3; ++m)
      for (int64 n = 0; n < 3; ++n) {
        const Numbers a = bias(*one, {p.at({0, m, 0}) - p.at({0, n, 0})}),
                      b = bias(*one, {p.at({0, m, 1}) - p.at({0, n, 1})});
        for (int64 h = 0; h < 2; ++h) {
          const auto i = static_cast<std::size_t>(h);
          CHECK(std::abs(got.at({0, h, m, n}) - a[i] - b[i]) <= 1e-12);
        }
      }
  }
}

TEST_CASE("learned: rows of a table, and labels that it does not hold") {
  const auto e = encoding("learned", {4, 2}, {"max_length=5", "tracks=chord"});
  const Tensor table = e->state().at("pe/table");
  Pass pass = Pass::eval();
  const Tensor x = ones({2, 3, 4}, DType::f64);
  const Tensor y = e->embed(x, labels(*e, {4, 0, 4}), pass).value();
  for (int64 i = 0; i < 4; ++i) {
    CHECK(y.at({1, 0, i}) == 1 + table.at({4, i}));
    CHECK(y.at({0, 1, i}) == 1 + table.at({0, i}));
  }
  const auto refusal = [&](const Numbers& p) {
    return message<IndexError>([&] { e->embed(x, labels(*e, p), pass); });
  };
  CHECK(refusal({0, 5, 1}) ==
        "learned has a table of 5 rows for 'chord', labels 0 to 4; token 1 has 5; set its option "
        "max_length");
  CHECK(refusal({0, 1, -1}) ==
        "learned has a table of 5 rows for 'chord', labels 0 to 4; token 2 has -1");
  CHECK(refusal({0, 1.5, 1}) ==
        "learned looks labels up in a table, so they are whole numbers; 'chord' of token 1 is 1.5");
  CHECK(has(message<ConfigError>([&] { e->embed(x, labels(*e, Numbers(6), 2), pass); }),
            "learned was built for labels of 1 number, 'chord' has 2; name one of them, 'chord.0' "
            "say"));
  CHECK(has(message<ShapeError>([&] {
              e->embed(x, labels(*e, {0, 1}), pass);
            }),
            "x is (2, 3, 4); labels (1, 2, 1) and d_model = 4 ask for (batch, 2, 4)"));
  CHECK(has(message<ConfigError>([] {
              encoding("learned", {4, 2}, {"tracks=time,bar"});
            }),
            "takes one label of one number"));
}
