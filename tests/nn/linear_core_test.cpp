// The linear core: its three forms agree, prefixes keep their outputs, padding counts for nothing.
#include "autograd/backward.h"
#include "tests/nn/encodings.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

struct Named {
  std::string name;
  MakeEncoding make;
};

const std::vector<Named>& linear_encodings() {
  static const std::vector<Named> list{
      {"plain", make<Plain>()},
      {"rotation", make<Rotation>()},
      {"feature rotation", make<FeatureRotation>()},
      {"no normaliser", [](const Build& b, EncodingShape s) -> std::unique_ptr<PositionalEncoding> {
         return std::make_unique<Plain>(b, s, Traits{.normaliser = Normaliser::none});
       }}};
  return list;
}

CoreConfig linear_core(std::string_view map) { return core_with_map(CoreKind::linear, map); }

/// f for every feature map with every encoding.
template <class F>
void for_all_cores(int64 heads, int64 head_dim, F&& f) {
  for (const FeatureMapDef* map : feature_maps())
    for (const Named& encoding : linear_encodings()) {
      INFO(std::string(map->name) << ", " << encoding.name << ", " << heads << " heads of "
                                  << head_dim);
      const CoreCase c(linear_core(map->name), encoding.make, heads, head_dim);
      f(*c.core);
    }
}

Tensor run_steps(const AttentionCore& core, const Input& in, const Positions& p) {
  Pass pass = Pass::eval();
  AttentionState state;
  std::vector<Tensor> rows;
  for (int64 i = 0; i < in.k.size(2); ++i)
    rows.push_back(core.step(rows_of(in.q, i, i + 1), rows_of(in.k, i, i + 1),
                             rows_of(in.v, i, i + 1), only(p, i, 1), state, pass)
                       .value());
  CHECK(state.position == in.k.size(2));
  return concat(rows, 2);
}

/// To 1e-10, relative where a denominator of zero features leaves numbers divided by eps.
[[nodiscard]] bool close(const Tensor& a, const Tensor& b) {
  return max_difference(a, b) <= 1e-10 * std::max(1.0, statistics(b).max_abs);
}

/// Both forms give the same values and the same gradients of q, k, v.
void check_same(const Var& a, const Var& b, const Input& in) {
  CHECK(close(a.value(), b.value()));
  Rng rng(9);
  const Tensor g = normal(rng, a.shape(), 0, 1, DType::f64);
  const Gradients ga = backward(a, g), gb = backward(b, g);
  for (const Var& v : {in.q, in.k, in.v}) {
    CHECK(close(ga.of(v), gb.of(v)));
    CHECK(statistics(ga.of(v)).max_abs > 0);
  }
}

}  // namespace

TEST_CASE("parallel, quadratic and recurrent forms agree") {
  struct Size {
    int64 heads, d, n, dv;
  };
  for (const Size s : {Size{1, 2, 1, 1}, Size{2, 2, 5, 3}, Size{1, 4, 70, 2}})
    for_all_cores(s.heads, s.d, [&](const AttentionCore& core) {
      const Input in = random_input({2, s.heads}, s.n, s.d, s.dv, 0.5);
      for (const bool causal : {true, false}) {
        INFO("causal: " << causal << ", N = " << s.n);
        const Positions p = time_positions(s.n, causal);
        const Var y = run(core, in, p);
        CHECK(y.shape() == in.v.shape());
        check_same(y, run_square(core, in, p), in);
        if (causal) CHECK(close(run_steps(core, in, p), y.value()));
      }
    });
}

TEST_CASE("the sum is the definition") {
  const CoreCase c(linear_core("elu1"), make<Plain>(), 1, 2);
  const Input in = random_input({1, 1}, 4, 2, 2);
  const Tensor y = run(*c.core, in, time_positions(4)).value();
  const auto phi = [](double x) { return x > 0 ? x + 1 : std::exp(x); };
  for (int64 m = 0; m < 4; ++m)
    for (int64 j = 0; j < 2; ++j) {
      double numerator = 0, denominator = 1e-6;
      for (int64 n = 0; n <= m; ++n) {
        double s = 0;
        for (int64 d = 0; d < 2; ++d)
          s += phi(in.q.value().at({0, 0, m, d})) * phi(in.k.value().at({0, 0, n, d}));
        numerator += s * in.v.value().at({0, 0, n, j});
        denominator += s;
      }
      CHECK(std::abs(y.at({0, 0, m, j}) - numerator / denominator) <= 1e-14);
    }
}

TEST_CASE("a prefix keeps its outputs when the sequence grows") {
  for_all_cores(2, 2, [](const AttentionCore& core) {
    const Input in = random_input({1, 2}, 70, 2, 3, 0.5);
    const Tensor whole = run(core, in, time_positions(70)).value();
    for (const int64 n : {int64{1}, int64{64}, int64{69}}) {
      const Input part{rows_of(in.q, 0, n), rows_of(in.k, 0, n), rows_of(in.v, 0, n)};
      const Tensor y = run(core, part, time_positions(n)).value();
      CHECK(close(y, slice(whole, 2, 0, n)));
    }
  });
}

