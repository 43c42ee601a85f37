// The toeplitz core: by FFT it is the N x N form and the plain loop, a prefix keeps its outputs,
// padding counts for nothing, and what it refuses.
#include "autograd/backward.h"
#include "autograd/gradcheck.h"
#include "tests/nn/encodings.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

/// A learned factor of the lag for each head; positive ones make e^b large.
class Slopes : public PositionalEncoding {
 public:
  Slopes(const Build& b, EncodingShape s)
      : PositionalEncoding(b, s, kTime),
        slope_(parameter(
            "slope", reshape(arange(0, static_cast<double>(s.heads), 1, dtype()), {s.heads}))) {}
  Traits traits() const override { return {.hooks = kLagBias, .learned = true}; }
  std::optional<Var> lag_bias(const Tensor& delta, Pass&) const override {
    Shape per_head = Shape::of_rank(delta.rank() + 1, 1);
    per_head[0] = shape().heads;
    return reshape(*slope_, per_head) * Var(cast(mul(delta, 0.05), dtype()));
  }

 private:
  Parameter& slope_;
};

CoreConfig toeplitz_core(std::string_view map = "elu1") {
  return core_with_map(CoreKind::toeplitz, map);
}

template <class F>
void for_all_maps(int64 heads, int64 head_dim, F&& f) {
  for (const FeatureMapDef* map : feature_maps())
    for (const bool learned : {true, false}) {
      INFO(std::string(map->name) << std::string(learned ? ", slopes" : ", time bias"));
      const CoreCase c(toeplitz_core(map->name), learned ? make<Slopes>() : make<TimeBias>(), heads,
                       head_dim);
      f(c);
    }
}

/// Where features are 0 so is the sum that stands beside eps = 1e-6, and the rounding of an FFT
/// counts a million times as much.
[[nodiscard]] bool close(const Tensor& a, const Tensor& b) {
  return max_difference(a, b) <= 1e-9 * std::max(1.0, statistics(b).max_abs);
}

/// Values and the gradients of q, k, v and of the encoding.
void check_same(const CoreCase& c, const Var& a, const Var& b, const Input& in) {
  CHECK(a.shape() == b.shape());
  CHECK(close(a.value(), b.value()));
  Rng rng(9);
  const Tensor g = normal(rng, a.shape(), 0, 1, DType::f64);
  const Gradients ga = backward(a, g), gb = backward(b, g);
  std::vector<Var> inputs{in.q, in.k, in.v};
  for (const Parameter* p : c.encoding->parameters()) inputs.push_back(**p);
  for (const Var& v : inputs) CHECK(close(ga.of(v), gb.of(v)));
  CHECK(statistics(ga.of(in.v)).max_abs > 0);
}

}  // namespace

TEST_CASE("by FFT it is the N x N form, in values and gradients, for every feature map") {
  for (const int64 n : {1, 6, 33})
    for_all_maps(2, 2, [&](const CoreCase& c) {
      const Input in = random_input({2, 2}, n, 2, 3, 0.5);
      for (const bool causal : {true, false}) {
        INFO("causal: " << causal << ", N = " << n);
        const Positions p = time_positions(n, causal);
        check_same(c, run(*c.core, in, p), run_square(*c.core, in, p), in);
      }
    });
}

TEST_CASE("the sum is the definition") {
  const CoreCase c(toeplitz_core(), make<TimeBias>(), 2, 2);
  const Input in = random_input({1, 2}, 5, 2, 2);
  for (const bool causal : {true, false}) {
    const Tensor y = run(*c.core, in, time_positions(5, causal)).value();
    const auto phi = [](double x) { return x > 0 ? x + 1 : std::exp(x); };
    for (int64 h = 0; h < 2; ++h)
      for (int64 m = 0; m < 5; ++m)
        for (int64 j = 0; j < 2; ++j) {
          double numerator = 0, denominator = 1e-6;
          for (int64 n = 0; n < (causal ? m + 1 : 5); ++n) {
            double s = 0;
            for (int64 d = 0; d < 2; ++d)
              s += phi(in.q.value().at({0, h, m, d})) * phi(in.k.value().at({0, h, n, d}));
            s *= std::exp(-0.1 * static_cast<double>((h + 1) * std::abs(m - n)));
            numerator += s * in.v.value().at({0, h, n, j});
            denominator += s;
          }
          CHECK(std::abs(y.at({0, h, m, j}) - numerator / denominator) <= 1e-13);
        }
  }
}

