// The checks of what an encoding declares: hooks, parameters, relative, norm, kernel.
#include <cmath>

#include "autograd/backward.h"
#include "pe/suite_own.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"

namespace gradus::suite {

namespace {

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
  const Positions p = positions_of(s, *e, random_labels(s, *e, 2, 1, 4));
  const Var x(in.x), q(in.q), k(in.k);
  unsigned seen = 0;
  for (const HookOutput& out : run_hooks(*e, x, q, k, p)) {
    const bool same = out.value == x || out.value == q || out.value == k;
    if (!same) seen |= bit(out.hook);
  }
  Pass pass = Pass::eval();
  if (e->lag_bias(scalar(1, DType::f64), pass)) seen |= kLagBias;
  if (seen == e->traits().hooks) return holds("these are at work, no other");
  return broken(
      fmt::format("declared {}; at work {}", hooks_text(e->traits().hooks), hooks_text(seen)));
}

/// Every parameter has an influence, and where nothing is learned there is none.
Finding check_learned(const SuiteSubject& s) {
  const auto e = build(s);
  const std::vector<Parameter*> parameters = e->parameters();
  if (e->traits().learned == parameters.empty())
    return broken(fmt::format("declared {}; it has {} parameters",
                              e->traits().learned ? "learned" : "not learned",
                              e->parameter_count()));
  const Inputs in = random_inputs(s, 52, 1, 4);
  const Positions p = positions_of(s, *e, random_labels(s, *e, 52, 1, 4));
  std::vector<Var> leaves, flat;
  for (const Parameter* w : parameters) leaves.push_back(**w);
  for (const HookOutput& out : run_hooks(*e, in, p))
    flat.push_back(
        reshape(out.value * Var(random_normal(53, out.value.shape())), {out.value.numel()}));
  if (leaves.empty()) return holds("no parameters");
  const Var y = sum(concat(flat, 0));
  double least = HUGE_VAL;
  const std::vector<Var> g = grad(y, leaves, {.allow_unused = true});
  for (std::size_t i = 0; i < g.size(); ++i) {
    const double largest = max(abs(g[i].value())).item();
    if (!(largest > 1e-9))
      return broken(fmt::format("nothing depends on '{}'", parameters[i]->path()));
    least = std::min(least, largest);
  }
  return holds(fmt::format("{} numbers; every gradient reaches {:.1g} or more",
                           e->parameter_count(), least));
}

/// Transformed widths are what they are said to be.
Finding check_widths(const SuiteSubject& s) {
  const auto e = build(s);
  const Inputs in = random_inputs(s, 3, 1, 2);
  const int64 d = s.shape.head_dim();
  for (const HookOutput& out :
       run_hooks(*e, in, positions_of(s, *e, random_labels(s, *e, 3, 1, 2)))) {
    const int64 said = out.hook == "transform"            ? e->transformed_width(d)
                       : out.hook == "transform_features" ? e->transformed_features(d)
                                                          : out.value.size(-1);
    if (said != out.value.size(-1))
      return broken(fmt::format("{} of width {} is said to give {}, gives {}", out.hook, d, said,
                                out.value.size(-1)));
  }
  return holds(fmt::format("a head of {} gives {}, {} features give {}", d, e->transformed_width(d),
                           d, e->transformed_features(d)));
}

/// x without index `i` along an axis.
Tensor without(const Tensor& x, int64 axis, int64 i) {
  const Tensor parts[] = {slice(x, axis, 0, i), slice(x, axis, i + 1, x.size(axis))};
  return concat(parts, axis);
}

/// What moving or leaving out tokens does to the scores of the others.
struct Change {
  double largest = 0;  // of the sizes of the terms
  std::string how;
  void include(const Scores& before, const Scores& after, std::string_view what) {
    const Tensor size = add(add(before.size, after.size), 1e-300);
    const double worst = max(div(abs(sub(after.value, before.value)), size)).item();
    if (!(worst <= largest)) largest = std::isnan(worst) ? HUGE_VAL : worst, how = what;
  }
};

/// Shifts of all labels, by up to 10^4 where the labels have no limit.
void shift_labels(const SuiteSubject& s, const PositionalEncoding& e, std::uint64_t seed,
                  Change& change) {
  const Inputs in = random_inputs(s, seed, 1, 5);
  const Tensor labels = random_labels(s, e, seed, 1, 5);
  const Scores before = scores(e, in, positions_of(s, e, labels));
  const bool limited = e.traits().labels_below > 0;
  for (double shift : limited ? std::vector<double>{1, 2} : std::vector<double>{1, 100, 1e4}) {
    std::vector<double> by;
    for (int64 i = 0; i < s.label_width; ++i) by.push_back(i % 2 && !limited ? -shift : shift);
    const Tensor moved = add(labels, from_values(by, {s.label_width}));
    change.include(before, scores(e, in, positions_of(s, e, moved)),
                   fmt::format("labels shifted by {}", shift));
  }
  for (int64 i = 0; i < std::min<int64>(s.label_width, 3); ++i) {  // each label of several
    std::vector<double> by(static_cast<std::size_t>(s.label_width), 0.0);
    by[static_cast<std::size_t>(i)] = 1;
    const Tensor moved = add(labels, from_values(by, {s.label_width}));
    change.include(before, scores(e, in, positions_of(s, e, moved)),
                   fmt::format("label {} shifted by 1", i));
  }
}

/// A token left out: the third, or the first where steps must stay equal.
void leave_out(const SuiteSubject& s, const PositionalEncoding& e, std::uint64_t seed,
               Change& change) {
  const Inputs in = random_inputs(s, seed, 1, 5);
  const Tensor labels = random_labels(s, e, seed, 1, 5);
  const int64 gone = e.traits().uniform_only ? 0 : 2;
  const auto both = [&](const Tensor& t) { return without(without(t, 2, gone), 3, gone); };
  const Scores all = scores(e, in, positions_of(s, e, labels));
  const Inputs fewer{without(in.x, 1, gone), without(in.q, 2, gone), without(in.k, 2, gone)};
  change.include({both(all.value), both(all.size)},
                 scores(e, fewer, positions_of(s, e, without(labels, 1, gone))),
                 fmt::format("leaving out token {}", gone));
}

}  // namespace

