// The suite against encodings that are wrong on purpose, one fault each: the check of that trait
// must fail. A suite that lets a planted fault pass proves nothing.
#include <doctest/doctest.h>

#include <map>

#include "tests/pe/encode.h"
#include "tests/pe/square_once.h"

using namespace gradus;

namespace {

enum class Fault {
  none,
  hooks,
  undeclared_hook,
  cost,
  learned,
  widths,
  relative_claimed,
  relative_denied,
  norm,
  not_identity_at_zero,
  composition,
  interaction_transposed,
  interaction_bias,
  uniform,
  max_length,
  gradient,
  gradient_missing,
  second_gradient,
  query_offset,
  prefix,
  default_positions,
  padding,
  batch,
  one_token,
  one_head,
  state,
  seed,
  first_wins,
  last_wins,
  ignores_settings,
  missing_label,
  label_width,
  f32_phase,
  f32_output,
  labels_rounded,
  labels_clamped,
  looks_ahead,
  time_ignored,
  no_kernel,
  power_of_lag,
  stochastic_denied,
  draw_ignored,
  draw_unseeded,
  mean_claimed,
  closed_form_doubled,
};

int instances_made = 0;  // Fault::seed
double last_made = 1;    // Fault::last_wins: a setting in a global
std::map<int64, std::unique_ptr<PositionalEncoding>> cache;  // Fault::first_wins: keyed by size

/// A true encoding inside, one fault around it.
class Faulty : public PositionalEncoding {
 public:
  Faulty(const Build& build, EncodingShape shape, const MakeEncoding& make, Fault fault)
      : PositionalEncoding(build, shape, {"time"}),
        fault_(fault),
        inner_(make(child("inner"), shape)),
        number_(instances_made++) {
    if (fault == Fault::state) {
      Rng random = rng("hidden");
      hidden_ = uniform_number(random);
    }
    if (fault == Fault::first_wins && !cache.count(shape.head_dim()))
      cache[shape.head_dim()] = make(Build("cached", Rng(1), build.dtype), shape);
    last_made = build.rng.key() == Rng(3).key() ? 2 : 1;
    if (fault == Fault::learned) parameter("unused", zeros({1}));
    check<ConfigError>(fault != Fault::one_head || shape.heads > 1, "one head is too few");
  }

  Traits traits() const override {
    Traits t = inner_->traits();
    if (fault_ == Fault::hooks) t.hooks |= kEmbed;
    if (fault_ == Fault::undeclared_hook) t.hooks &= ~unsigned{kTransform};
    if (fault_ == Fault::cost) t.cost = Cost::quadratic;
    if (fault_ == Fault::relative_claimed) t.relative = Relative::exactly;
    if (fault_ == Fault::relative_denied) t.relative = Relative::no;
    if (fault_ == Fault::norm) t.norm_preserving = true;
    if (fault_ == Fault::uniform) t.uniform_only = true;
    if (fault_ == Fault::max_length) t.max_length = 8;
    if (fault_ == Fault::no_kernel) t.conditionally_positive = true;
    if (fault_ == Fault::stochastic_denied) t.stochastic = false;
    if (fault_ == Fault::mean_claimed) t.relative = Relative::in_the_mean;
    return t;
  }

  void draw(Rng& rng) override {
    if (fault_ == Fault::draw_ignored) return;
    Rng other = rng.stream(static_cast<std::uint64_t>(++calls_));
    inner_->draw(fault_ == Fault::draw_unseeded ? other : rng);
  }

  int64 transformed_width(int64 d) const override {
    return inner_->transformed_width(d) + (fault_ == Fault::widths ? 1 : 0);
  }

