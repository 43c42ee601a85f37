// Every feature map behind every encoding that the linear core carries, and under every one that
// the toeplitz core carries: the fast form is the N x N form, and linear attention step by step is
// the same as at once.
#include <doctest/doctest.h>

#include <algorithm>

#include "nn/attention_core.h"
#include "tensor/index.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr int64 kHeads = 2, kSize = 4, kTokens = 5;

CoreConfig config_of(const FeatureMapDef& map, CoreKind kind) {
  CoreConfig c;
  c.kind = kind;
  c.feature_map = map.name;
  if (map.stochastic) c.feature_options.set("features=8");
  if (!map.non_negative) c.normaliser = Normaliser::none;
  return c;
}

struct Sequence {
  Sequence() {
    Rng rng(4);
    const auto x = [&] {
      return Var(normal(rng, {1, kHeads, kTokens, kSize}, 0, 0.5, DType::f64));
    };
    q = x(), k = x(), v = x();
  }
  Var q, k, v;
};

[[nodiscard]] bool close(const Tensor& a, const Tensor& b) {
  return max_difference(a, b) <= 1e-9 * std::max(1.0, max(abs(b)).item());
}

/// Core, by feature map and kind, of every encoding that fits.
template <class F>
int each(CoreKind kind, F&& f) {
  int pairs = 0;
  for (const EncodingDef* def : encodings()) {
    if (!core_fits(kind, def->traits.hooks)) continue;
    for (const FeatureMapDef* map : feature_maps()) {
      CAPTURE(def->name);
      CAPTURE(map->name);
      const CoreConfig config = config_of(*map, kind);
      Options options;
      const bool sized = std::any_of(def->options.begin(), def->options.end(),
                                     [](const OptionInfo& o) { return o.name == "features"; });
      if (sized && (def->traits.hooks & kTransformFeatures)) {  // built for the map's number
        Options of_map = config.feature_options;
        const int64 m = map->make(Build("map"), kSize, kSize, of_map)->features(kSize);
        options.set("features", OptionValue(m));
      }
      const auto e =
          build_encoding(*def, Build("pe", Rng(1), DType::f64), {kHeads * kSize, kHeads}, options);
      const auto core = make_core(Build("core", Rng(2), DType::f64), config, *e, kSize);
      f(*e, *core);
      ++pairs;
    }
  }
  return pairs;
}

void check_square(const PositionalEncoding& e, const AttentionCore& core, const Sequence& s) {
  for (const bool causal : {true, false}) {
    if (e.traits().causal_only && !causal) continue;
    CAPTURE(causal);
    Pass pass = Pass::eval();
    const Positions p = time_positions(kTokens, causal);
    CHECK(close(core(s.q, s.k, s.v, p, pass).value(),
                matmul(core.weights(s.q, s.k, p, pass), s.v).value()));
  }
}

}  // namespace

TEST_CASE("linear: at once, N x N and step by step, for every encoding and feature map") {
  const Sequence s;
  const int pairs =
      each(CoreKind::linear, [&](const PositionalEncoding& e, const AttentionCore& core) {
        check_square(e, core, s);
        Pass pass = Pass::eval();
        const Positions all = time_positions(kTokens);
        const Tensor whole = core(s.q, s.k, s.v, all, pass).value();
        AttentionState state;
        for (int64 i = 0; i < kTokens; ++i) {
          const Positions one = labelled_positions(slice(all.labels, 1, i, i + 1), all.tracks);
          const auto row = [i](const Var& x) { return slice(x, 2, i, i + 1); };
          CHECK(close(core.step(row(s.q), row(s.k), row(s.v), one, state, pass).value(),
                      slice(whole, 2, i, i + 1)));
        }
      });
  CHECK(pairs >= 9 * 11);
}

TEST_CASE("toeplitz: by FFT and N x N, for every encoding and feature map; no recurrence") {
  const Sequence s;
  const int pairs =
      each(CoreKind::toeplitz, [&](const PositionalEncoding& e, const AttentionCore& core) {
        check_square(e, core, s);
        CHECK(!core.has_recurrence());
      });
  CHECK(pairs >= 5 * 11);
}

TEST_CASE("a label that is no time in equal steps is refused by the toeplitz core alone") {
  const Sequence s;
  const auto e = encoding("toeplitz", {kHeads * kSize, kHeads}, {"tracks=chord"});
  const Positions p =
      labelled_positions(reshape(tensor({0, 3, 3, 1, 2}, {5}, DType::f64), {1, 5, 1}),
                         {{.name = "chord", .kind = TrackKind::token}});
  Pass pass = Pass::eval();
  const auto run = [&](CoreKind kind) {
    CoreConfig c;
    c.kind = kind;
    const auto core = make_core(Build("core", Rng(2), DType::f64), c, *e, kSize);
    (void)(*core)(s.q, s.k, s.v, p, pass);
  };
  run(CoreKind::softmax);
  CHECK(has(message<ConfigError>([&] { run(CoreKind::toeplitz); }),
            "time must go in equal steps and be the only track"));
}

TEST_CASE("toeplitz: a bias for each lag, and none beyond max_length") {
  const auto e = encoding("toeplitz", {4, 2}, {"max_length=3"});
  const Tensor table = e->parameters()[0]->value();
  REQUIRE(table.shape() == Shape{2, 5});
  Pass pass = Pass::eval();
  const Tensor b = e->lag_bias(tensor({-2, -1, 0, 1, 2}, {5}, DType::f64), pass)->value();
  CHECK(max_difference(b, table) == 0);
  CHECK(has(message<IndexError>([&] { e->lag_bias(scalar(-3, DType::f64), pass); }),
            "toeplitz has biases of lags below max_length = 3; labels of 'time' are 3 apart: raise "
            "max_length"));
  CHECK(has(message<IndexError>([&] { e->lag_bias(scalar(0.5, DType::f64), pass); }),
            "labels of 'time' are 0.5 apart"));
}