/// A score is a function of the two tokens and of the difference of their labels: nothing else
/// changes it by more than 1e-10 sum |terms|; or it is shown that something does.
Finding prove_relative(const SuiteSubject& s) {
  const auto e = build(s);
  Change change;
  for (std::uint64_t seed : {4u, 12u, 13u, 18u, 19u, 31u}) {
    if (!e->traits().uniform_only) shift_labels(s, *e, seed, change);
    leave_out(s, *e, seed, change);
  }
  if (e->traits().relative == Relative::exactly)
    return change.largest <= 1e-10
               ? holds_within(change.largest)
               : broken(fmt::format("{} changes scores by {:.3g} of their terms", change.how,
                                    change.largest));
  return change.largest > 1e-4 && std::isfinite(change.largest)
             ? holds(fmt::format("{} changes scores by {:.1g} of their terms", change.how,
                                 change.largest))
             : broken(fmt::format("declared not relative; shifts and tokens left out change the "
                                  "scores by {:.3g} of their terms",
                                  change.largest));
}

namespace {

Finding check_relative(const SuiteSubject& s) {
  if (build(s)->traits().relative == Relative::in_the_mean) return not_declared();
  return prove_relative(s);
}

Finding check_norm(const SuiteSubject& s) {
  const auto e = build(s);
  if (!e->traits().norm_preserving) return not_declared();
  const Inputs in = random_inputs(s, 5, 1, 6);
  double error = 0;
  for (const HookOutput& out :
       run_hooks(*e, in, positions_of(s, *e, mul(random_labels(s, *e, 5, 1, 6), 1000)))) {
    if (!(bit(out.hook) & (kTransform | kTransformFeatures))) continue;
    const Tensor before = norm(out.by_query ? in.q : in.k, {-1}),
                 after = norm(out.value.value(), {-1});
    if (!(error_of(after, before) <= 1e-12))
      return broken(
          fmt::format("{} changes norms by {:.3g}", out.hook, max_difference(after, before)));
    error = std::max(error, error_of(after, before));
  }
  return holds_within(error);
}

/// R(0) = 1 and R(a) R(b) = R(a + b), where the width is kept.
Finding check_composition(const SuiteSubject& s) {
  const auto e = build(s);
  const int64 d = s.shape.head_dim();
  if (!e->traits().norm_preserving || e->traits().uniform_only || e->transformed_width(d) != d)
    return not_declared();
  const Inputs in = random_inputs(s, 6, 1, 4);
  const Tensor a = random_labels(s, *e, 6, 1, 4), b = random_labels(s, *e, 7, 1, 4);
  const auto turn = [&](const Tensor& q, const Tensor& labels) {
    Pass pass = Pass::eval();
    const Positions p = positions_of(s, *e, labels);
    const QueryKey t = e->transform(q, in.k, p, pass);
    return with_scales(e->transform_features(t.q, t.k, p, pass)).q.value();
  };
  if (!(error_of(turn(in.q, zeros_like(a)), in.q) <= 1e-12))
    return broken("R(0) is not the identity");
  const Tensor twice = turn(turn(in.q, a), b), once = turn(in.q, add(a, b));
  if (error_of(twice, once) <= 1e-12) return holds_within(error_of(twice, once));
  return broken(
      fmt::format("R(b) R(a) differs from R(a + b) by {:.3g}", max_difference(twice, once)));
}

/// A bias over 40 points has no negative pivot, up to rounding.
Finding check_conditionally_positive(const SuiteSubject& s) {
  const auto e = build(s);
  if (!e->traits().conditionally_positive) return not_declared();
  constexpr int64 n = 40;
  double smallest = 1;
  const Inputs in = random_inputs(s, 17, 1, n);
  const Positions p = positions_of(s, *e, random_labels(s, *e, 17, 1, n));
  const Scores with = scores(*e, {in.x, zeros_like(in.q), zeros_like(in.k)}, p);
  for (int64 h = 0; h < s.shape.heads; ++h) {
    const double pivot = smallest_pivot(select(select(with.value, 0, 0), 0, h).to_vector<double>(),
                                        static_cast<std::size_t>(n));
    if (!(pivot > 0))
      return broken(fmt::format("head {}: a pivot is {:.3g} of the largest entry", h, pivot));
    smallest = std::min(smallest, pivot);
  }
  return holds(fmt::format("40 points: no pivot below {:.1g} of the largest entry", smallest));
}

}  // namespace

std::vector<Check> declared_checks() {
  return {{"hooks", check_hooks},
          {"learned", check_learned},
          {"widths", check_widths},
          {"relative", check_relative},
          {"norm", check_norm},
          {"composition", check_composition},
          {"conditionally_positive", check_conditionally_positive}};
}

}  // namespace gradus::suite
