// What the algebra says of the papers' equations (SPEC 4.8): mirror images, swapped labels, Gram
// matrices, shifts. The equations themselves are own traits of their encodings.
#include <doctest/doctest.h>

#include <numbers>

#include "tests/pe/encode.h"

using namespace gradus;

namespace {

constexpr int64 kHeads = 2, kSize = 8, kPairs = kSize / 2;

struct Tokens {
  std::vector<double> q, k;  // [H][d]
  double p_m, p_n;
};

Tokens random_tokens(std::uint64_t seed) {
  Rng rng(seed);
  Tokens t;
  t.q = normal(rng, {kHeads * kSize}, 0, 1, DType::f64).to_vector<double>();
  t.k = normal(rng, {kHeads * kSize}, 0, 1, DType::f64).to_vector<double>();
  t.p_m = 40 * uniform_number(rng) - 20;
  t.p_n = 40 * uniform_number(rng) - 20;
  return t;
}

std::vector<double> random_frequencies(std::uint64_t seed, int64 count) {
  Rng rng(seed);
  return uniform(rng, {kHeads * count}, 0.05, 2, DType::f64).to_vector<double>();
}

std::unique_ptr<PositionalEncoding> with_frequencies(std::string_view name,
                                                     const std::vector<double>& f, Options o = {}) {
  o.set("frequencies", OptionValue(f));
  return make_encoding(name, o)(Build("pe", Rng(1), DType::f64), {kHeads * kSize, kHeads});
}

Options variant_c() {
  Options o;
  o.set("variant=C");
  return o;
}

/// One pair: content angle psi, context angle xi, frequency f; d = 2, one head.
double angle_score(std::string_view name, std::initializer_list<const char*> settings, double f,
                   double psi_q, double xi_q, double psi_k, double xi_k) {
  Options o;
  for (const char* s : settings) o.set(s);
  o.set("frequencies", OptionValue(std::vector<double>{f}));
  const auto e = make_encoding(name, o)(Build("pe", Rng(1), DType::f64), {2, 1});
  return raw_score(*e, head({std::cos(psi_q), std::sin(psi_q)}),
                   head({std::cos(psi_k), std::sin(psi_k)}), {xi_q}, {xi_k})[0];
}

double stripe_angle_score(double f, double psi_q, double xi_q, double psi_k, double xi_k) {
  Options o;
  o.set("pooled=false");
  o.set("parametrisation=free");
  o.set("frequencies", OptionValue(std::vector<double>{f, f}));
  const auto e = make_encoding("f_stripe1", o)(Build("pe", Rng(1), DType::f64), {2, 1});
  return raw_score(*e, head({std::cos(psi_q), std::sin(psi_q)}),
                   head({std::cos(psi_k), std::sin(psi_k)}), {xi_q}, {xi_k})[0];
}

}  // namespace

TEST_CASE("reflection: only ropepool tells a key from its mirror image") {
  const double psi = 0.7, xi = 1.1, t = 0.5, e = 0.8, f = 0.9;
  const auto mirrored = [&](auto score) {
    return std::abs(score(psi + t, xi + e) - score(psi - t, xi - e));
  };
  CHECK(mirrored([&](double a, double b) { return angle_score("rope", {}, f, psi, xi, a, b); }) <=
        1e-14);
  CHECK(mirrored([&](double a, double b) { return stripe_angle_score(f, psi, xi, a, b); }) <=
        1e-14);
  CHECK(mirrored([&](double a, double b) {
          return angle_score("ropepool", {}, f, psi, xi, a, b);
        }) > 0.1);
}

TEST_CASE("swapped labels: f_stripe1 symmetric; rope and ropepool share their antisymmetric part") {
  const auto f = random_frequencies(7, kPairs);
  const auto rope = with_frequencies("rope", f, variant_c()),
             pool = with_frequencies("ropepool", f);
  Options unpooled;
  unpooled.set("pooled=false");
  const auto stripe = with_frequencies("f_stripe1", random_frequencies(8, kSize), unpooled);
  const Tokens t = random_tokens(10);
  const auto odd = [&](const PositionalEncoding& e) {
    const Tensor q = head(t.q, kHeads), k = head(t.k, kHeads);
    return raw_score(e, q, k, {t.p_m}, {t.p_n})[1] - raw_score(e, q, k, {t.p_n}, {t.p_m})[1];
  };
  double expected = 0;
  for (int64 i = 0; i < kPairs; ++i) {
    const auto at = static_cast<std::size_t>(kSize + 2 * i);
    expected += 2 * (t.q[at] * t.k[at + 1] - t.q[at + 1] * t.k[at]) *
                std::sin(f[static_cast<std::size_t>(kPairs + i)] * (t.p_m - t.p_n));
  }
  CHECK(std::abs(odd(*stripe)) <= 1e-13);
  CHECK(std::abs(odd(*rope) - expected) <= 1e-12);
  CHECK(std::abs(odd(*pool) - expected) <= 1e-12);
  CHECK(std::abs(expected) > 0.1);
}

TEST_CASE("all are Gram kernels of (content, label): symmetric, positive semidefinite") {
  struct Case {
    const char* name;
    const char* setting;
  };
  for (const Case& c : {Case{"rope", "variant=B"}, Case{"ropepool", "pool=pair"},
                        Case{"ropepool", "pool=cross_pair"}, Case{"f_stripe1", "pooled=false"},
                        Case{"f_stripe1", "pooled=true"}}) {
    CAPTURE(c.name);
    CAPTURE(c.setting);
    const auto e = encoding(c.name, {8, 1}, {c.setting});
    Rng rng(11);
    const int64 n = 12;
    const Tensor x = normal(rng, {1, 1, n, 8}, 0, 1, DType::f64);
    const auto p = uniform(rng, {n}, -9, 9, DType::f64).to_vector<double>();
    const QueryKey t = transformed(*e, x, x, labels(*e, p));
    const Tensor gram = reshape(matmul(t.q.value(), transpose(t.k.value())), {n, n});
    CHECK(max_difference(gram, transpose(gram)) <= 1e-12);
    for (int trial = 0; trial < 50; ++trial) {
      const Tensor v = normal(rng, {n}, 0, 1, DType::f64);
      CHECK(matmul(v, matmul(gram, v)).item() >= -1e-10);
    }
  }
}

TEST_CASE("shifted labels: ropepool and pooled f_stripe1 change, rope and unpooled do not") {
  const Tokens t = random_tokens(12);
  const auto change = [&](std::string_view name, std::initializer_list<const char*> settings) {
    const auto e = encoding(name, {kHeads * kSize, kHeads}, settings);
    const Tensor q = head(t.q, kHeads), k = head(t.k, kHeads);
    return std::abs(raw_score(*e, q, k, {t.p_m + 3.7}, {t.p_n + 3.7})[0] -
                    raw_score(*e, q, k, {t.p_m}, {t.p_n})[0]);
  };
  CHECK(change("rope", {}) <= 1e-12);
  CHECK(change("f_stripe1", {"pooled=false"}) <= 1e-12);
  CHECK(change("f_stripe1", {"pooled=true"}) > 1e-3);
  CHECK(change("ropepool", {}) > 1e-3);
  CHECK(change("ropepool", {"pool=cross_pair"}) > 1e-3);
}
