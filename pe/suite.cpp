#include "pe/suite.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pe/suite_parts.h"
#include "pe/wrapping.h"
#include "tensor/elementwise.h"
#include "tensor/matmul.h"
#include "tensor/reduce.h"

namespace gradus {

// ---- parts --------------------------------------------------------------------------------------

namespace suite {

std::unique_ptr<PositionalEncoding> build(const SuiteSubject& s, std::uint64_t seed, DType dtype) {
  return s.make(Build("pe", Rng(seed), dtype), s.shape);
}

Tensor random_labels(const SuiteSubject& s, const PositionalEncoding& e, std::uint64_t seed,
                     int64 batch, int64 n) {
  Rng rng = Rng(seed).stream("labels");
  const Traits t = e.traits();
  const Shape shape{batch, n, s.label_width};
  if (t.whole_labels && !t.takes_any_label)
    return cumsum(floor(uniform(rng, shape, 0, 3, DType::f64)), 1);
  if (t.whole_labels) return floor(uniform(rng, shape, 0, 5, DType::f64));
  if (!t.takes_any_label) return cumsum(uniform(rng, shape, 0.2, 1.5, DType::f64), 1);
  if (t.labels_below > 0) return uniform(rng, shape, 0, 4, DType::f64);
  return uniform(rng, shape, -4, 4, DType::f64);
}

Positions positions_of(const SuiteSubject& s, const PositionalEncoding& e, const Tensor& labels) {
  if (e.traits().uniform_only) return time_positions(labels.size(1));
  return positions_for(e, labels, s.name);
}

Positions equal_steps(const PositionalEncoding& e, int64 n) {
  Positions p = time_positions(n);
  if (!e.tracks().empty()) p.tracks[0].name = e.tracks()[0];
  return p;
}

Inputs random_inputs(const SuiteSubject& s, std::uint64_t seed, int64 batch, int64 n) {
  Rng rng = Rng(seed).stream("inputs");
  const int64 h = s.shape.heads, d = s.shape.head_dim();
  Inputs in;
  in.x = normal(rng, {batch, n, s.shape.d_model}, 0, 1, DType::f64);
  in.q = normal(rng, {batch, h, n, d}, 0, 1, DType::f64);
  in.k = normal(rng, {batch, h, n, d}, 0, 1, DType::f64);
  return in;
}

Inputs rows(const Inputs& in, int64 begin, int64 count) {
  return {slice(in.x, 1, begin, begin + count), slice(in.q, 2, begin, begin + count), in.k};
}

namespace {

/// Weights [B,H,Nq,Nk] that a longer sequence does not change: 1 / (n + 2) for n <= m.
Tensor causal_weights(const Var& q, const Var& k, const Positions& p) {
  const int64 queries = q.size(2), keys = k.size(2);
  const Tensor column = arange(0, static_cast<double>(keys), 1, DType::f64);
  const Tensor row = add(arange(0, static_cast<double>(queries), 1, DType::f64),
                         static_cast<double>(p.query_begin));
  const Tensor seen = cast(less_equal(column, unsqueeze(row, 1)), DType::f64);
  return cast(
      contiguous(broadcast_to(div(seen, add(column, 2)), {q.size(0), q.size(1), queries, keys})),
      q.dtype());
}

}  // namespace

Tensor label_lags(const PositionalEncoding& e, const Positions& p) {
  const Tensor q = p.query_labels(e.tracks(), e.name()), k = p.track_labels(e.tracks(), e.name());
  return sub(q, transpose(k));
}

std::vector<HookOutput> run_hooks(const PositionalEncoding& e, const Var& x, const Var& q,
                                  const Var& k, const Positions& p, Mode mode) {
  Pass pass(mode);
  std::vector<HookOutput> out;
  out.push_back({"embed", e.embed(x, p, pass), true});
  const QueryKey t = e.transform(q, k, p, pass);
  out.push_back({"transform", t.q, true});
  out.push_back({"transform", t.k, false});
  const QueryKey f = with_scales(e.transform_features(q, k, p, pass));
  out.push_back({"transform_features", f.q, true});
  out.push_back({"transform_features", f.k, false});
  if (e.traits().hooks & kLagBias)
    if (const auto b = e.lag_bias(label_lags(e, p), pass)) out.push_back({"lag_bias", *b, true});
  if (const auto b = e.score_bias(q, k, p, pass)) out.push_back({"score_bias", *b, true});
  const Var weights(causal_weights(q, k, p));
  if (const auto b = e.value_bias(weights, p, pass)) out.push_back({"value_bias", *b, true});
  return out;
}

std::vector<HookOutput> run_hooks(const PositionalEncoding& e, const Inputs& in, const Positions& p,
                                  Mode mode) {
  const DType t = e.dtype();
  return run_hooks(e, cast(in.x, t), cast(in.q, t), cast(in.k, t), p, mode);
}

double error_of(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
  if (a.numel() == 0) return 0;
  const Tensor x = cast(a, DType::f64), y = cast(b, DType::f64);
  return max_difference(x, y) / std::max(1.0, max(abs(y)).item());
}

Comparison compare(const std::vector<HookOutput>& a, const std::vector<HookOutput>& b,
                   double tolerance) {
  Comparison c;
  if (a.size() != b.size()) return {0, "another number of hooks answers"};
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Tensor &x = a[i].value.value(), &y = b[i].value.value();
    if (x.shape() != y.shape())
      return {0, fmt::format("{} is {} and {}", a[i].hook, x.shape(), y.shape())};
    if (all(is_finite(x)).item() != 1)
      return {HUGE_VAL, fmt::format("{} is not finite", a[i].hook)};
    const double error = error_of(x, y);
    if (!(error <= tolerance))
      return {error, fmt::format("{} differs by {:.3g}", a[i].hook,
                                 max_difference(cast(x, DType::f64), cast(y, DType::f64)))};
    c.error = std::max(c.error, error);
  }
  return c;
}

Scores scores(const PositionalEncoding& e, const Inputs& in, const Positions& p) {
  Pass pass = Pass::eval();
  const int64 h = e.shape().heads, d = e.shape().head_dim();
  const auto merge = [&](const Tensor& t) {
    return reshape(transpose(t, 1, 2), {t.size(0), t.size(2), h * d});
  };
  const auto split = [&](const Var& x) {
    return transpose(reshape(x, {x.size(0), x.size(1), h, d}), 1, 2);
  };
  // The heads side by side are the input that an encoding may add to; q and k are it, unprojected.
  const Var q = split(e.embed(merge(in.q), p, pass)), k = split(e.embed(merge(in.k), p, pass));
  QueryKey qk = e.transform(q, k, p, pass);
  qk = e.transform_features(qk.q, qk.k, p, pass);
  const double scale = 1 / std::sqrt(static_cast<double>(d));
  const Tensor tq = qk.q.value(), tk = transpose(qk.k.value());
  Scores s{mul(matmul(tq, tk), scale), mul(matmul(abs(tq), abs(tk)), scale)};
  if (qk.query_scale.defined()) {
    const Tensor factor = exp(add(qk.query_scale, transpose(qk.key_scale)));
    s = {mul(s.value, factor), mul(s.size, factor)};
  }
  const auto include = [&s](const Tensor& bias) {
    s = {add(s.value, bias), add(s.size, abs(bias))};
  };
  if (e.traits().hooks & kLagBias)
    if (const auto b = e.lag_bias(label_lags(e, p), pass)) include(transpose(b->value(), 0, 1));
  if (const auto b = e.score_bias(q, k, p, pass)) include(b->value());
  return s;
}

}  // namespace suite

