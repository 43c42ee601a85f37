// Shaw, Music Transformer, Transformer-XL and DeBERTa: scores and values spelled out pair by pair
// from the tables, blocks of queries, and what is refused.
#include <doctest/doctest.h>

#include <algorithm>

#include "nn/attention_core.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr int64 kHeads = 2, kSize = 4;
constexpr EncodingShape kShape{kHeads * kSize, kHeads};

Tensor random(std::uint64_t seed, const Shape& shape) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, DType::f64);
}

double dot(const Tensor& a, const Tensor& b) { return matmul(contiguous(a), contiguous(b)).item(); }
/// Row i of head h of sequence b.
Tensor row(const Tensor& x, int64 b, int64 h, int64 i) {
  return select(select(select(x, 0, b), 0, h), 0, i);
}
/// The part of head h of [.., H d].
Tensor part(const Tensor& x, int64 h) { return slice(x, -1, h * kSize, (h + 1) * kSize); }

struct Tokens {
  Tensor q = random(1, {2, kHeads, 5, kSize}), k = random(2, {2, kHeads, 5, kSize});
  Positions p;
};

/// Two sequences with whole labels of their own.
Tokens tokens(const PositionalEncoding& e) {
  Tokens s;
  const Tensor p = reshape(tensor({0, 3, 3, 1, 9, 4, 4, 5, 0, 1}, {10}, DType::f64), {2, 5, 1});
  s.p = labelled_positions(p, {{.name = e.tracks()[0], .kind = TrackKind::real}});
  return s;
}

/// expected(b, h, m, n, lag) is the bias of each score, up to 1/sqrt(d).
template <class F>
void check_scores(const PositionalEncoding& e, F&& expected) {
  const Tokens s = tokens(e);
  Pass pass = Pass::eval();
  const Tensor got = e.score_bias(Var(s.q), Var(s.k), s.p, pass)->value();
  const Tensor block =
      e.score_bias(Var(slice(s.q, 2, 3, 5)), Var(s.k), s.p.rows(3, 2), pass)->value();
  REQUIRE(got.shape() == Shape{2, kHeads, 5, 5});
  for (int64 b = 0; b < 2; ++b)
    for (int64 h = 0; h < kHeads; ++h)
      for (int64 m = 0; m < 5; ++m)
        for (int64 n = 0; n < 5; ++n) {
          const double lag = s.p.labels.at({b, m, 0}) - s.p.labels.at({b, n, 0});
          const double a = expected(s, b, h, m, n, lag) / std::sqrt(static_cast<double>(kSize));
          CHECK(std::abs(got.at({b, h, m, n}) - a) <= 1e-13);
          if (m >= 3) CHECK(std::abs(block.at({b, h, m - 3, n}) - a) <= 1e-13);
        }
}

int64 clip(double lag, double low, double high) {
  return static_cast<int64>(std::clamp(lag, low, high) - low);
}

}  // namespace

TEST_CASE("shaw: the keys' vectors, pair by pair") {
  for (const char* tables : {"tables=shared", "tables=own"}) {
    const auto e = encoding("shaw", kShape, {"clip=3", tables});
    const Tensor keys = select(e->state().at("pe/keys"), 0, 0);  // [7, H|1, d]
    check_scores(*e, [&](const Tokens& s, int64 b, int64 h, int64 m, int64, double lag) {
      const Tensor rows = select(keys, 0, clip(lag, -3, 3));
      return dot(row(s.q, b, h, m), select(rows, 0, rows.size(0) == 1 ? 0 : h));
    });
  }
}

TEST_CASE("shaw: the values' vectors, through the core") {
  const auto e = encoding("shaw", kShape, {"clip=2"});
  CoreConfig config;
  config.kind = CoreKind::softmax;
  const auto core = make_core(Build("core", Rng(1), DType::f64), config, *e, kSize);
  const Tokens s = tokens(*e);
  const Tensor v = random(3, {2, kHeads, 5, kSize});
  Pass pass = Pass::eval();
  const Tensor y = (*core)(Var(s.q), Var(s.k), Var(v), s.p, pass).value();
  const Tensor w = core->weights(Var(s.q), Var(s.k), s.p, pass).value();
  const Tensor table = select(select(e->state().at("pe/values"), 0, 0), 1, 0);  // [5, d]
  for (int64 b = 0; b < 2; ++b)
    for (int64 m = 0; m < 5; ++m) {
      Tensor sum = zeros({kSize}, DType::f64);
      for (int64 n = 0; n < 5; ++n) {
        const double lag = s.p.labels.at({b, m, 0}) - s.p.labels.at({b, n, 0});
        sum = add(
            sum, mul(add(row(v, b, 1, n), select(table, 0, clip(lag, -2, 2))), w.at({b, 1, m, n})));
      }
      CHECK(max_difference(row(y, b, 1, m), sum) <= 1e-13);
    }
}

