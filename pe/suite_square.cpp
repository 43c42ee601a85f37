// The checks of attention as it is computed, in chunks, blocks or by FFT: with every core, and for
// every feature map, it is the explicit N x N form, query by query, in value and in the gradient of
// the input, q, k, v and every parameter; and linear attention step by step is attention at once.
#include <algorithm>
#include <cmath>

#include "autograd/backward.h"
#include "nn/attention_core.h"
#include "pe/suite_own.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"

namespace gradus::suite {

namespace {

/// For every feature map; and for one, more than a chunk of causal linear attention holds (32).
constexpr int64 kTokens = 5, kManyTokens = 37;

/// An encoding and a core with one of the feature maps.
struct Attention {
  std::unique_ptr<PositionalEncoding> encoding;
  std::unique_ptr<AttentionCore> core;
};

/// Empty where an encoding of features is not made for so many: pairs of an odd number, say.
Attention attention_with(const SuiteSubject& s, CoreKind kind, const FeatureMapDef& map) {
  CoreConfig config;
  config.kind = kind;
  config.feature_map = map.name;
  if (kind != CoreKind::softmax) {
    if (map.stochastic) config.feature_options.set("features=8");
    if (!map.non_negative) config.normaliser = Normaliser::none;
  }
  Attention a{build(s), nullptr};
  const int64 d = s.shape.head_dim();
  if (a.encoding->traits().hooks & kTransformFeatures) {
    Options of_map = config.feature_options;
    const int64 m = map.make(Build("map"), d, d, of_map)->features(d);
    Options options = s.options;
    options.set("features", OptionValue(m));
    try {
      if (m != d && s.sized) a.encoding = s.with(options)(Build("pe", Rng(1), DType::f64), s.shape);
    } catch (const ConfigError&) {
      return {};
    }
  }
  a.core = s.core(Build("core", Rng(2), DType::f64), config, *a.encoding, d);
  Rng rng = Rng(62).stream("draw");
  a.core->draw(rng);
  return a;
}

/// The input, which an encoding may add to, and what is added to it for each head; small, for eps
/// beside sums of tiny features is no more than eps (nn/kernel_core.h, note [eps and log_scale]).
struct Leaves {
  int64 tokens;
  Var x, q, k, v;
  Leaves(const SuiteSubject& s, CoreKind kind, int64 n) : tokens(n) {
    const int64 h = s.shape.heads, d = s.shape.head_dim();
    const auto of = [kind](std::uint64_t seed, const Shape& shape) {
      const Tensor t = mul(random_normal(seed, shape), 0.25);
      // An FFT rounds every row to 1e-16 of the largest, so none may fade: features of positive
      // numbers have no products near 0.
      return leaf(kind == CoreKind::toeplitz ? abs(t) : t);
    };
    x = of(63, {2, n, s.shape.d_model});
    q = of(64, {2, h, n, d}), k = of(65, {2, h, n, d}),
    v = of(66, {2, h, n, kind == CoreKind::softmax ? d : 3});  // Shaw adds rows of a head's width
  }
};

struct Projected {
  Var q, k;
};
Projected project(const SuiteSubject& s, const PositionalEncoding& e, const Leaves& in,
                  const Positions& p, Pass& pass) {
  const Var y = e.embed(in.x, p, pass);
  const Var of_heads =
      transpose(reshape(y, {2, in.tokens, s.shape.heads, s.shape.head_dim()}), 1, 2);
  return {in.q + of_heads * 0.25, in.k + of_heads * 0.25};
}

Var at_once(const SuiteSubject& s, const Attention& a, const Leaves& in, const Positions& p) {
  Pass pass = Pass::eval();
  const Projected t = project(s, *a.encoding, in, p, pass);
  return (*a.core)(t.q, t.k, in.v, p, pass);
}

/// The weights of one query at a time: nothing of it can depend on the other queries.
Var by_pairs(const SuiteSubject& s, const Attention& a, const Leaves& in, const Positions& p) {
  Pass pass = Pass::eval();
  const Projected t = project(s, *a.encoding, in, p, pass);
  std::vector<Var> rows;
  for (int64 m = 0; m < in.tokens; ++m) {
    const Positions query = p.rows(m, 1);
    const Var w = a.core->weights(slice(t.q, 2, m, m + 1), t.k, query, pass);
    rows.push_back(matmul(w, in.v));
    if (const std::optional<Var> bias = a.encoding->value_bias(w, query, pass))
      rows.back() = rows.back() + *bias;
  }
  return concat(rows, 2);
}

Positions tokens(const SuiteSubject& s, const PositionalEncoding& e, int64 n) {
  return positions_of(s, e, random_labels(s, e, 67, 1, n));
}

/// Gradients by everything that there is, for one random cotangent.
std::vector<Var> gradients(const Attention& a, const Leaves& in, const Var& y) {
  std::vector<Var> by{in.x, in.q, in.k, in.v};
  for (const Module* m :
       {static_cast<const Module*>(a.encoding.get()), static_cast<const Module*>(a.core.get())})
    for (const Parameter* w : m->parameters()) by.push_back(**w);
  return grad(y, by, {.allow_unused = true}, Var(random_normal(68, y.shape())));
}

/// The largest error of values and of gradients so far.
struct Errors {
  double value = 0, gradient = 0;
  int maps = 0;
};

std::string compare_forms(const SuiteSubject& s, const Attention& a, const Positions& p,
                          CoreKind kind, Errors& errors) {
  const Leaves in(s, kind, p.keys());
  const Var fast = at_once(s, a, in, p), full = by_pairs(s, a, in, p);
  const double value = error_of(fast.value(), full.value());
  if (!(value <= 1e-9)) return fmt::format("values differ by {:.3g}", value);
  errors.value = std::max(errors.value, value);
  const std::vector<Var> g = gradients(a, in, fast), h = gradients(a, in, full);
  for (std::size_t i = 0; i < g.size(); ++i) {
    const double gradient = error_of(g[i].value(), h[i].value());
    constexpr std::string_view names[] = {"x", "q", "k", "v"};
    if (!(gradient <= 1e-9))
      return fmt::format("gradients of {} differ by {:.3g}",
                         i < 4 ? std::string(names[i]) : fmt::format("parameter {}", i - 4),
                         gradient);
    errors.gradient = std::max(errors.gradient, gradient);
  }
  if (!(max(abs(g[3].value())).item() > 0)) return "the gradient of v is 0";
  return {};
}

/// Causal and not, with labels as the encoding takes them; and with equal steps of time, which the
/// bias of a lag has a form of its own for.
std::string compare_lengths(const SuiteSubject& s, const Attention& a, CoreKind kind, int64 n,
                            Errors& errors) {
  const Traits t = a.encoding->traits();
  for (bool equal : {false, true}) {
    if (equal ? !(t.hooks & kLagBias) : kind == CoreKind::toeplitz) continue;
    for (bool causal : {true, false}) {
      if (t.causal_only && !causal) continue;
      Positions p = equal ? equal_steps(*a.encoding, n) : tokens(s, *a.encoding, n);
      p.causal = causal;
      const std::string wrong = compare_forms(s, a, p, kind, errors);
      if (!wrong.empty())
        return fmt::format("{} tokens, {}{}: {}", n, causal ? "causal" : "bidirectional",
                           equal ? ", equal steps" : "", wrong);
    }
  }
  return {};
}

Finding check_square(const SuiteSubject& s, CoreKind kind) {
  const Traits t = build(s)->traits();
  if (!core_fits(kind, t.hooks)) return not_declared();
  Errors errors;
  for (const FeatureMapDef* map : feature_maps()) {
    const Attention a = attention_with(s, kind, *map);
    if (!a.core) continue;
    if (a.core->has_recurrence() != (kind == CoreKind::linear))
      return broken(
          fmt::format("{} has {} recurrence", name(kind), a.core->has_recurrence() ? "a" : "no"));
    std::string wrong = compare_lengths(s, a, kind, kTokens, errors);
    if (wrong.empty() && errors.maps == 0 && (t.max_length == 0 || t.max_length >= kManyTokens))
      wrong = compare_lengths(s, a, kind, kManyTokens, errors);
    if (kind == CoreKind::softmax) {  // knows no feature map
      if (!wrong.empty()) return broken(wrong);
      return holds(
          fmt::format("max error {:.1g}, of gradients {:.1g}", errors.value, errors.gradient));
    }
    if (!wrong.empty()) return broken(fmt::format("{}, {}", map->name, wrong));
    ++errors.maps;
  }
  if (errors.maps < 5) return broken(fmt::format("{} feature maps fit", errors.maps));
  return holds(fmt::format("{} feature maps{}: max error {:.1g}, of gradients {:.1g}", errors.maps,
                           t.causal_only ? "" : ", causal and not", errors.value, errors.gradient));
}

/// One token after another, from a state of constant size.
Finding check_recurrence(const SuiteSubject& s) {
  if (!core_fits(CoreKind::linear, build(s)->traits().hooks)) return not_declared();
  double worst = 0;
  int maps = 0;
  for (const FeatureMapDef* map : feature_maps()) {
    const Attention a = attention_with(s, CoreKind::linear, *map);
    if (!a.core) continue;
    const Leaves in(s, CoreKind::linear, kTokens);
    const Positions p = tokens(s, *a.encoding, kTokens);
    Pass pass = Pass::eval();
    const Projected t = project(s, *a.encoding, in, p, pass);
    const Tensor whole = (*a.core)(t.q, t.k, in.v, p, pass).value();
    AttentionState state;
    for (int64 i = 0; i < kTokens; ++i) {
      const Positions one = labelled_positions(slice(p.labels, 1, i, i + 1), p.tracks);
      const auto row = [i](const Var& x) { return slice(x, 2, i, i + 1); };
      const double error =
          error_of(a.core->step(row(t.q), row(t.k), row(in.v), one, state, pass).value(),
                   slice(whole, 2, i, i + 1));
      if (!(error <= 1e-9))
        return broken(fmt::format("{}: step {} differs by {:.3g}", map->name, i, error));
      worst = std::max(worst, error);
    }
    ++maps;
  }
  if (maps < 5) return broken(fmt::format("{} feature maps fit", maps));
  return holds(fmt::format("{} feature maps: max error {:.1g}", maps, worst));
}

}  // namespace

std::vector<Check> square_checks() {
  return {{"linear", [](const SuiteSubject& s) { return check_square(s, CoreKind::linear); }},
          {"recurrence", check_recurrence},
          {"toeplitz", [](const SuiteSubject& s) { return check_square(s, CoreKind::toeplitz); }},
          {"softmax", [](const SuiteSubject& s) { return check_square(s, CoreKind::softmax); }}};
}

}  // namespace gradus::suite