TEST_CASE("a bias of 0 leaves linear attention") {
  const CoreCase c(toeplitz_core("favor_plus"), make<Slopes>(), 1, 2);  // its slope is 0
  CoreConfig config = toeplitz_core("favor_plus");
  config.kind = CoreKind::linear;
  const CoreCase linear(config, make<Plain>(), 1, 2);
  const Input in = random_input({2, 1}, 20, 2, 3);
  for (const bool causal : {true, false}) {
    const Positions p = time_positions(20, causal);
    CHECK(close(run(*c.core, in, p).value(), run(*linear.core, in, p).value()));
  }
}

TEST_CASE("a prefix keeps its outputs, queries may be any rows, and padding counts for nothing") {
  for_all_maps(2, 2, [](const CoreCase& c) {
    const Input in = random_input({2, 2}, 9, 2, 2, 0.5);
    const Tensor whole = run(*c.core, in, time_positions(9)).value();
    for (const int64 n : {1, 4, 8}) {
      const Input part{rows_of(in.q, 0, n), rows_of(in.k, 0, n), rows_of(in.v, 0, n)};
      CHECK(close(run(*c.core, part, time_positions(n)).value(), slice(whole, 2, 0, n)));
    }
    for (const bool causal : {true, false}) {
      Positions p = time_positions(9, causal);
      const Input late{rows_of(in.q, 5, 8), in.k, in.v};
      check_same(c, run(*c.core, late, p.rows(5, 3)), run_square(*c.core, late, p.rows(5, 3)), in);
      CHECK(close(run(*c.core, late, p.rows(5, 3)).value(),
                  slice(run(*c.core, in, p).value(), 2, 5, 8)));
      p.key_mask =
          from_values<std::uint8_t>(std::vector<std::uint8_t>{1, 1, 1, 1, 1, 1, 0, 0, 0}, {1, 9});
      const Var y = run(*c.core, in, p);
      check_same(c, y, run_square(*c.core, in, p), in);
      const Input part{rows_of(in.q, 0, 6), rows_of(in.k, 0, 6), rows_of(in.v, 0, 6)};
      CHECK(
          close(slice(y.value(), 2, 0, 6), run(*c.core, part, time_positions(6, causal)).value()));
    }
  });
}

TEST_CASE("no tokens, no queries") {
  const CoreCase c(toeplitz_core(), make<TimeBias>(), 1, 2);
  const Input none = random_input({1, 1}, 0, 2, 2);
  CHECK(run(*c.core, none, time_positions(0)).shape() == Shape{1, 1, 0, 2});
  const Input some = random_input({1, 1}, 3, 2, 2);
  const Input no_queries{rows_of(some.q, 0, 0), some.k, some.v};
  CHECK(run(*c.core, no_queries, time_positions(3).rows(1, 0)).shape() == Shape{1, 1, 0, 2});
}

TEST_CASE("steps of any size, and a bias that e^b could not hold") {
  const CoreCase c(toeplitz_core(), make<Slopes>(), 3, 2, DType::f32);
  const Input in = random_input({1, 3}, 40, 2, 2, 1, DType::f32);
  Positions p = time_positions(40);
  p.labels = add(mul(p.labels, 75), 1000);  // slopes reach 2 * 0.05 * 75 * 39 = 293
  const Tensor y = run(*c.core, in, p).value();
  const Tensor square = run_square(*c.core, in, p).value();
  for (const Tensor& t : {y, square}) {
    CHECK(statistics(t).non_finite == 0);
    CHECK(statistics(t).max_abs <= statistics(in.v.value()).max_abs + 1e-3);  // a mean, or less
  }
  // Head 0 has no bias. Those of the others grow with the lag so much that the first key is all
  // that the last query sees.
  CHECK(max_difference(slice(y, 1, 0, 1), slice(square, 1, 0, 1)) <= 1e-5);
  CHECK(max_difference(slice(slice(y, 1, 1, 3), 2, 39, 40),
                       slice(slice(in.v.value(), 1, 1, 3), 2, 0, 1)) <= 0.1);
}

