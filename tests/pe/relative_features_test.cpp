// Rotary encodings beyond RoPE and those that work on features, against the papers' formulas and
// against each other: rope_scaled, xpos, cosformer, lrpe, permuteformer.
#include <doctest/doctest.h>

#include <numbers>

#include "autograd/backward.h"
#include "autograd/record.h"
#include "nn/attention_core.h"
#include "tensor/memory.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using Numbers = std::vector<double>;

Tensor random(std::uint64_t seed, const Shape& shape, DType dtype = DType::f64) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, dtype);
}

/// The angle of each pair of head 0 at label 1, interleaved.
Numbers turns(const PositionalEncoding& e) {
  const int64 d = e.shape().head_dim();
  Numbers ones;
  for (int64 i = 0; i < e.shape().heads * d; ++i) ones.push_back(i % 2 ? 0 : 1);
  const Tensor x = head(ones, e.shape().heads);
  const Tensor y = pair_features(e, x, x, {1}, {1}).q;
  Numbers f;
  for (int64 i = 0; i < d / 2; ++i) f.push_back(std::atan2(y.at({0, 2 * i + 1}), y.at({0, 2 * i})));
  return f;
}

/// f(q_m) . f(k_n) of features, [H][Nq][Nk].
Tensor feature_scores(const PositionalEncoding& e, const Tensor& fq, const Tensor& fk,
                      const Positions& p) {
  Pass pass = Pass::eval();
  const QueryKey t = with_scales(e.transform_features(Var(fq), Var(fk), p, pass));
  return matmul(t.q.value(), transpose(t.k.value()));
}

}  // namespace

TEST_CASE("rope_scaled: the angles of the three methods") {
  const Numbers rope = turns(*encoding("rope", {8, 1}, {}));
  const Numbers linear = turns(*encoding("rope_scaled", {8, 1}, {"scale=4"}));
  for (std::size_t i = 0; i < 4; ++i) CHECK(linear[i] == doctest::Approx(rope[i] / 4));
  // The fastest pair stays, the slowest is divided by s.
  const Numbers ntk = turns(*encoding("rope_scaled", {8, 1}, {"scale=4", "method=ntk"}));
  CHECK(ntk[0] == doctest::Approx(rope[0]));
  CHECK(ntk[3] == doctest::Approx(rope[3] / 4).epsilon(1e-12));
  CHECK(ntk[1] == doctest::Approx(std::pow(1e4 * std::pow(4, 8. / 6), -0.25)).epsilon(1e-12));
  // 512 tokens: 1 turns 81 times (kept), 0.1 turns 8.15 times (between), 0.01 0.8 times (squeezed).
  const auto yarn = encoding("rope_scaled", {8, 1}, {"scale=4", "method=yarn"});
  const Numbers f = turns(*yarn);
  const double g = (51.2 / (2 * std::numbers::pi) - 1) / 31;
  CHECK(f[0] == doctest::Approx(1));
  CHECK(f[1] == doctest::Approx(0.1 * ((1 - g) / 4 + g)).epsilon(1e-12));
  CHECK(f[2] == doctest::Approx(0.01 / 4).epsilon(1e-12));
  CHECK(f[3] == doctest::Approx(0.001 / 4).epsilon(1e-12));
  const Tensor x = random(3, {1, 8});
  CHECK(norm(pair_features(*yarn, x, x, {77}, {77}).q).item() ==
        doctest::Approx(norm(x).item() * (0.1 * std::log(4.) + 1)).epsilon(1e-12));
}

TEST_CASE("xpos: z^(D/512) times RoPE's pairs, up to the last label in f32") {
  const auto e = encoding("xpos", {4, 1}, {});
  const Tensor q = head({0.5, -1, 2, 0.25}), k = head({1.5, 0.75, -0.5, 1});
  const double p_m = 900, p_n = 250, lag = p_m - p_n;
  double a = 0;
  const Numbers x = q.to_vector<double>(), y = k.to_vector<double>();
  for (std::size_t i = 0; i < 2; ++i) {
    const double f = std::pow(1e4, -0.5 * static_cast<double>(i));
    const double z = (0.5 * static_cast<double>(i) + 0.4) / 1.4;
    a += std::pow(z, lag / 512) *
         ((x[2 * i] * y[2 * i] + x[2 * i + 1] * y[2 * i + 1]) * std::cos(f * lag) +
          (x[2 * i] * y[2 * i + 1] - x[2 * i + 1] * y[2 * i]) * std::sin(f * lag));
  }
  CHECK(std::abs(raw_score(*e, q, k, {p_m}, {p_n})[0] - a) <= 1e-12);
  const auto narrow = encoding("xpos", {4, 1}, {}, 1, DType::f32);
  const PairFeatures last =
      pair_features(*narrow, cast(q, DType::f32), cast(k, DType::f32), {16383}, {16380});
  CHECK(sum(mul(cast(last.q, DType::f64), cast(last.k, DType::f64))).item() ==
        doctest::Approx(raw_score(*e, q, k, {3}, {0})[0]).epsilon(1e-4));
  CHECK(has(message([&] { raw_score(*e, q, k, {16384}, {0}); }),
            "xpos takes labels from 0 to 16383 (its powers overflow beyond), 'time' of token 0 is "
            "16384"));
  CHECK(has(message([&] { encoding("xpos", {6, 2}, {}); }), "head size must be even, got 3"));
}

