// The softmax core against a plain loop, with biases, masks and dropout.
#include "autograd/backward.h"
#include "autograd/gradcheck.h"
#include "autograd/record.h"
#include "tensor/parallel.h"
#include "tests/nn/encodings.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

CoreConfig softmax_core(double dropout = 0) {
  CoreConfig c;
  c.kind = CoreKind::softmax;
  c.dropout = dropout;
  return c;
}

/// What a loop sees of one pair: lag bias, score term, value term.
struct Terms {
  double slope = 0, score = 0, value = 0;
};

/// softmax(q.k / sqrt(d) - slope h |lag| + score lag) (v + value lag), for one pair of tokens at a
/// time; `hidden` says which keys a query must not see.
template <class Hidden>
Tensor by_loop(const Input& in, int64 begin, Terms t, Hidden&& hidden) {
  const Tensor &q = in.q.value(), &k = in.k.value(), &v = in.v.value();
  std::vector<double> out;
  for (int64 b = 0; b < q.size(0); ++b)
    for (int64 h = 0; h < q.size(1); ++h)
      for (int64 m = 0; m < q.size(2); ++m) {
        std::vector<double> e(static_cast<std::size_t>(k.size(2)), 0.0);
        double total = 0;
        for (int64 n = 0; n < k.size(2); ++n) {
          if (hidden(b, m + begin, n)) continue;
          const double lag = static_cast<double>(m + begin - n);
          double s = 0;
          for (int64 d = 0; d < q.size(3); ++d) s += q.at({b, h, m, d}) * k.at({b, h, n, d});
          s = s / std::sqrt(static_cast<double>(q.size(3))) -
              t.slope * static_cast<double>(h + 1) * std::abs(lag) + t.score * lag;
          total += e[static_cast<std::size_t>(n)] = std::exp(s);
        }
        for (int64 j = 0; j < v.size(3); ++j) {
          double y = 0;
          for (int64 n = 0; n < k.size(2) && total > 0; ++n)
            y += e[static_cast<std::size_t>(n)] / total *
                 (v.at({b, h, n, j}) + t.value * static_cast<double>(m + begin - n));
          out.push_back(y);
        }
      }
  return from_values<double>(out, {q.size(0), q.size(1), q.size(2), v.size(3)});
}

Var run(const CoreCase& c, const Input& in, const Positions& p, Mode mode = Mode::eval,
        std::uint64_t seed = 0) {
  Pass pass(mode, seed);
  return (*c.core)(in.q, in.k, in.v, p, pass);
}

struct Case {
  std::string name;
  MakeEncoding make;
  Terms terms;
};
const std::vector<Case>& cases() {
  static const std::vector<Case> list{
      {"plain", make<Plain>(), {}},
      {"lag bias", make<TimeBias>(), {.slope = 0.1}},
      {"pair terms", make<PairTerms>(), {.score = 0.2, .value = 0.5}}};
  return list;
}

}  // namespace

TEST_CASE("softmax attention is the loop, causal or not, for any query rows") {
  struct Size {
    int64 heads, n, d, begin, count;
  };
  for (const Case& test : cases())
    for (const Size s : {Size{1, 1, 2, 0, 1}, Size{2, 5, 2, 0, 5}, Size{2, 5, 3, 2, 2},
                         Size{1, 6, 2, 5, 1}, Size{3, 4, 1, 0, 2}})
      for (const bool causal : {true, false}) {
        INFO(test.name << ", N = " << s.n << ", rows " << s.begin << " + " << s.count);
        const CoreCase c(softmax_core(), test.make, s.heads, s.d);
        const Input all = random_input({2, s.heads}, s.n, s.d, 3);
        const Input in{rows_of(all.q, s.begin, s.begin + s.count), all.k, all.v};
        const Positions p = time_positions(s.n, causal).rows(s.begin, s.count);
        const Tensor wanted = by_loop(in, s.begin, test.terms,
                                      [&](int64, int64 m, int64 n) { return causal && n > m; });
        CHECK(max_difference(run(c, in, p).value(), wanted) <= 1e-12);
      }
}

TEST_CASE("padding counts for nothing, and a query without keys gives zeros") {
  for (const Case& test : cases())
    for (const bool causal : {true, false}) {
      INFO(test.name << ", causal " << causal);
      const CoreCase c(softmax_core(), test.make, 2, 2);
      const Input in = random_input({3, 2}, 4, 2, 2);
      Positions p = time_positions(4, causal);
      const std::vector<std::uint8_t> mask{1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0};
      p.key_mask = from_values<std::uint8_t>(mask, {3, 4});
      const Tensor wanted = by_loop(in, 0, test.terms, [&](int64 b, int64 m, int64 n) {
        return (causal && n > m) || mask[static_cast<std::size_t>(b * 4 + n)] == 0;
      });
      const Var y = run(c, in, p);
      CHECK(max_difference(y.value(), wanted) <= 1e-12);
      CHECK(statistics(slice(y.value(), 0, 2, 3)).max_abs == 0);
      const Gradients g = backward(sum(square(y)));
      for (const Var& v : {in.q, in.k, in.v}) {
        CHECK(statistics(g.of(v)).non_finite == 0);
        CHECK(statistics(slice(g.of(v), 0, 2, 3)).max_abs == 0);
      }
      CHECK(statistics(slice(slice(g.of(in.v), 0, 0, 1), 2, 2, 4)).max_abs == 0);
    }
}