// ---- the run ------------------------------------------------------------------------------------

namespace {

std::vector<suite::Check> all_checks() {
  std::vector<suite::Check> list = suite::declared_checks();
  for (const suite::Check& c : suite::cost_checks()) list.push_back(c);
  for (const suite::Check& c : suite::square_checks()) list.push_back(c);
  for (const suite::Check& c : suite::closed_checks()) list.push_back(c);
  for (const suite::Check& c : suite::limit_checks()) list.push_back(c);
  for (const suite::Check& c : suite::shared_checks()) list.push_back(c);
  return list;
}

}  // namespace

bool TraitReport::passed() const {
  return !checks.empty() &&
         std::all_of(checks.begin(), checks.end(), [](const TraitCheck& c) { return c.passed; });
}

const TraitCheck* TraitReport::find(std::string_view trait) const {
  for (const TraitCheck& c : checks)
    if (c.trait == trait) return &c;
  return nullptr;
}

std::string TraitReport::text() const {
  if (passed()) return fmt::format("{}: {} checks passed", encoding, checks.size());
  std::string s = encoding + ":";
  for (const TraitCheck& c : checks)
    if (!c.passed) s += fmt::format("\n  {}: {}", c.trait, c.text);
  return s;
}

namespace {

/// What the traits say of it, where that is more than a yes.
std::string declared_text(std::string_view trait, const Traits& t) {
  if (trait == "hooks") return hooks_text(t.hooks);
  if (trait == "cost") return std::string(name(t.cost));
  if (trait == "learned") return t.learned ? "yes" : "no";
  if (trait == "relative" || trait == "mean") return std::string(name(t.relative));
  if (trait == "stochastic") return t.stochastic ? "yes" : "no";
  if (trait == "max_length") return fmt::format("{}", t.max_length);
  if (trait == "label_range") return fmt::format("below {}", t.labels_below);
  return "yes";
}

}  // namespace