TEST_CASE("cosformer: scores of features times cos(pi/2 D/M), split without a negative part") {
  const auto e = encoding("cosformer", {8, 2}, {"max_length=50"});
  const Tensor fq = abs(random(4, {1, 2, 6, 5})), fk = abs(random(5, {1, 2, 6, 5}));
  const Numbers p{0, 1, 2.5, 17, 48, 49};
  const Positions at = labelled_positions(from_values(p, {1, 6, 1}), {{.name = "time"}});
  const Tensor got = feature_scores(*e, fq, fk, at), plain = matmul(fq, transpose(fk));
  for (int64 m = 0; m < 6; ++m)
    for (int64 n = 0; n < 6; ++n) {
      const double lag = p[static_cast<std::size_t>(m)] - p[static_cast<std::size_t>(n)];
      CHECK(got.at({0, 1, m, n}) ==
            doctest::Approx(plain.at({0, 1, m, n}) * std::cos(std::numbers::pi / 2 * lag / 50))
                .epsilon(1e-12));
    }
  Pass pass = Pass::eval();
  CHECK(min(e->transform_features(Var(fq), Var(fk), at, pass).k.value()).item() >= 0);
  CHECK(
      has(message([&] {
            feature_scores(*e, fq, fk, labels(*e, {0, 1, 2, 3, 4, 50}));
          }),
          "weighs lags up to max_length = 50, so labels go from 0 to 49; 'time' of token 5 is 50"));
}

TEST_CASE("cosformer: linear attention turns features in its chunks, and never stores them") {
  const Tensor x = random(21, {1, 2, 600, 8});
  const auto peak_of = [&](const char* name, Fusion fusion, Tensor& y, Tensor& g) {
    const auto e = encoding(name, {16, 2}, {});
    const auto core = make_core(Build("core", Rng(1), DType::f64), {}, *e, 8);
    const FusionGuard guard(fusion);
    pool_reset_peak();
    const std::uint64_t before = pool_stats().live_bytes;
    Pass pass = Pass::eval();
    const Var q = leaf(x), out = (*core)(q, q, q, time_positions(600), pass);
    y = out.value();
    g = grad(sum(out), {q})[0].value();
    return static_cast<double>(pool_stats().peak_live_bytes - before);
  };
  Tensor y, g, fused, fused_g, apart, apart_g;
  const double none = peak_of("none", Fusion::on, y, g),
               inside = peak_of("cosformer", Fusion::on, fused, fused_g);
  CHECK(inside < 1.4 * none);  // each thread has scratch of its own
  CHECK(peak_of("cosformer", Fusion::off, apart, apart_g) > 2 * inside);
  CHECK(max_difference(fused, apart) < 1e-12);
  CHECK(max_difference(fused_g, apart_g) < 1e-11);
}

TEST_CASE("lrpe: turned pairs are RoPE, complex phases are f_stripe1") {
  const Tensor q = random(6, {2, 4}), k = random(7, {2, 4});
  const PairFeatures a = pair_features(*encoding("lrpe", {8, 2}, {"basis=identity"}), q, k, {3},
                                       {9}),
                     b = pair_features(*encoding("rope", {8, 2}, {}), q, k, {3}, {9});
  CHECK(same_bits(a.q, b.q));
  CHECK(same_bits(a.k, b.k));
  const PairFeatures c = pair_features(
                         *encoding("lrpe", {8, 2},
                                   {"basis=identity", "lambda=unitary", "frequencies=1,.5,.1,.01"}),
                         q, k, {3}, {9}),
                     d = pair_features(*encoding("f_stripe1", {8, 2},
                                                 {"parametrisation=free", "pooled=false",
                                                  "frequencies=1,.5,.1,.01"}),
                                       q, k, {3}, {9});
  CHECK(max_difference(c.q, d.q) <= 1e-15);
  CHECK(max_difference(c.k, d.k) <= 1e-15);
}