  QueryKey transform(const Var& q, const Var& k, const Positions& given,
                     Pass& pass) const override {
    Positions p = given;
    QueryKey t{q, k};
    switch (fault_) {
      case Fault::query_offset: {
        // As if the queries were the first rows.
        Positions first = p.rows(0, p.query_count);
        return inner_->transform(q, k, first, pass);
      }
      case Fault::prefix:
        p.labels = mul(p.labels, 1 / static_cast<double>(p.keys()));
        break;
      case Fault::default_positions:
        // The two kinds of positions are equal: only an encoding that is not a function of them
        // can tell one call from the next.
        p.labels = add(p.labels, calls_++);
        break;
      case Fault::padding:
        if (p.key_mask.defined()) p.labels = mul(p.labels, 0);
        break;
      case Fault::batch:
        p.labels = slice(p.labels, 0, 0, 1);
        break;
      case Fault::one_token:
        check<ConfigError>(p.keys() > 1, "one token is too few");
        break;
      case Fault::first_wins:
        return cache.at(shape().head_dim())->transform(q, k, p, pass);
      case Fault::last_wins:
        p.labels = mul(p.labels, last_made);
        break;
      case Fault::ignores_settings:
        p.labels = mul(p.labels, 0);
        break;
      case Fault::missing_label:
        if (p.tracks[0].name != "time") p.tracks = {{.name = "time"}};
        break;
      case Fault::label_width:
        if (p.tracks.size() > 1)
          p.labels = slice(p.labels, -1, 0, 1), p.tracks = {{.name = "time"}};
        break;
      case Fault::f32_phase:
        if (dtype() == DType::f32)
          p.labels = cast(mul(cast(p.labels, DType::f32), 1.0001), DType::f64);
        break;
      case Fault::seed:
        p.labels = mul(p.labels, 1 + number_);
        break;
      case Fault::state:
        p.labels = mul(p.labels, hidden_);
        break;
      default:
        break;
    }
    t = inner_->transform(q, k, taken_by_transform(p), pass);
    switch (fault_) {
      case Fault::norm:
        return {t.q * 1.001, t.k};
      case Fault::not_identity_at_zero:
        return {-t.q, t.k};
      case Fault::composition: {
        // Twice as far, except at zero.
        p.labels = mul(p.labels, abs(p.labels));
        return inner_->transform(q, k, p, pass);
      }
      case Fault::gradient:
        return {t.q + (q - stop_gradient(q)), t.k};
      case Fault::gradient_missing:
        return {t.q, stop_gradient(t.k)};
      case Fault::second_gradient:
        return {t.q + apply(kSquareOnce, {q}) - square(q), t.k};
      case Fault::f32_output:
        return {cast(t.q, DType::f64), t.k};
      default:
        return t;
    }
  }

  Var embed(const Var& x, const Positions& p, Pass& pass) const override {
    return inner_->embed(x, taken(p), pass);
  }
  std::optional<Var> lag_bias(const Tensor& delta, Pass& pass) const override {
    if (fault_ == Fault::power_of_lag) return inner_->lag_bias(pow(abs(delta), 2.5), pass);
    return inner_->lag_bias(fault_ == Fault::labels_rounded ? floor(delta) : delta, pass);
  }
  std::optional<Var> score_bias(const Var& q, const Var& k, const Positions& p,
                                Pass& pass) const override {
    return inner_->score_bias(q, k, taken(p), pass);
  }
  std::optional<Var> value_bias(const Var& weights, const Positions& p, Pass& pass) const override {
    return inner_->value_bias(weights, taken(p), pass);
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    auto closed = inner_->interaction(p_m, p_n);
    if (fault_ == Fault::interaction_transposed) closed->g = transpose(closed->g);
    if (fault_ == Fault::closed_form_doubled) closed->g = mul(closed->g, 2);
    if (fault_ == Fault::interaction_bias) closed->gamma = full({shape().heads}, 0.01, DType::f64);
    return closed;
  }

 private:
  Positions taken_by_transform(const Positions& p) const {
    return fault_ == Fault::labels_rounded || fault_ == Fault::labels_clamped ? taken(p) : p;
  }
  /// What the inner one is told instead of what it would refuse.
  Positions taken(Positions p) const {
    if (fault_ == Fault::labels_rounded) p.labels = floor(p.labels);
    if (fault_ == Fault::labels_clamped)
      p.labels = clamp(p.labels, 0, static_cast<double>(traits().labels_below - 1));
    if (fault_ == Fault::looks_ahead) p.causal = true;
    if (fault_ == Fault::query_offset) p.query_begin = 0;
    if (fault_ == Fault::padding && p.key_mask.defined()) p.key_mask = zeros_like(p.key_mask);
    if (fault_ == Fault::time_ignored) p.labels = time_positions(p.keys()).labels;
    return p;
  }

  Fault fault_;
  std::unique_ptr<PositionalEncoding> inner_;
  int number_;
  double hidden_ = 1;
  mutable int calls_ = 0;
};

struct Plant {
  Fault fault;
  const char* trait;
  const char* inner = "rope";
  std::vector<const char*> settings = {"variant=C"};
};

TraitReport check_plant(const Plant& plant) {
  Options options;
  for (const char* s : plant.settings) options.set(s);
  const auto wrap = [&](Options o) {
    return [o = std::move(o), plant](const Build& b,
                                     EncodingShape shape) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Faulty>(b, shape, make_encoding(plant.inner, o), plant.fault);
    };
  };
  SuiteSubject s;
  s.name = plant.inner;
  s.make = wrap(options);
  Options changed = options;
  if (std::string_view(plant.inner) == "rope") {
    changed.set("base=37");
    s.other = wrap(changed);
  }
  cache.clear();
  return check_traits(s);
}

}  // namespace

TEST_CASE("the wrapper alone is no fault") {
  const TraitReport report = check_plant({Fault::none, ""});
  CAPTURE(report.text());
  CHECK(report.passed());
}

