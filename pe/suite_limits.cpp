// The checks of what an encoding refuses, as it declares: uneven steps, more tokens, labels that no
// table holds, queries that look ahead, time that runs backwards.
#include "pe/suite_parts.h"
#include "tensor/elementwise.h"

namespace gradus::suite {

namespace {

Finding check_uniform(const SuiteSubject& s) {
  const auto e = build(s);
  if (!e->traits().uniform_only) return not_declared();
  const Tensor uneven = reshape(tensor({0, 1, 3, 4}, {4}, DType::f64), {1, 4, 1});
  const Positions p = labelled_positions(uneven, {{.name = "time"}});
  try {
    (void)run_hooks(*e, random_inputs(s, 10, 1, 4), p);
  } catch (const ConfigError&) {
    return holds("uneven steps are refused");
  }
  return broken("declared for equal steps only; uneven steps are taken without an error");
}

Finding check_max_length(const SuiteSubject& s) {
  const auto e = build(s);
  const int64 n = e->traits().max_length;
  if (n == 0) return not_declared();
  (void)run_hooks(*e, random_inputs(s, 11, 1, n), time_positions(n));
  try {
    (void)run_hooks(*e, random_inputs(s, 11, 1, n + 1), time_positions(n + 1));
  } catch (const Error&) {
    return holds(fmt::format("{} tokens are taken, {} refused", n, n + 1));
  }
  return broken(fmt::format("declared for {} tokens at most; {} are taken", n, n + 1));
}

/// Takes these labels without an error.
bool takes(const SuiteSubject& s, const PositionalEncoding& e, const Positions& p) {
  try {
    (void)run_hooks(e, random_inputs(s, 14, p.labels.size(0), p.keys()), p);
  } catch (const Error&) {
    return false;
  }
  return true;
}

Finding check_whole_labels(const SuiteSubject& s) {
  const auto e = build(s);
  if (!e->traits().whole_labels || e->traits().uniform_only) return not_declared();
  const Tensor whole = random_labels(s, *e, 15, 1, 4);
  if (!takes(s, *e, positions_of(s, *e, whole))) return broken("whole labels are refused");
  const Tensor half = reshape(tensor({0, 0, 0.5, 0}, {4}, DType::f64), {1, 4, 1});
  if (!takes(s, *e, positions_of(s, *e, add(whole, half)))) return holds("a half is refused");
  return broken("declared for whole labels only; a half is taken without an error");
}

Finding check_label_range(const SuiteSubject& s) {
  const auto e = build(s);
  const auto limit = static_cast<double>(e->traits().labels_below);
  if (limit == 0) return not_declared();
  const auto at = [&](double label) {
    return takes(s, *e, positions_of(s, *e, full({1, 3, s.label_width}, label, DType::f64)));
  };
  if (!at(0) || !at(limit - 1)) return broken(fmt::format("0 or {} is refused", limit - 1));
  for (double outside : {limit, -1.0})
    if (at(outside)) return broken(fmt::format("declared below {}; {} is taken", limit, outside));
  return holds(fmt::format("0 and {} are taken, -1 and {} refused", limit - 1, limit));
}

Finding check_causal_only(const SuiteSubject& s) {
  const auto e = build(s);
  if (!e->traits().causal_only) return not_declared();
  Positions p = positions_of(s, *e, random_labels(s, *e, 16, 1, 4));
  p.causal = false;
  if (!takes(s, *e, p)) return holds("positions without a mask are refused");
  return broken("declared causal only; queries that look ahead are taken without an error");
}

Finding check_time_only(const SuiteSubject& s) {
  const auto e = build(s);
  if (e->traits().takes_any_label || e->traits().uniform_only) return not_declared();
  const Tensor back = reshape(tensor({0, 2, 1, 3}, {4}, DType::f64), {1, 4, 1});
  if (!takes(s, *e, labelled_positions(back, {{.name = "time"}})))
    return holds("time that runs backwards is refused");
  return broken("declared for time only; time that runs backwards is taken without an error");
}

}  // namespace

std::vector<Check> limit_checks() {
  return {{"uniform", check_uniform},           {"max_length", check_max_length},
          {"whole_labels", check_whole_labels}, {"label_range", check_label_range},
          {"causal_only", check_causal_only},   {"time_only", check_time_only}};
}

}  // namespace gradus::suite
