// The checks of what an encoding declares: hooks, cost, relative, norm, closed form, limits.
#include <cmath>

#include "pe/suite_parts.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"

namespace gradus::suite {

namespace {

constexpr unsigned kBiases = kLagBias | kScoreBias | kValueBias;

unsigned bit(std::string_view hook) {
  constexpr std::string_view names[] = {"embed",    "transform",  "transform_features",
                                        "lag_bias", "score_bias", "value_bias"};
  for (unsigned i = 0; i < std::size(names); ++i)
    if (names[i] == hook) return 1u << i;
  return 0;
}

/// The hooks that do something are those that are declared.
Finding check_hooks(const SuiteSubject& s) {
  const auto e = build(s);
  const Inputs in = random_inputs(s, 2, 1, 4);
  const Positions p = positions_of(s, *e, random_labels(s, 2, 1, 4));
  const Var x(in.x), q(in.q), k(in.k);
  unsigned seen = 0;
  for (const HookOutput& out : run_hooks(*e, x, q, k, p)) {
    const bool same = out.value == x || out.value == q || out.value == k;
    if (!same) seen |= bit(out.hook);
  }
  Pass pass = Pass::eval();
  if (e->lag_bias(scalar(1, DType::f64), pass)) seen |= kLagBias;
  if (seen == e->traits().hooks) return holds();
  return broken(
      fmt::format("declared {}; at work {}", hooks_text(e->traits().hooks), hooks_text(seen)));
}

/// A bias needs the N x N scores, or an FFT; the other hooks cost O(N).
Finding check_cost(const SuiteSubject& s) {
  const Traits t = build(s)->traits();
  const bool linear = (t.hooks & kBiases) == 0;
  if ((t.cost == Cost::linear) == linear) return holds();
  return broken(fmt::format("cost {} with {}", name(t.cost), hooks_text(t.hooks)));
}

Finding check_learned(const SuiteSubject& s) {
  const auto e = build(s);
  const int64 n = e->parameter_count();
  if (e->traits().learned == (n > 0)) return holds();
  return broken(fmt::format("declared {}; it has {} parameters",
                            e->traits().learned ? "learned" : "not learned", n));
}

/// Transformed widths are what they are said to be.
Finding check_widths(const SuiteSubject& s) {
  const auto e = build(s);
  const Inputs in = random_inputs(s, 3, 1, 2);
  const int64 d = s.shape.head_dim();
  for (const HookOutput& out : run_hooks(*e, in, positions_of(s, *e, random_labels(s, 3, 1, 2)))) {
    const int64 said = out.hook == "transform"            ? e->transformed_width(d)
                       : out.hook == "transform_features" ? e->transformed_features(d)
                                                          : out.value.size(-1);
    if (said != out.value.size(-1))
      return broken(fmt::format("{} of width {} is said to give {}, gives {}", out.hook, d, said,
                                out.value.size(-1)));
  }
  return holds();
}

/// Shifts by whole numbers up to 10^4: |change| <= 1e-10 sum |terms|, or shown to be larger.
Finding check_relative(const SuiteSubject& s) {
  const auto e = build(s);
  if (e->traits().relative == Relative::in_the_mean || e->traits().uniform_only)
    return not_declared();
  const Inputs in = random_inputs(s, 4, 1, 5);
  const Tensor labels = random_labels(s, 4, 1, 5);
  const Scores before = scores(*e, in, positions_of(s, *e, labels));
  double largest = 0, at = 0;
  for (double shift : {1.0, 100.0, 1e4}) {
    std::vector<double> by;
    for (int64 i = 0; i < s.label_width; ++i) by.push_back(i % 2 ? -shift : shift);
    const Tensor moved = add(labels, from_values(by, {s.label_width}));
    const Scores after = scores(*e, in, positions_of(s, *e, moved));
    const Tensor change =
        div(abs(sub(after.value, before.value)), add(add(before.size, after.size), 1e-300));
    const double worst = max(change).item();
    if (!(worst <= largest)) largest = worst, at = shift;
  }
  if (e->traits().relative == Relative::exactly)
    return largest <= 1e-10 ? holds()
                            : broken(fmt::format("labels shifted by {} change scores by {:.3g} of "
                                                 "their terms",
                                                 at, largest));
  return largest > 1e-4 ? holds()
                        : broken(fmt::format("declared not relative; shifts change the scores by "
                                             "{:.3g} of their terms at most",
                                             largest));
}

Finding check_norm(const SuiteSubject& s) {
  const auto e = build(s);
  if (!e->traits().norm_preserving) return not_declared();
  const Inputs in = random_inputs(s, 5, 1, 6);
  for (const HookOutput& out :
       run_hooks(*e, in, positions_of(s, *e, mul(random_labels(s, 5, 1, 6), 1000)))) {
    if (!(bit(out.hook) & (kTransform | kTransformFeatures))) continue;
    const Tensor before = norm(out.by_query ? in.q : in.k, {-1}),
                 after = norm(out.value.value(), {-1});
    if (!near(after, before, 1e-12))
      return broken(
          fmt::format("{} changes norms by {:.3g}", out.hook, max_difference(after, before)));
  }
  return holds();
}

/// R(0) = 1 and R(a) R(b) = R(a + b), where the width is kept.
Finding check_composition(const SuiteSubject& s) {
  const auto e = build(s);
  const int64 d = s.shape.head_dim();
  if (!e->traits().norm_preserving || e->traits().uniform_only || e->transformed_width(d) != d)
    return not_declared();
  const Inputs in = random_inputs(s, 6, 1, 4);
  const Tensor a = random_labels(s, 6, 1, 4), b = random_labels(s, 7, 1, 4);
  const auto turn = [&](const Tensor& q, const Tensor& labels) {
    Pass pass = Pass::eval();
    const Positions p = positions_of(s, *e, labels);
    const QueryKey t = e->transform(q, in.k, p, pass);
    return e->transform_features(t.q, t.k, p, pass).q.value();
  };
  if (!near(turn(in.q, zeros_like(a)), in.q, 1e-12)) return broken("R(0) is not the identity");
  const Tensor twice = turn(turn(in.q, a), b), once = turn(in.q, add(a, b));
  if (near(twice, once, 1e-12)) return holds();
  return broken(
      fmt::format("R(b) R(a) differs from R(a + b) by {:.3g}", max_difference(twice, once)));
}

/// The closed form against scores over a basis: rows e_1 .. e_d and 0 with the label p_m, then with
/// p_n.
Finding check_interaction(const SuiteSubject& s) {
  const auto e = build(s);
  const int64 h = s.shape.heads, d = s.shape.head_dim(), n = d + 1, width = s.label_width;
  if (e->traits().uniform_only || (e->traits().hooks & kEmbed)) return not_declared();
  for (std::uint64_t seed : {8u, 9u}) {
    const Tensor pair = random_labels(s, seed, 1, 2);
    const Tensor m = slice(pair, 1, 0, 1), l = slice(pair, 1, 1, 2);
    const auto closed = e->interaction(reshape(m, {width}), reshape(l, {width}));
    if (!closed) return not_declared();
    const Tensor parts[] = {broadcast_to(m, {1, n, width}), broadcast_to(l, {1, n, width})};
    const Positions p = positions_of(s, *e, concat(parts, 1));
    const Tensor basis =
        concat(std::vector<Tensor>{eye(d, DType::f64), zeros({1, d}, DType::f64)}, 0);
    const Tensor both =
        broadcast_to(concat(std::vector<Tensor>{basis, basis}, 0), {1, h, 2 * n, d});
    const Tensor all =
        mul(scores(*e, {{}, both, both}, p).value, std::sqrt(static_cast<double>(d)));
    const Tensor a = select(slice(slice(all, 2, 0, n), 3, n, 2 * n), 0, 0);  // [H, d+1, d+1]
    const Tensor none = zeros({h}, DType::f64), no_row = zeros({h, d}, DType::f64);
    const Tensor gamma = closed->gamma.defined() ? closed->gamma : none;
    const Tensor alpha = closed->alpha.defined() ? closed->alpha : no_row;
    const Tensor beta = closed->beta.defined() ? closed->beta : no_row;
    const Tensor c = reshape(gamma, {h, 1, 1});
    const Tensor row = add(reshape(alpha, {h, d, 1}), c), column = add(reshape(beta, {h, 1, d}), c);
    const Tensor inner = add(closed->g, add(row, reshape(beta, {h, 1, d})));
    const Tensor top = concat(std::vector<Tensor>{inner, row}, 2);
    const Tensor bottom = concat(std::vector<Tensor>{column, c}, 2);
    const Tensor expected = concat(std::vector<Tensor>{top, bottom}, 1);
    if (!near(a, expected, 1e-11))
      return broken(fmt::format("differs from the scores over a basis by {:.3g}",
                                max_difference(a, expected)));
  }
  return holds();
}

Finding check_uniform(const SuiteSubject& s) {
  const auto e = build(s);
  if (!e->traits().uniform_only) return not_declared();
  const Tensor uneven = reshape(tensor({0, 1, 3, 4}, {4}, DType::f64), {1, 4, 1});
  const Positions p = labelled_positions(uneven, {{.name = "time"}});
  try {
    (void)run_hooks(*e, random_inputs(s, 10, 1, 4), p);
  } catch (const ConfigError&) {
    return holds();
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
    return holds();
  }
  return broken(fmt::format("declared for {} tokens at most; {} are taken", n, n + 1));
}

}  // namespace

std::vector<Check> declared_checks() {
  return {{"hooks", check_hooks},
          {"cost", check_cost},
          {"learned", check_learned},
          {"widths", check_widths},
          {"relative", check_relative},
          {"norm", check_norm},
          {"composition", check_composition},
          {"interaction", check_interaction},
          {"uniform", check_uniform},
          {"max_length", check_max_length}};
}

}  // namespace gradus::suite