TEST_CASE("the gradients against differences, of the encoding too") {
  const CoreCase c(toeplitz_core("exp"), make<Slopes>(), 2, 2);
  Parameter* slope = c.encoding->parameters()[0];
  const Input in = random_input({1, 2}, 5, 2, 2, 0.5);
  for (const bool causal : {true, false}) {
    const VarFunction f = [&](std::span<const Var> v) {
      const Var before = slope->exchange(v[3]);
      const Var y = run(*c.core, {v[0], v[1], v[2]}, time_positions(5, causal));
      slope->exchange(before);
      return y;
    };
    const std::vector<Tensor> at{in.q.value(), in.k.value(), in.v.value(),
                                 tensor({0.4, -0.5}, {2}, DType::f64)};
    for (const int order : {1, 2}) {
      const GradcheckReport r = gradcheck(f, at, {.order = order});
      INFO(r.text());
      CHECK(r.passed());
    }
  }
}

TEST_CASE("what it refuses, and in which words") {
  const auto refusal = [](CoreConfig config, const MakeEncoding& make_encoding) {
    return error_text<ConfigError>([&] {
      const auto encoding = make_encoding(Build("encoding"), {8, 2});
      encoding->set_kind("it");
      make_core(Build("core"), config, *encoding, 4);
    });
  };
  const auto with_hooks = [](unsigned hooks) -> MakeEncoding {
    return [hooks](const Build& b, EncodingShape s) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Plain>(b, s, Traits{.hooks = hooks});
    };
  };
  CHECK(refusal(toeplitz_core(), make<TimeBias>()).empty());
  CHECK(refusal(toeplitz_core(), with_hooks(kEmbed | kTransform | kLagBias)).empty());
  CHECK(refusal(toeplitz_core(), make<Plain>()) ==
        "the toeplitz core weighs keys by a bias of their lag (lag_bias), and 'it' has none; use "
        "attention = linear");
  CHECK(refusal(toeplitz_core(), make<PairTerms>()) ==
        "the toeplitz core cannot carry 'it': it adds a term to each score (score_bias), and "
        "Toeplitz attention sees two tokens' lag alone; use attention = softmax");
  CHECK(contains(refusal(toeplitz_core(), make<FeatureRotation>()),
                 "works on features (transform_features)"));
  CoreConfig config = toeplitz_core();
  config.dropout = 0.1;
  CHECK(contains(refusal(config, make<TimeBias>()),
                 "the toeplitz core forms no weights that dropout 0.1 could drop"));
  config = toeplitz_core("identity");
  config.normaliser = Normaliser::sum;
  CHECK(contains(refusal(config, make<TimeBias>()),
                 "the features of 'identity' can be negative, and with 'it' toeplitz attention"));

  const CoreCase c(toeplitz_core(), make<TimeBias>(), 1, 2);
  CHECK(!c.core->has_recurrence());
  const Input in = random_input({1, 1}, 4, 2, 2);
  AttentionState state;
  Pass pass = Pass::eval();
  CHECK(contains(error_text<ConfigError>(
                     [&] { c.core->step(in.q, in.k, in.v, time_positions(4), state, pass); }),
                 "the toeplitz core has no recurrence"));
  Positions uneven = labelled_positions(reshape(tensor({0, 1, 2, 4}, {4}, DType::f64), {1, 4, 1}),
                                        {{.name = "time", .kind = TrackKind::time, .values = 0}});
  CHECK(contains(error_text<ConfigError>([&] { run(*c.core, in, uneven); }),
                 "time must go in equal steps and be the only track"));
  CHECK(contains(error_text<ConfigError>([] { parse_core("toplitz"); }),
                 "unknown attention 'toplitz'; known: softmax, linear, toeplitz; did you mean "
                 "'toeplitz'?"));
}