TEST_CASE("music_transformer: equal steps of time, and no other track") {
  const auto e = encoding("music_transformer", kShape, {});
  const Var q(random(1, {1, kHeads, 2, kSize}));
  Pass pass = Pass::eval();
  const Positions uneven =
      labelled_positions(random(4, {1, 2, 2}), {{.name = "time"}, {.name = "bar"}});
  CHECK(has(message<ConfigError>([&] { e->score_bias(q, q, uneven, pass); }),
            "time must go in equal steps and be the only track; for other labels take shaw"));
}

TEST_CASE("transformer_xl: the four terms") {
  const auto e = encoding("transformer_xl", kShape, {"base=100"});
  const StateDict state = e->state();
  const Tensor w = state.at("pe/lag0/weight"), u = state.at("pe/u"), v = state.at("pe/v");
  check_scores(*e, [&](const Tokens& s, int64 b, int64 h, int64 m, int64 n, double lag) {
    std::vector<double> r;
    for (int i = 0; i < 4; ++i) r.push_back(std::sin(lag * std::pow(100.0, -i / 4.0)));
    for (int i = 0; i < 4; ++i) r.push_back(std::cos(lag * std::pow(100.0, -i / 4.0)));
    const Tensor wr = part(matmul(w, from_values(r, {8})), h);
    return dot(row(s.q, b, h, m), wr) + dot(select(u, 0, h), row(s.k, b, h, n)) +
           dot(select(v, 0, h), wr);
  });
  CHECK(has(message<ConfigError>([] {
              encoding("transformer_xl", {5, 1}, {});
            }),
            "d_model must be even, got 5; make it 4 or 6"));
}

TEST_CASE("deberta: content to position and back, for three terms") {
  const auto e = encoding("deberta", kShape, {"clip=2"});
  const StateDict state = e->state();
  const Tensor r = select(state.at("pe/table"), 0, 0), wk = state.at("pe/key/weight"),
               wq = state.at("pe/query/weight");
  check_scores(*e, [&](const Tokens& s, int64 b, int64 h, int64 m, int64 n, double lag) {
    const Tensor to = part(matmul(wk, select(r, 0, clip(lag, -2, 1))), h),
                 back = part(matmul(wq, select(r, 0, clip(-lag, -2, 1))), h);
    return (dot(row(s.q, b, h, m), to) + dot(row(s.k, b, h, n), back)) / std::sqrt(3.0);
  });
  const Tokens s = tokens(*e);
  const Tensor q = transformed(*e, s.q, s.k, s.p).q.value();
  CHECK(max_difference(mul(q, std::sqrt(3.0)), s.q) <= 1e-14);
}

TEST_CASE("tables of lags take whole labels of the width that they were built for") {
  const Tokens s = tokens(*encoding("shaw", kShape, {}));
  Pass pass = Pass::eval();
  for (const char* name : {"shaw", "deberta"}) {
    const auto e = encoding(name, kShape, {"tracks=beat"});
    const auto refusal = [&](const Positions& p) {
      return message([&] { e->score_bias(Var(s.q), Var(s.k), p, pass); });
    };
    CHECK(refusal(labels(*e, {0, 1, 2.5, 3, 4})) ==
          fmt::format("{} looks labels up in a table, so they are whole numbers; 'beat' of token 2 "
                      "is 2.5",
                      name));
    CHECK(has(refusal(labels(*e, std::vector<double>(10), 2)),
              "was built for labels of 1 number, 'beat' has 2"));
    CHECK(has(refusal(time_positions(5)), "reads the label 'beat'"));
  }
}
