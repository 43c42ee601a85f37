// The suite against declarations that are not so, and rarer faults around one encoding: the check
// of that trait must fail. planted_everywhere_test.cpp has a fault of behaviour in each trait.
#include <doctest/doctest.h>

#include <map>

#include "tests/pe/encode.h"

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
  composition,
  interaction_transposed,
  interaction_bias,
  uniform,
  max_length,
  gradient_missing,
  query_offset,
  one_head,
  first_wins,
  last_wins,
  ignores_settings,
  f32_output,
  no_kernel,
  power_of_lag,
  stochastic_denied,
  mean_claimed,
  closed_form_doubled,
};

double last_made = 1;  // Fault::last_wins: a setting in a global
std::map<int64, std::unique_ptr<PositionalEncoding>> cache;  // Fault::first_wins: keyed by size

/// A true encoding inside, one fault around it.
class Faulty : public PositionalEncoding {
 public:
  Faulty(const Build& build, EncodingShape shape, const MakeEncoding& make, Fault fault)
      : PositionalEncoding(build, shape, {"time"}),
        fault_(fault),
        inner_(make(child("inner"), shape)) {
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

  void draw(Rng& rng) override { inner_->draw(rng); }

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
      case Fault::first_wins:
        return cache.at(shape().head_dim())->transform(q, k, p, pass);
      case Fault::last_wins:
        p.labels = mul(p.labels, last_made);
        break;
      case Fault::ignores_settings:
        p.labels = mul(p.labels, 0);
        break;
      case Fault::composition:
        // Twice as far, except at zero.
        p.labels = mul(p.labels, abs(p.labels));
        break;
      default:
        break;
    }
    t = inner_->transform(q, k, p, pass);
    switch (fault_) {
      case Fault::gradient_missing:
        return {t.q, stop_gradient(t.k)};
      case Fault::f32_output:
        return {cast(t.q, DType::f64), t.k};
      default:
        return t;
    }
  }

  Var embed(const Var& x, const Positions& p, Pass& pass) const override {
    return inner_->embed(x, p, pass);
  }
  std::optional<Var> lag_bias(const Tensor& delta, Pass& pass) const override {
    return inner_->lag_bias(fault_ == Fault::power_of_lag ? pow(abs(delta), 2.5) : delta, pass);
  }
  std::optional<Var> score_bias(const Var& q, const Var& k, const Positions& p,
                                Pass& pass) const override {
    return inner_->score_bias(q, k, heard(p), pass);
  }
  std::optional<Var> value_bias(const Var& weights, const Positions& p, Pass& pass) const override {
    return inner_->value_bias(weights, heard(p), pass);
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    auto closed = inner_->interaction(p_m, p_n);
    if (fault_ == Fault::interaction_transposed) closed->g = transpose(closed->g);
    if (fault_ == Fault::closed_form_doubled) closed->g = mul(closed->g, 2);
    if (fault_ == Fault::interaction_bias) closed->gamma = full({shape().heads}, 0.01, DType::f64);
    return closed;
  }

 private:
  Positions heard(Positions p) const {
    if (fault_ == Fault::query_offset) p.query_begin = 0;
    return p;
  }

  Fault fault_;
  std::unique_ptr<PositionalEncoding> inner_;
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
      {Fault::relative_claimed, "relative", "cope", {"places=3"}},
      {Fault::relative_claimed, "relative", "fire", {"threshold=2"}},
      {Fault::relative_claimed, "relative", "ns_rpe", {"tracks=time"}},
      {Fault::relative_denied, "relative"},
      {Fault::relative_denied, "relative", "xpos", {"max_length=16"}},
      {Fault::norm, "norm", "ropepool", {}},
      {Fault::composition, "composition"},
      {Fault::interaction_transposed, "interaction"},
      {Fault::interaction_bias, "interaction"},
      {Fault::interaction_bias, "interaction", "s_rpe", {"tracks=time", "clips=2"}},
      {Fault::uniform, "uniform"},
      {Fault::max_length, "max_length"},
      {Fault::gradient_missing, "gradient"},
      {Fault::query_offset, "query_offset"},
      {Fault::query_offset, "query_offset", "shaw", {"clip=3"}},
      {Fault::query_offset, "query_offset", "music_transformer", {"clip=3"}},
      {Fault::query_offset, "query_offset", "ns_rpe", {"tracks=time"}},
      {Fault::one_head, "smallest"},
      {Fault::first_wins, "instances", "rope", {"variant=A"}},
      {Fault::last_wins, "instances"},
      {Fault::ignores_settings, "instances"},
      {Fault::f32_output, "f32"},
      {Fault::no_kernel, "conditionally_positive", "t5", {}},
      {Fault::power_of_lag, "conditionally_positive", "alibi", {}},
      {Fault::power_of_lag, "conditionally_positive", "kerple", {"kernel=power", "r2=1"}},
      {Fault::stochastic_denied, "stochastic", "sine_spe", {"realizations=8"}},
      {Fault::mean_claimed, "mean", "ropepool", {}},
      {Fault::mean_claimed, "mean", "f_stripe", {"pooled=false"}},
      {Fault::closed_form_doubled, "mean", "sine_spe", {"realizations=16"}},
      {Fault::closed_form_doubled, "mean", "gated", {"realizations=16"}},
      {Fault::closed_form_doubled, "mean", "conv_spe", {"kernel=6", "realizations=16"}},
      {Fault::composition, "mean", "f_stripe_sff", {"realizations=16", "parametrisation=free"}},
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