TEST_CASE("lrpe: every P keeps norms, permutations have a finite order") {
  const Tensor x = random(8, {2, 4});
  for (const char* lambda : {"lambda=rotation", "lambda=unitary", "lambda=permutation"})
    for (const char* basis : {"basis=identity", "basis=householder", "basis=odd_even"}) {
      const auto e = encoding("lrpe", {8, 2}, {lambda, basis});
      const Tensor y = pair_features(*e, x, x, {5}, {5}).q;
      CHECK(max_difference(norm(y, {-1}), norm(x, {-1})) <= 1e-13);
    }
  const auto e = encoding("lrpe", {8, 2}, {"lambda=permutation", "basis=identity"});
  // 12 is a multiple of every cycle of at most 4.
  CHECK(same_bits(pair_features(*e, x, x, {12e5}, {0}).q, x));
  CHECK(same_bits(pair_features(*e, x, x, {-24}, {0}).q, x));
  CHECK(same_bits(pair_features(*e, x, x, {-1}, {0}).q, pair_features(*e, x, x, {11}, {0}).q));
  CHECK(has(message([&] { pair_features(*e, x, x, {1e300}, {0}); }), "up to 2^53"));
  const auto odd = encoding("lrpe", {10, 2}, {"lambda=permutation", "basis=odd_even"});
  const Tensor five = random(9, {2, 5});
  const Tensor y = pair_features(*odd, five, five, {0}, {0}).q;
  constexpr int64 order[] = {1, 3, 0, 2, 4};
  for (int64 i = 0; i < 5; ++i) CHECK(y.at({1, i}) == five.at({1, order[i]}));
  CHECK(has(message([&] { pair_features(*e, x, x, {0.5}, {0}); }), "a whole number of times"));
  CHECK(has(message([] { encoding("lrpe", {10, 2}, {}); }), "must be even, got 5"));
  CHECK(has(message([] { encoding("lrpe", {8, 2}, {"features=8"}); }), "goes with stage = after"));
}

TEST_CASE("permuteformer: features permuted p times, shrunk by r^D, never negative") {
  const auto e = encoding("permuteformer", {6, 2}, {"features=5"});
  const std::vector<int64> next = e->state().at("pe/permutation").to_vector<int64>();
  const Tensor fq = abs(random(10, {1, 2, 7, 5})), fk = abs(random(11, {1, 2, 7, 5}));
  const Tensor got = feature_scores(*e, fq, fk, time_positions(7));
  for (int64 h = 0; h < 2; ++h) {
    const double r = 1 / (1 + std::exp(-(2 + 3 * static_cast<double>(h + 1) / 2)));
    for (int64 m = 0; m < 7; ++m)
      for (int64 n = 0; n < 7; ++n) {
        double a = 0;
        for (int64 i = 0; i < 5; ++i) {
          int64 from_q = i, from_k = i;
          for (int64 t = 0; t < m; ++t) from_q = next[static_cast<std::size_t>(h * 5 + from_q)];
          for (int64 t = 0; t < n; ++t) from_k = next[static_cast<std::size_t>(h * 5 + from_k)];
          a += fq.at({0, h, m, from_q}) * fk.at({0, h, n, from_k});
        }
        CHECK(got.at({0, h, m, n}) ==
              doctest::Approx(a * std::pow(r, static_cast<double>(m - n))).epsilon(1e-12));
      }
  }
  // Without a mask nothing shrinks.
  const Tensor open = feature_scores(*e, fq, fk, time_positions(7, false));
  CHECK(open.at({0, 1, 6, 0}) > got.at({0, 1, 6, 0}));
}