TEST_CASE("gradients of q, k, v and of the encoding") {
  for (const Case& test : cases()) {
    INFO(test.name);
    const CoreCase c(softmax_core(), test.make, 2, 2);
    const Input in = random_input({1, 2}, 4, 2, 2);
    const std::vector<Parameter*> learned = c.encoding->parameters();
    std::vector<Tensor> inputs{in.q.value(), in.k.value(), in.v.value()};
    for (const Parameter* p : learned) inputs.push_back(p->value());
    const VarFunction f = [&](std::span<const Var> x) {
      std::vector<Var> before;
      for (std::size_t i = 0; i < learned.size(); ++i)
        before.push_back(learned[i]->exchange(x[3 + i]));
      Pass pass = Pass::eval();
      const Var y = (*c.core)(x[0], x[1], x[2], time_positions(4), pass);
      for (std::size_t i = 0; i < learned.size(); ++i) learned[i]->exchange(before[i]);
      return y;
    };
    for (const int order : {1, 2}) {
      const GradcheckReport r = gradcheck(f, inputs, {.order = order});
      INFO(r.text());
      CHECK(r.passed());
    }
  }
}

TEST_CASE("a prefix keeps its outputs when the sequence grows") {
  for (const Case& test : cases()) {
    const CoreCase c(softmax_core(), test.make, 1, 2);
    const Input in = random_input({1, 1}, 8, 2, 2);
    const Tensor whole = run(c, in, time_positions(8)).value();
    const Input part{rows_of(in.q, 0, 3), rows_of(in.k, 0, 3), rows_of(in.v, 0, 3)};
    CHECK(max_difference(run(c, part, time_positions(3)).value(), slice(whole, 2, 0, 3)) <= 1e-14);
  }
}

TEST_CASE("dropout: on in training only, the same bits for the same seed and any threads") {
  const CoreCase c(softmax_core(0.4), make<Plain>(), 2, 2);
  const Input in = random_input({2, 2}, 60, 2, 2);
  const Positions p = time_positions(60);
  const Tensor eval = run(c, in, p).value();
  const int before = threads();
  set_threads(1);
  const Tensor one = run(c, in, p, Mode::train, 1).value();
  set_threads(3);
  const Tensor three = run(c, in, p, Mode::train, 1).value();
  set_threads(before);
  CHECK(same_bits(one, three));
  CHECK(!same_bits(one, eval));
  CHECK(!same_bits(one, run(c, in, p, Mode::train, 2).value()));
  // The mean over many seeds is the evaluation.
  Tensor total = zeros(eval.shape(), DType::f64);
  for (std::uint64_t seed = 0; seed < 200; ++seed)
    total = add(total, run(c, in, p, Mode::train, seed).value());
  const Tensor error = sub(mul(total, 1.0 / 200), eval);
  CHECK(norm(error).item() <= 0.15 * norm(eval).item());
}

TEST_CASE("scores and weights have their names; weights are what the output is made of") {
  const FusionGuard off(Fusion::off);
  const CoreCase c(softmax_core(), make<TimeBias>(), 2, 2);
  const Input in = random_input({1, 2}, 4, 2, 2);
  Pass pass = Pass::eval();
  const Var y = (*c.core)(in.q, in.k, in.v, time_positions(4), pass);
  const Gradients g = backward(sum(square(y)), {.keep = KeepGrads::named});
  CHECK(g.by_name("core/scores").shape() == Shape{1, 2, 4, 4});
  CHECK(g.by_name("core/weights").shape() == Shape{1, 2, 4, 4});
  const Var w = c.core->weights(in.q, in.k, time_positions(4), pass);
  CHECK(w.label() == "core#2/weights");
  CHECK(max_difference(matmul(w, in.v).value(), y.value()) <= 1e-14);
  CHECK(max_difference(sum(w, {-1}).value(), ones({1, 2, 4}, DType::f64)) <= 1e-14);
}

TEST_CASE("huge scores stay finite") {
  const CoreCase c(softmax_core(), make<Plain>(), 1, 2, DType::f32);
  const Input in = random_input({1, 1}, 5, 2, 2, 1e6, DType::f32);
  CHECK(statistics(run(c, in, time_positions(5)).value()).non_finite == 0);
}