std::string TraitReport::table() const {
  std::string s;
  const auto row = [&](std::string_view trait, const TraitCheck* c, std::string_view declared) {
    s += fmt::format("{}  {:<22}  ", encoding, trait);
    s += c ? fmt::format("{:<12}  {}  {}\n", declared, c->passed ? "passed" : "FAILED", c->text)
           : "not declared\n";
  };
  for (std::string_view trait : trait_names()) {
    const TraitCheck* c = find(trait);
    if (!c && trait == "relative") c = find("mean");
    row(trait, c, declared_text(trait, traits));
  }
  for (const OwnTrait& own : own_traits) row(own.name, find(own.name), "own");
  return s;
}

std::vector<std::string_view> trait_names() {
  std::vector<std::string_view> names;
  for (const suite::Check& c : all_checks()) names.push_back(c.trait);
  return names;
}

TraitReport check_traits(const SuiteSubject& subject, std::string_view only) {
  TraitReport report{subject.name, suite::build(subject)->traits(), {}, subject.own_traits};
  std::vector<suite::Check> checks = all_checks();
  for (const OwnTrait& own : subject.own_traits) checks.push_back({own.name, own.prove, own.says});
  for (const suite::Check& c : checks) {
    if (!only.empty() && c.trait != only) continue;
    suite::Finding found;
    try {
      found = c.run(subject);
    } catch (const std::exception& e) {
      found = suite::broken(fmt::format("threw: {}", e.what()));
    }
    if (!c.says.empty()) found.text = fmt::format("{}: {}", c.says, found.text);
    if (found.outcome != suite::Finding::Outcome::not_declared)
      report.checks.push_back(
          {c.trait, found.outcome == suite::Finding::Outcome::holds, std::move(found.text)});
  }
  return report;
}

SuiteSubject subject_of(const EncodingDef& def, const Options& options, EncodingShape shape) {
  SuiteSubject s;
  s.name = std::string(def.name);
  for (const auto& [key, value] : options.values()) {
    const auto* word = std::get_if<std::string>(&value);
    s.name += fmt::format(" {}{}", key, word ? " = " + *word : "");
  }
  s.shape = shape;
  s.options = options;
  s.row = def.name;
  s.own_traits = def.own_traits;
  s.with = [&def](const Options& o) {
    return
        [&def, o](const Build& b, EncodingShape size) { return build_encoding(def, b, size, o); };
  };
  s.make = s.with(options);
  s.sized = find_option(options_of(def, options), "features") != nullptr;
  for (const OptionInfo& o : def.options)
    if (o.name == "base") {
      Options changed = options;
      changed.set("base", OptionValue(37.0));
      s.other = s.with(changed);
    }
  s.any_size = !options.has("features");
  for (const auto& [key, value] : options.values())
    if (const auto* list = std::get_if<std::vector<double>>(&value)) s.any_size &= list->size() < 2;
  Options read = options;
  const auto tracks = static_cast<int64>(suite::build(s)->tracks().size());
  s.label_width = read.integer("width", std::max<int64>(tracks, 1), 1, 4096);
  return s;
}

TraitReport check_encoding(const EncodingDef& def, const Options& options, EncodingShape shape) {
  return check_traits(subject_of(def, options, shape));
}

}  // namespace gradus
