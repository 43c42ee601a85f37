// Stripes: F-StrIPE and its noisy forms against the formulas and against each other (SPEC 4.2-4.5).
#include <doctest/doctest.h>

#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using Numbers = std::vector<double>;

const Tensor kQ = head({0.5, -1, 2, 0.25}), kK = head({1.5, 0.75, -0.5, 1});

/// The numbers of one parameter or buffer.
Numbers numbers(const PositionalEncoding& e, const std::string& name) {
  return cast(e.state().at("pe/" + name), DType::f64).to_vector<double>();
}

/// Everything that `from` has, under the same paths, into `to`.
void take_state(PositionalEncoding& to, const PositionalEncoding& from) {
  StateDict state = to.state();
  for (auto& [path, value] : state) value = from.state().at(path);
  to.load(state);
}

Tensor closed_form(const PositionalEncoding& e, const Numbers& p_m, const Numbers& p_n) {
  const auto at = [](const Numbers& p) { return from_values(p, {static_cast<int64>(p.size())}); };
  return e.interaction(at(p_m), at(p_n))->g;
}

}  // namespace

TEST_CASE("f_stripe with one frequency, no phases and no gains is f_stripe1") {
  for (const char* pooled : {"pooled=true", "pooled=false"})
    for (const char* form : {"parametrisation=sigmoid", "parametrisation=free"}) {
      const auto many = encoding(
          "f_stripe", {4, 1},
          {"frequencies=1,0.5,0.1,0.01", "sines=1", "phases=false", "gains=false", pooled, form});
      const auto one = encoding("f_stripe1", {4, 1}, {"frequencies=1,0.5,0.1,0.01", pooled, form});
      const PairFeatures a = pair_features(*many, kQ, kK, {2}, {5}),
                         b = pair_features(*one, kQ, kK, {2}, {5});
      CHECK(same_bits(a.q, b.q));
      CHECK(same_bits(a.k, b.k));
      CHECK(max_difference(closed_form(*many, {2}, {5}), closed_form(*one, {2}, {5})) <= 1e-15);
    }
  // SPEC 4.7.
  const auto golden = encoding(
      "f_stripe", {4, 1},
      {"frequencies=1,0.5,0.1,0.01", "sines=1", "phases=false", "gains=false", "pooled=false"});
  CHECK(std::abs(raw_score(*golden, kQ, kK, {2}, {5})[0] + 1.5009962544) <= 1e-9);
}

TEST_CASE("f_stripe: P_d(D) = 1/N_f sum_w lambda^2 cos(f . D + theta), pooled with cross terms") {
  const auto apart =
      encoding("f_stripe", {4, 1}, {"tracks=chroma", "width=2", "sines=3", "pooled=false"});
  const auto pooled = encoding("f_stripe", {4, 1}, {"tracks=chroma", "width=2", "sines=3"});
  take_state(*pooled, *apart);
  const Numbers f = numbers(*apart, "frequencies"), theta = numbers(*apart, "phases"),
                g = numbers(*apart, "gains"), q = kQ.to_vector<double>(),
                k = kK.to_vector<double>();
  const Numbers p_m{1.5, -2}, p_n{0.25, 4};
  const auto gain = [&](std::size_t i) { return std::log1p(std::exp(g[i])); };
  double alone = 0, crossed = 0;
  for (std::size_t w = 0; w < 3; ++w)
    for (std::size_t d = 0; d < 4; ++d)
      for (std::size_t e = 0; e < 4; ++e) {
        const std::size_t a = 3 * d + w, b = 3 * e + w;
        const double angle = f[2 * a] * p_m[0] + f[2 * a + 1] * p_m[1] + theta[a] -
                             f[2 * b] * p_n[0] - f[2 * b + 1] * p_n[1];
        const double term = q[d] * k[e] * gain(a) * gain(b) * std::cos(angle) / 3;
        crossed += term;
        if (d == e) alone += term;
      }
  CHECK(std::abs(raw_score(*apart, kQ, kK, p_m, p_n)[0] - alone) <= 1e-12);
  CHECK(std::abs(raw_score(*pooled, kQ, kK, p_m, p_n)[0] - crossed) <= 1e-12);
  CHECK(std::abs(alone - crossed) > 1e-3);
}

