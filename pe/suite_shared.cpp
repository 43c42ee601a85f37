// The checks of what every encoding owes: gradients, query offsets, smallest sizes, state, errors.
#include <array>
#include <cmath>

#include "autograd/gradcheck.h"
#include "pe/suite_parts.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"

namespace gradus::suite {

namespace {

/// Puts other leaves in the place of parameters until it goes.
class StandIns {
 public:
  StandIns(const std::vector<Parameter*>& parameters, std::span<const Var> leaves)
      : parameters_(parameters) {
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      before_.push_back(parameters_[i]->exchange(leaves[i]));
  }
  ~StandIns() {
    for (std::size_t i = 0; i < parameters_.size(); ++i) (void)parameters_[i]->exchange(before_[i]);
  }
  StandIns(const StandIns&) = delete;
  StandIns& operator=(const StandIns&) = delete;

 private:
  const std::vector<Parameter*>& parameters_;
  std::vector<Var> before_;
};

/// Its last two axes are queries and keys.
bool is_bias(std::string_view hook) { return hook == "lag_bias" || hook == "score_bias"; }

/// y + y^2 of all hooks' results y, by x, q, k and every parameter: the square gives linear hooks a
/// second derivative.
Finding check_gradient(const SuiteSubject& s, int order) {
  const auto e = build(s);
  const Inputs in = random_inputs(s, 20, 1, 3);
  const Positions p = positions_of(s, *e, random_labels(s, *e, 20, 1, 3)).rows(1, 2);
  const Inputs part = rows(in, 1, 2);
  const std::vector<Parameter*> parameters = e->parameters();
  std::vector<Tensor> inputs{contiguous(part.x), contiguous(part.q), part.k};
  for (const Parameter* w : parameters) inputs.push_back(w->value());
  const auto f = [&](std::span<const Var> v) {
    const StandIns leaves(parameters, v.subspan(3));
    std::vector<Var> flat;
    for (const HookOutput& out : run_hooks(*e, v[0], v[1], v[2], p))
      flat.push_back(reshape(out.value, {out.value.numel()}));
    const Var y = concat(flat, 0);
    return y + square(y);
  };
  GradcheckOptions options;
  options.order = order;
  const GradcheckReport report = gradcheck(f, inputs, options);
  if (!report.passed()) return broken(report.text());
  return holds(fmt::format("{} derivatives, error at most {:.1g} of what is allowed",
                           report.elements,
                           std::abs(report.analytic - report.numeric) / report.bound));
}

/// Query rows 2 .. 4 alone give what they give among all.
Finding check_query_offset(const SuiteSubject& s) {
  const auto e = build(s);
  const Inputs in = random_inputs(s, 21, 2, 6);
  const Positions p = positions_of(s, *e, random_labels(s, *e, 21, 1, 6));
  std::vector<HookOutput> all = run_hooks(*e, in, p);
  for (HookOutput& out : all)
    if (out.by_query) out.value = Var(slice(out.value.value(), -2, 2, 5));
  const Comparison c = compare(run_hooks(*e, rows(in, 2, 3), p.rows(2, 3)), all, 1e-12);
  return c.finding("rows 2 to 4 of 6: ");
}

/// More tokens behind do not change what stands before.
Finding check_prefix(const SuiteSubject& s) {
  const auto e = build(s);
  const Inputs in = random_inputs(s, 22, 1, 6);
  const Tensor labels = random_labels(s, *e, 22, 1, 6);
  std::vector<HookOutput> all = run_hooks(*e, in, positions_of(s, *e, labels));
  for (HookOutput& out : all) {
    Tensor t = slice(out.value.value(), -2, 0, 4);
    if (is_bias(out.hook)) t = slice(t, -1, 0, 4);
    out.value = Var(t);
  }
  Inputs first = rows(in, 0, 4);
  first.k = slice(in.k, 2, 0, 4);
  const Positions p = positions_of(s, *e, slice(labels, 1, 0, 4));
  const Comparison c = compare(run_hooks(*e, first, p), all, 1e-12);
  return c.finding("4 tokens of 6: ");
}

/// Time given as labels 0, 1, 2, ... is the default.
Finding check_default_positions(const SuiteSubject& s) {
  const auto e = build(s);
  if (e->tracks() != std::vector<std::string>{"time"} || s.label_width != 1) return not_declared();
  const Inputs in = random_inputs(s, 23, 1, 5);
  const Tensor time = reshape(arange(0, 5, 1, DType::f64), {1, 5, 1});
  const Positions given = labelled_positions(time, {{.name = "time"}});
  const Comparison c = compare(run_hooks(*e, in, given), run_hooks(*e, in, time_positions(5)), 0);
  return c.finding("");
}

/// Padding is the core's business: a mask changes nothing for the tokens that are there.
Finding check_padding(const SuiteSubject& s) {
  const auto e = build(s);
  const Inputs in = random_inputs(s, 24, 2, 5);
  Positions p = positions_of(s, *e, random_labels(s, *e, 24, 1, 5));
  const auto tokens = [&] {
    std::vector<HookOutput> all = run_hooks(*e, in, p);
    for (HookOutput& out : all) {
      Tensor t = slice(out.value.value(), -2, 0, 3);
      if (is_bias(out.hook)) t = slice(t, -1, 0, 3);
      out.value = Var(t);
    }
    return all;
  };
  const auto plain = tokens();
  p.key_mask = cast(tensor({1, 1, 1, 1, 1, 1, 1, 1, 0, 0}, {2, 5}), DType::u8);
  const Comparison c = compare(tokens(), plain, 0);
  return c.finding("with padding: ");
}

/// Labels of their own for each sequence of a batch, against each sequence alone.
Finding check_batch(const SuiteSubject& s) {
  const auto e = build(s);
  if (e->traits().uniform_only) return not_declared();
  const Inputs in = random_inputs(s, 25, 2, 4);
  const Tensor labels = random_labels(s, *e, 25, 2, 4);
  std::vector<HookOutput> all = run_hooks(*e, in, positions_of(s, *e, labels));
  double error = 0;
  for (int64 b = 0; b < 2; ++b) {
    const auto one = [b](const Tensor& t, int64 axis) { return slice(t, axis, b, b + 1); };
    std::vector<HookOutput> part = all;
    for (HookOutput& out : part)
      out.value = Var(one(out.value.value(), out.hook == "lag_bias" ? 1 : 0));
    const Inputs alone{one(in.x, 0), one(in.q, 0), one(in.k, 0)};
    const Comparison c =
        compare(run_hooks(*e, alone, positions_of(s, *e, one(labels, 0))), part, 1e-12);
    if (!c.same()) return c.finding(fmt::format("sequence {}: ", b));
    error = std::max(error, c.error);
  }
  return holds_within(error);
}

/// One token, and none; and one head of size 2.
Finding check_smallest(const SuiteSubject& s) {
  for (const EncodingShape shape : {s.shape, EncodingShape{2, 1}}) {
    if (!s.any_size && shape.d_model != s.shape.d_model) continue;
    SuiteSubject small = s;
    small.shape = shape;
    const auto e = build(small);
    for (int64 tokens : {1, 0})
      for (const HookOutput& out :
           run_hooks(*e, random_inputs(small, 26, 1, tokens),
                     positions_of(small, *e, random_labels(small, *e, 26, 1, tokens)))) {
        if (!(all(is_finite(out.value.value())).item() == 1))
          return broken(fmt::format("{} tokens, {} heads of {}: {} is not finite", tokens,
                                    shape.heads, shape.head_dim(), out.hook));
        if (out.value.size(-2) != tokens)
          return broken(
              fmt::format("{} tokens give {} of {}", tokens, out.hook, out.value.shape()));
      }
  }
  return holds("one token and none, finite");
}

std::vector<HookOutput> sample(const SuiteSubject& s, const PositionalEncoding& e) {
  return run_hooks(e, random_inputs(s, 27, 1, 4),
                   positions_of(s, e, random_labels(s, e, 27, 1, 4)));
}

Finding check_state(const SuiteSubject& s) {
  const auto a = build(s, 1), b = build(s, 2);
  b->load(a->state());
  const Comparison c = compare(sample(s, *b), sample(s, *a), 0);
  return c.finding("after loading another's state: ");
}

Finding check_seed(const SuiteSubject& s) {
  const auto a = build(s, 1), b = build(s, 1);
  const Comparison c = compare(sample(s, *b), sample(s, *a), 0);
  return c.finding("two of one seed: ");
}

/// What one instance computes does not depend on others, before or after it.
Finding check_instances(const SuiteSubject& s) {
  const auto a = build(s, 1);
  const auto first = sample(s, *a);
  SuiteSubject changed = s;
  if (s.other) changed.make = s.other;
  const auto b = build(changed, 3);
  const auto of_b = sample(s, *b);
  const Comparison after = compare(sample(s, *a), first, 0);
  if (!after.same()) return after.finding("after another instance ran: ");
  const Comparison beside = compare(sample(s, *build(changed, 3)), of_b, 0);
  if (!beside.same()) return beside.finding("beside another instance: ");
  if (s.other && (a->traits().hooks & (kEmbed | kTransform | kTransformFeatures)) &&
      s.label_width == 1 && s.any_size && compare(of_b, first, 1e-9).same())
    return broken("another setting gives the same numbers");
  return holds(s.other ? "another with another base changes nothing"
                       : "another with another seed changes nothing");
}

/// Positions without the label are an error that names it.
Finding check_missing_label(const SuiteSubject& s) {
  const auto e = build(s);
  if (e->tracks().empty() || e->traits().uniform_only) return not_declared();
  if (e->traits().hooks & kLagBias) return not_declared();  // the core looks its labels up
  std::vector<Track> tracks;
  for (int64 i = 0; i < s.label_width; ++i)
    tracks.push_back({.name = fmt::format("weather.{}", i), .kind = TrackKind::real});
  const Positions p = labelled_positions(random_labels(s, *e, 28, 1, 3), tracks);
  try {
    (void)run_hooks(*e, random_inputs(s, 28, 1, 3), p);
  } catch (const ConfigError& error) {
    if (std::string_view(error.what()).find(e->tracks()[0]) != std::string_view::npos)
      return holds(fmt::format("refused by the name '{}'", e->tracks()[0]));
    return broken(fmt::format("the error does not name '{}': {}", e->tracks()[0], error.what()));
  }
  return broken(fmt::format("positions without '{}' are taken", e->tracks()[0]));
}

/// Labels of more numbers than it was built for are an error.
Finding check_label_width(const SuiteSubject& s) {
  const auto e = build(s);
  if (e->tracks().empty() || e->traits().uniform_only || (e->traits().hooks & kLagBias))
    return not_declared();
  SuiteSubject wide = s;
  wide.label_width += 3;
  const Positions p = positions_of(wide, *e, random_labels(wide, *e, 29, 1, 3));
  try {
    (void)run_hooks(*e, random_inputs(s, 29, 1, 3), p);
  } catch (const Error&) {
    return holds(fmt::format("{} numbers are taken, {} refused", s.label_width, wide.label_width));
  }
  return broken(fmt::format("labels of {} numbers are taken, it was built for {}", wide.label_width,
                            s.label_width));
}

/// f32 with the same parameters, at labels near 10^4 where these are allowed.
Finding check_f32(const SuiteSubject& s) {
  const auto narrow = build(s, 1, DType::f32), wide = build(s, 1, DType::f64);
  StateDict state = narrow->state();
  for (auto& [path, value] : state) value = cast(value, wide->state().at(path).dtype());
  wide->load(state);
  const Inputs in = random_inputs(s, 30, 1, 4);
  const Tensor near = random_labels(s, *wide, 30, 1, 4);
  Pass pass = Pass::eval();
  // Powers beside the features, which run_hooks works out, are too large for an f32 there.
  const bool powers =
      wide->transform_features(Var(in.q), Var(in.k), positions_of(s, *wide, near), pass)
          .query_scale.defined();
  const bool limited = powers || wide->traits().labels_below > 0;
  const Positions p = positions_of(s, *wide, limited ? near : add(mul(near, 100), 1e4));
  const auto a = run_hooks(*narrow, in, p), b = run_hooks(*wide, in, p);
  for (const HookOutput& out : a)
    if (out.value.dtype() != DType::f32) return broken(fmt::format("{} is f64", out.hook));
  const Comparison c = compare(a, b, 1e-5);
  return c.finding("f32 against f64 at labels of 10^4: ");
}

}  // namespace

std::vector<Check> shared_checks() {
  return {{"gradient", [](const SuiteSubject& s) { return check_gradient(s, 1); }},
          {"second_gradient", [](const SuiteSubject& s) { return check_gradient(s, 2); }},
          {"query_offset", check_query_offset},
          {"prefix", check_prefix},
          {"default_positions", check_default_positions},
          {"padding", check_padding},
          {"batch", check_batch},
          {"smallest", check_smallest},
          {"state", check_state},
          {"seed", check_seed},
          {"instances", check_instances},
          {"missing_label", check_missing_label},
          {"label_width", check_label_width},
          {"f32", check_f32}};
}

}  // namespace gradus::suite