TEST_CASE("permuteformer: no power overflows, at any length and any time") {
  for (const char* map : {"elu1", "favor_plus"}) {
    CAPTURE(map);
    constexpr int64 n = 1300;  // r^-n is e^165 in head 1: an f32 ends at e^88
    const auto run = [&](DType dtype, double first, const Var& q, const Var& k, const Var& v,
                         bool square = false) {
      const auto e = encoding("permuteformer", {8, 2}, {"features=4"}, 1, dtype);
      CoreConfig config;
      config.feature_map = map;
      if (std::string_view(map) == "favor_plus") config.feature_options.set("features=4");
      const auto core = make_core(Build("core", Rng(2), dtype), config, *e, 4);
      const auto x = [&](const Var& t) { return Var(cast(t.value(), dtype)); };
      Positions p = time_positions(n);
      p.labels = add(p.labels, first);
      Pass pass = Pass::eval();
      const Var y = square ? matmul(core->weights(x(q), x(k), p, pass), x(v))
                           : (*core)(x(q), x(k), x(v), p, pass);
      return cast(y.value(), DType::f64);
    };
    const auto x = [&](std::uint64_t seed) { return Var(mul(random(seed, {1, 2, n, 4}), 0.5)); };
    const Var q = x(1), k = x(2), v = x(3);
    const Tensor whole = run(DType::f64, 0, q, k, v);
    CHECK(max_difference(whole, run(DType::f64, 0, q, k, v, true)) <= 1e-12);
    CHECK(max_difference(run(DType::f32, 0, q, k, v), whole) <= 1e-4);
    // A shift turns the orders of queries and keys alike.
    CHECK(max_difference(run(DType::f64, 1e6, q, k, v), whole) <= 1e-8);
    CHECK(max_difference(run(DType::f32, -1e6, q, k, v), whole) <= 1e-4);
  }
}

TEST_CASE("permuteformer: step by step in f32, late, is attention at once in f64") {
  constexpr int64 n = 300;
  constexpr double first = 1e6;
  const auto e = encoding("permuteformer", {8, 2}, {}),
             f = encoding("permuteformer", {8, 2}, {}, 1, DType::f32);
  const auto wide = make_core(Build("core", Rng(2), DType::f64), {}, *e, 4),
             narrow = make_core(Build("core", Rng(2), DType::f32), {}, *f, 4);
  const Tensor q = random(1, {1, 2, n, 4}), k = random(2, {1, 2, n, 4}),
               v = random(3, {1, 2, n, 4});
  Positions p = time_positions(n);
  p.labels = add(p.labels, first);
  Pass pass = Pass::eval();
  const Tensor whole = (*wide)(Var(q), Var(k), Var(v), p, pass).value();
  AttentionState state;
  for (int64 i = 0; i < n; ++i) {
    const auto row = [i](const Tensor& x) { return Var(cast(slice(x, 2, i, i + 1), DType::f32)); };
    Positions one = time_positions(1);
    one.labels = slice(p.labels, 1, i, i + 1);
    const Var y = narrow->step(row(q), row(k), row(v), one, state, pass);
    CHECK(max_difference(cast(y.value(), DType::f64), slice(whole, 2, i, i + 1)) <= 1e-5);
  }
}

TEST_CASE("permuteformer: uneven steps weigh by the time between tokens") {
  const auto e = encoding("permuteformer", {8, 2}, {});
  const Tensor f = abs(random(1, {1, 2, 4, 4}));
  const Tensor even = feature_scores(*e, f, f, time_positions(4));
  const Tensor apart = feature_scores(*e, f, f, labels(*e, {5, 5, 1205, 1205}));
  // 1,200 steps are a multiple of every cycle of at most 4, so that nothing but r^1200 is left.
  const double r = 1 / (1 + std::exp(-(2 + 3. / 2)));
  const Tensor plain = matmul(f, transpose(f));
  CHECK(apart.at({0, 0, 1, 0}) == doctest::Approx(plain.at({0, 0, 1, 0})).epsilon(1e-12));
  CHECK(apart.at({0, 0, 2, 0}) ==
        doctest::Approx(plain.at({0, 0, 2, 0}) * std::pow(r, 1200)).epsilon(1e-10));
  CHECK(max_difference(even, apart) > 1e-3);
}

TEST_CASE("permuteformer: what it refuses") {
  const auto e = encoding("permuteformer", {8, 2}, {});
  const Tensor f = abs(random(1, {1, 2, 3, 4}));
  CHECK(has(message([&] {
              feature_scores(*e, f, f, labels(*e, {0, 3, 1}));
            }),
            "a power of the time between tokens, which grows without a bound where time runs "
            "backwards, here by 2; set decay = false"));
  CHECK(has(message([] {
              encoding("permuteformer", {8, 2}, {"tracks=chord"});
            }),
            "set decay = false"));
  CHECK(has(message([&] { e->transformed_features(16); }), "set the option features = 16"));
}