TEST_CASE("planted faults are caught, each by the check of its trait") {
  const std::vector<Plant> plants{
      {Fault::hooks, "hooks"},
      {Fault::undeclared_hook, "hooks"},
      {Fault::cost, "cost"},
      {Fault::learned, "learned", "rope", {"variant=A"}},
      {Fault::widths, "widths"},
      {Fault::relative_claimed, "relative", "ropepool", {}},
      {Fault::relative_claimed, "relative", "f_stripe1", {}},
      {Fault::relative_denied, "relative"},
      {Fault::norm, "norm"},
      {Fault::norm, "norm", "ropepool", {}},
      {Fault::not_identity_at_zero, "composition"},
      {Fault::composition, "composition"},
      {Fault::interaction_transposed, "interaction"},
      {Fault::interaction_bias, "interaction"},
      {Fault::uniform, "uniform"},
      {Fault::max_length, "max_length"},
      {Fault::gradient, "gradient"},
      {Fault::gradient_missing, "gradient"},
      {Fault::second_gradient, "second_gradient"},
      {Fault::query_offset, "query_offset"},
      {Fault::prefix, "prefix"},
      {Fault::default_positions, "default_positions"},
      {Fault::padding, "padding"},
      {Fault::batch, "batch"},
      {Fault::one_token, "smallest"},
      {Fault::one_head, "smallest"},
      {Fault::state, "state"},
      {Fault::seed, "seed"},
      {Fault::first_wins, "instances", "rope", {"variant=A"}},
      {Fault::last_wins, "instances"},
      {Fault::ignores_settings, "instances"},
      {Fault::missing_label, "missing_label"},
      {Fault::label_width, "label_width"},
      {Fault::f32_phase, "f32"},
      {Fault::f32_output, "f32"},
      {Fault::labels_rounded, "whole_labels", "learned", {"max_length=8"}},
      {Fault::labels_rounded, "whole_labels", "t5", {}},
      {Fault::labels_rounded, "whole_labels", "shaw", {"clip=3"}},
      {Fault::query_offset, "query_offset", "shaw", {"clip=3"}},
      {Fault::query_offset, "query_offset", "music_transformer", {"clip=3"}},
      {Fault::looks_ahead, "causal_only", "cope", {}},
      {Fault::looks_ahead, "causal_only", "fire", {}},
      {Fault::time_ignored, "time_only", "fire", {}},
      {Fault::relative_claimed, "relative", "cope", {"places=3"}},
      {Fault::relative_claimed, "relative", "fire", {"threshold=2"}},
      {Fault::padding, "padding", "cope", {}},
      {Fault::relative_claimed, "relative", "ns_rpe", {"tracks=time"}},
      {Fault::query_offset, "query_offset", "ns_rpe", {"tracks=time"}},
      {Fault::labels_clamped, "label_range", "s_ape", {"tracks=time", "values=9"}},
      {Fault::labels_rounded, "whole_labels", "s_rpe", {"tracks=time", "clips=2"}},
      {Fault::interaction_bias, "interaction", "s_rpe", {"tracks=time", "clips=2"}},
      {Fault::labels_clamped, "label_range", "learned", {"max_length=8"}},
      {Fault::no_kernel, "conditionally_positive", "t5", {}},
      {Fault::stochastic_denied, "stochastic", "sine_spe", {"realizations=8"}},
      {Fault::draw_ignored, "stochastic", "sine_spe", {"realizations=8"}},
      {Fault::draw_ignored, "stochastic", "randomized", {}},
      {Fault::closed_form_doubled, "mean", "conv_spe", {"kernel=6", "realizations=16"}},
      {Fault::labels_rounded, "whole_labels", "conv_spe", {"kernel=6", "realizations=4"}},
      {Fault::relative_denied, "relative", "xpos", {"max_length=16"}},
      {Fault::labels_clamped, "label_range", "xpos", {"max_length=16"}},
      {Fault::draw_unseeded, "stochastic", "rff", {}},
      {Fault::mean_claimed, "mean", "ropepool", {}},
      {Fault::mean_claimed, "mean", "f_stripe", {"pooled=false"}},
      {Fault::closed_form_doubled, "mean", "sine_spe", {"realizations=16"}},
      {Fault::closed_form_doubled, "mean", "gated", {"realizations=16"}},
      {Fault::composition, "mean", "f_stripe_sff", {"realizations=16", "parametrisation=free"}},
      {Fault::power_of_lag, "conditionally_positive", "alibi", {}},
      {Fault::power_of_lag, "conditionally_positive", "kerple", {"kernel=power", "r2=1"}},
  };
  std::size_t caught = 0;
  for (const Plant& plant : plants) {
    const TraitReport report = check_plant(plant);
    const TraitCheck* check = report.find(plant.trait);
    CAPTURE(static_cast<int>(plant.fault));
    CAPTURE(plant.trait);
    CAPTURE(report.text());
    CHECK(check);
    CHECK(!(check && check->passed));
    if (check) CHECK(!check->text.empty());
    caught += check && !check->passed;
  }
  MESSAGE("caught / planted: " << caught << " / " << plants.size());
}
