// The check of an encoding's cost: what attention with it holds in memory, forward and backward,
// against the number of tokens. All that a graph needs is held until the backward pass, so that
// memory shows the work of its ops, without a clock.
#include <cmath>

#include "autograd/backward.h"
#include "nn/attention_core.h"
#include "pe/suite_parts.h"
#include "tensor/elementwise.h"
#include "tensor/memory.h"

namespace gradus::suite {

namespace {

Var heads_of(const Var& x, const EncodingShape& shape) {
  return transpose(reshape(x, {x.size(0), x.size(1), shape.heads, shape.head_dim()}), 1, 2);
}

/// The code at the input and the core that costs least.
Var attention(const SuiteSubject& s, const PositionalEncoding& e, CoreKind kind, const Var& x,
              const Positions& p) {
  CoreConfig config;
  config.kind = kind;
  const auto core = make_core(Build("core", Rng(2), DType::f64), config, e, s.shape.head_dim());
  Pass pass = Pass::eval();
  const Var q = heads_of(e.embed(x, p, pass), s.shape);
  return (*core)(q, q, q, p, pass);
}

/// The biases of all pairs: blocks of queries, as attention asks for them, would hide their number.
Var biases(const SuiteSubject& s, const PositionalEncoding& e, const Var& x, const Positions& p) {
  Pass pass = Pass::eval();
  const Var q = heads_of(x, s.shape);
  Var total = sum(q);
  if (e.traits().hooks & kLagBias) total = total + sum(*e.lag_bias(label_lags(e, p), pass));
  if (const auto b = e.score_bias(q, q, p, pass)) total = total + sum(*b);
  return total;
}

/// Bytes at once, beside what was there before.
double peak(const SuiteSubject& s, const PositionalEncoding& e, int64 n) {
  const Inputs in = random_inputs(s, 61, 1, n);
  const Cost cost = e.traits().cost;
  const Positions p =
      cost == Cost::n_log_n ? equal_steps(e, n) : positions_of(s, e, random_labels(s, e, 61, 1, n));
  pool_reset_peak();
  const std::uint64_t before = pool_stats().live_bytes;
  const Var x = leaf(in.x);
  const Var y =
      cost == Cost::quadratic
          ? biases(s, e, x, p)
          : sum(attention(s, e, cost == Cost::linear ? CoreKind::linear : CoreKind::toeplitz, x,
                          p));
  std::vector<Var> by{x};
  for (const Parameter* w : e.parameters()) by.push_back(**w);
  (void)grad(y, by, {.allow_unused = true});
  return static_cast<double>(pool_stats().peak_live_bytes - before);
}

struct Bounds {
  double low, high;
};

Bounds slopes(Cost cost) {
  if (cost == Cost::linear) return {0, 1.15};
  return cost == Cost::n_log_n ? Bounds{0, 1.3} : Bounds{1.6, 2.15};
}

/// From 64 tokens to 256; what is linear has constants beside it, so from 256 to 1,024 there.
Finding check_cost(const SuiteSubject& s) {
  const auto e = build(s);
  const Traits t = e->traits();
  const int64 n = t.cost == Cost::linear ? 256 : 64;
  const double slope = std::log(peak(s, *e, 4 * n) / peak(s, *e, n)) / std::log(4.0);
  const Bounds allowed = slopes(t.cost);
  const std::string text = fmt::format("memory grows like N^{:.2f}", slope);
  if (slope >= allowed.low && slope <= allowed.high) return holds(text);
  return broken(fmt::format("declared {}: {}, and {} to {} is allowed", name(t.cost), text,
                            allowed.low, allowed.high));
}

}  // namespace

std::vector<Check> cost_checks() { return {{"cost", check_cost}}; }

}  // namespace gradus::suite