TEST_CASE("queries may be any rows of the keys") {
  struct Rows {
    int64 begin, count;
  };
  for_all_cores(1, 4, [](const AttentionCore& core) {
    const Input in = random_input({2, 1}, 9, 4, 2, 0.5);
    for (const bool causal : {true, false}) {
      const Positions p = time_positions(9, causal);
      const Var whole = run(core, in, p);
      for (const Rows r :
           {Rows{0, 9}, Rows{0, 4}, Rows{5, 4}, Rows{3, 2}, Rows{8, 1}, Rows{4, 0}}) {
        const int64 begin = r.begin, count = r.count;
        INFO("causal: " << causal << ", queries " << begin << " + " << count);
        const Input part{rows_of(in.q, begin, begin + count), in.k, in.v};
        const Var y = run(core, part, p.rows(begin, count));
        CHECK(y.shape() == Shape{2, 1, count, 2});
        if (count == 0) continue;
        CHECK(close(y.value(), slice(whole.value(), 2, begin, begin + count)));
        check_same(y, run_square(core, part, p.rows(begin, count)), in);
      }
    }
  });
}

TEST_CASE("padding counts for nothing, in values and gradients") {
  for_all_cores(1, 2, [](const AttentionCore& core) {
    const Input in = random_input({2, 1}, 5, 2, 2, 0.5);
    for (const bool causal : {true, false}) {
      Positions p = time_positions(5, causal);
      p.key_mask = from_values<std::uint8_t>(
          std::vector<std::uint8_t>{1, 1, 1, 0, 0, 1, 1, 1, 1, 1}, {2, 5});
      const Var y = run(core, in, p);
      check_same(y, run_square(core, in, p), in);
      // Sequence 0 has three tokens.
      const Input part{slice(rows_of(in.q, 0, 3), 0, 0, 1), slice(rows_of(in.k, 0, 3), 0, 0, 1),
                       slice(rows_of(in.v, 0, 3), 0, 0, 1)};
      const Tensor alone = run(core, part, time_positions(3, causal)).value();
      CHECK(close(slice(slice(y.value(), 0, 0, 1), 2, 0, 3), alone));
      if (causal) CHECK(close(run_steps(core, in, p), y.value()));
      const Gradients g = backward(sum(slice(y, 2, 0, 3)));
      for (const Var& v : {in.k, in.v})
        CHECK(statistics(slice(slice(g.of(v), 0, 0, 1), 2, 3, 5)).max_abs == 0);
    }
  });
}

TEST_CASE("large keys stay finite, step by step as well") {
  CoreConfig config = linear_core("favor_plus");
  const CoreCase c(config, make<Plain>(), 1, 4, DType::f32);
  const Input in = random_input({1, 1}, 40, 4, 2, 12, DType::f32);
  const Positions p = time_positions(40);
  const Tensor y = run(*c.core, in, p).value();
  CHECK(statistics(y).non_finite == 0);
  CHECK(statistics(run_steps(*c.core, in, p)).non_finite == 0);
}

TEST_CASE("the state rescales when a larger key arrives") {
  const CoreCase c(linear_core("favor_plus"), make<Plain>(), 1, 2);
  Input in = random_input({1, 1}, 6, 2, 2, 0.3);
  // Growing towards one direction, so that the running maximum grows with each key.
  in.k = leaf(mul(in.k.value(), reshape(arange(1, 7, 1, DType::f64), {1, 1, 6, 1})));
  const Positions p = time_positions(6);
  CHECK(close(run_steps(*c.core, in, p), run(*c.core, in, p).value()));
}

TEST_CASE("inputs that do not fit are refused") {
  const CoreCase c(linear_core("elu1"), make<Plain>(), 1, 2);
  const Input in = random_input({1, 1}, 4, 2, 2);
  Pass pass = Pass::eval();
  Positions p = time_positions(3);
  const Input fewer{in.q, rows_of(in.k, 0, 3), rows_of(in.v, 0, 3)};
  p.query_count = 4;
  CHECK(contains(error_text<ShapeError>([&] { run(*c.core, fewer, p); }),
                 "queries are rows of the keys: 4 queries from row 0 on need 4 keys or more, got "
                 "3"));
  CHECK(contains(error_text<ShapeError>([&] { run(*c.core, in, time_positions(5)); }),
                 "the positions have 5 tokens, k has 4"));
  Positions masked = time_positions(4);
  masked.key_mask = ones({1, 4});
  CHECK_THROWS_AS(run(*c.core, in, masked), DTypeError);
  masked.key_mask = ones({1, 3}, DType::u8);
  CHECK_THROWS_AS(run(*c.core, in, masked), ShapeError);
  AttentionState state;
  CHECK(contains(error_text<ShapeError>(
                     [&] { c.core->step(in.q, in.k, in.v, time_positions(4), state, pass); }),
                 "a step takes one token, got 4 queries and 4 keys"));
  const Input one{rows_of(in.q, 0, 1), rows_of(in.k, 0, 1), rows_of(in.v, 0, 1)};
  CHECK(contains(error_text<ConfigError>([&] {
                   c.core->step(one.q, one.k, one.v, time_positions(1, false), state, pass);
                 }),
                 "step by step means causal"));
}

TEST_CASE("with fusion off the scores have their name") {
  const CoreCase c(linear_core("elu1"), make<Plain>(), 1, 2);
  const Input in = random_input({1, 1}, 4, 2, 2);
  const Tensor fused = run(*c.core, in, time_positions(4)).value();
  const FusionGuard off(Fusion::off);
  const Var y = run(*c.core, in, time_positions(4));
  CHECK(max_difference(fused, y.value()) <= 1e-14);
  const Gradients g = backward(sum(y), {.keep = KeepGrads::named});
  CHECK(g.by_name("core/scores").shape() == Shape{1, 1, 4, 4});
  CHECK(g.find("core/feature_map/query_features"));
}