TEST_CASE("sine_spe: its kernel is half of that of f_stripe") {
  const auto temporal = encoding("sine_spe", {8, 2}, {"sines=2", "realizations=6"}),
             still = encoding("f_stripe", {8, 2}, {"sines=2", "pooled=false"});
  take_state(*still, *temporal);
  CHECK(max_difference(mul(closed_form(*temporal, {7}, {-2}), 2), closed_form(*still, {7}, {-2})) <=
        1e-14);
}

TEST_CASE("sine_spe: features are sum_d x_d Omega diag(lambda) Z / sqrt(2 N_f R)") {
  const auto e = encoding("sine_spe", {2, 1}, {"sines=2", "realizations=3"});
  const Numbers w = numbers(*e, "frequencies"), theta = numbers(*e, "phases"),
                g = numbers(*e, "gains"), z = numbers(*e, "noise");
  const Numbers x{0.7, -1.2};
  const PairFeatures got = pair_features(*e, head(x), head(x), {3}, {3});
  for (int64 r = 0; r < 3; ++r)
    for (bool query : {true, false}) {
      double y = 0;
      for (std::size_t i = 0; i < 4; ++i) {  // [d][w]
        const double f = 3.14159265358979323846 / (1 + std::exp(-w[i]));
        const double angle = 3 * f + (query ? theta[i] : 0), gain = std::log1p(std::exp(g[i]));
        const auto at = [&](std::size_t part) {
          return z[(2 * i + part) * 3 + static_cast<std::size_t>(r)];
        };
        y += x[i / 2] * gain * (std::cos(angle) * at(0) + std::sin(angle) * at(1)) / std::sqrt(12);
      }
      CHECK(std::abs((query ? got.q : got.k).at({0, r}) - y) <= 1e-13);
    }
}

TEST_CASE("sine_spe: the error of one draw falls like 1 / sqrt(R)") {
  const auto error = [](const char* realizations) {
    const auto e = encoding("sine_spe", {4, 1}, {realizations, "sines=2"});
    const double exact = sum(mul(closed_form(*e, {9}, {2}), mul(reshape(kQ, {4, 1}), kK))).item();
    Rng rng(51);
    double squares = 0;
    for (int i = 0; i < 300; ++i) {
      e->draw(rng);
      const double wrong = raw_score(*e, kQ, kK, {9}, {2})[0] - exact;
      squares += wrong * wrong;
    }
    return std::sqrt(squares / 300);
  };
  // Of 300 draws the ratio of 4 is known to some 8 percent.
  const double ratio = error("realizations=8") / error("realizations=128");
  CHECK(ratio > 3);
  CHECK(ratio < 5.3);
}

TEST_CASE("settings that do not fit") {
  CHECK(has(message([] {
              encoding("rff", {8, 2}, {"smoothness=1.5"});
            }),
            "goes with kernel = matern"));
  CHECK(has(message([] {
              encoding("rff", {8, 2}, {"kernel=matern", "smoothness=0.7"});
            }),
            "half a whole number"));
  CHECK(has(message([] {
              encoding("sine_spe", {8, 2}, {"tracks=time,bar"});
            }),
            "takes one label of one number"));
  const auto chroma = encoding("sine_spe", {2, 1}, {"tracks=chroma"});
  const Tensor x = full({1, 1, 1, 2}, 1, DType::f64);
  CHECK(message([&] {
          transformed(*chroma, x, x, labels(*chroma, {1, 2, 3}, 3));
        }) ==
        "sine_spe was built for labels of 1 number, 'chroma' has 3; name one of them, 'chroma.0' "
        "say");
  CHECK(has(message([] { encoding("gated", {8, 2}, {"wraps=rope"}); }), "one of"));
  CHECK(has(message([] {
              encoding("f_stripe", {4, 1}, {"frequencies=1,4", "sines=1"});
            }),
            "has 2 numbers; 4 frequencies of 1 number make 4"));
}
