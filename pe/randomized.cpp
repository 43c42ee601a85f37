#include <algorithm>
#include <cmath>
#include <set>

#include "pe/frequencies.h"
#include "pe/suite_own.h"
#include "pe/wrapping.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

extern const EncodingDef kRandomized;

namespace {

constexpr std::string_view kDerivation =
    R"(Randomized positional encodings (Ruoss et al. 2023, section 3): a training device around an encoding
of time, so that long sequences have no label at evaluation that training never showed. In training N
tokens get the times

    t_1 < t_2 < ... < t_N,   N different numbers of 0 .. range - 1, each set as likely

in place of their own, the same in all layers, for all sequences of a batch, drawn anew each step.
Order is kept and nothing else. At evaluation times are what they are. Steps are no longer equal, so
that an encoding of equal steps cannot stand inside. A bias by lag is asked for the lags of the new
times, as a bias of scores.

    layout   as inside
    closed form   as inside
)";

constexpr Traits kTraits{.hooks = kTransform,
                         .takes_vector = true,
                         .relative = Relative::exactly,
                         .norm_preserving = true,
                         .stochastic = true};

class Randomized : public PositionalEncoding, public HasFrequencies {
 public:
  Randomized(const Build& build, EncodingShape shape, const EncodingDef& inside, int64 range,
             Options& options)
      : PositionalEncoding(build, shape, options.words("tracks", {"time"})),
        inside_(make_inside(kRandomized, inside, child("inside"), shape, options)),
        range_(range),
        draw_(buffer("draw", zeros({1}, DType::i64), BufferDType::fixed)) {
    const Traits t = inside_->traits();
    check<ConfigError>(
        inside_->tracks() == std::vector<std::string>{"time"} && tracks().size() == 1,
        "randomized draws times, '{}' reads {}; set tracks = time, or take another "
        "encoding",
        inside.name, inside_->tracks().empty() ? "none" : inside_->tracks()[0]);
    check<ConfigError>(!t.uniform_only,
                       "randomized times are not in equal steps, and '{}' takes nothing else: it "
                       "counts rows in place of lags, which are the same in equal steps alone",
                       inside.name);
    check<ConfigError>(t.labels_below == 0 || range <= t.labels_below,
                       "randomized draws times up to {}, '{}' takes times below {}; set the option "
                       "range = {}, or a longer max_length",
                       range - 1, inside.name, t.labels_below, t.labels_below);
    Rng first = rng("times");
    draw_own(first);
  }

  Traits traits() const override {
    Traits t = inside_->traits();
    t.stochastic = true;
    if (t.hooks & kLagBias) t.hooks = (t.hooks & ~unsigned{kLagBias}) | kScoreBias;
    return t;
  }
  void draw(Rng& rng) override {
    draw_own(rng);
    inside_->draw(rng);
  }
  Tensor own_frequencies() const override {
    const auto* inside = dynamic_cast<const HasFrequencies*>(inside_.get());
    return inside ? inside->own_frequencies() : Tensor{};
  }
  void study_frequencies(Var f) override {
    dynamic_cast<HasFrequencies&>(*inside_).study_frequencies(std::move(f));
  }

  Var embed(const Var& x, const Positions& p, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    return inside_->embed(x, timed(p, pass), pass);
  }
  QueryKey transform(const Var& q, const Var& k, const Positions& p, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    return inside_->transform(q, k, timed(p, pass), pass);
  }
  QueryKey transform_features(const Var& fq, const Var& fk, const Positions& p,
                              Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    return inside_->transform_features(fq, fk, timed(p, pass), pass);
  }
  std::optional<Var> score_bias(const Var& q, const Var& k, const Positions& p,
                                Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Positions at = timed(p, pass);
    std::optional<Var> bias = inside_->score_bias(q, k, at, pass);
    if (!(inside_->traits().hooks & kLagBias)) return bias;
    const Tensor times = key_labels(at);
    const std::optional<Var> by_lag =
        inside_->lag_bias(sub(query_labels(at), gradus::transpose(times)), pass);  // [H,B|1,Nq,Nk]
    if (!by_lag) return bias;
    const Var turned = gradus::transpose(*by_lag, 0, 1);
    return bias ? *bias + turned : turned;
  }
  std::optional<Var> value_bias(const Var& weights, const Positions& p, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    return inside_->value_bias(weights, timed(p, pass), pass);
  }
  int64 transformed_width(int64 d) const override { return inside_->transformed_width(d); }
  int64 transformed_features(int64 m) const override { return inside_->transformed_features(m); }
  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    return inside_->interaction(p_m, p_n);
  }
  std::optional<Interaction> mean_interaction(const Tensor& p_m, const Tensor& p_n) const override {
    return inside_->mean_interaction(p_m, p_n);
  }

 private:
  void draw_own(Rng& rng) { draw_.set(integers(rng, {1}, 0, int64{1} << 62)); }

  /// What the inner encoding is told.
  Positions timed(const Positions& p, const Pass& pass) const {
    if (!pass.training()) return p;
    const int64 n = p.keys();
    check<ConfigError>(n <= range_,
                       "randomized draws {} different times below {}; set its option range to the "
                       "longest sequence or more",
                       n, range_);
    (void)key_labels(p);  // an error where there is no time
    Rng rng(static_cast<std::uint64_t>(draw_.value().to_vector<int64>()[0]));
    std::vector<int64> all = permutation(rng, range_).to_vector<int64>();
    all.resize(static_cast<std::size_t>(n));
    std::sort(all.begin(), all.end());
    Positions drawn = p;
    drawn.labels = cast(from_values(all, {1, n, 1}), DType::f64);
    drawn.tracks = {{.name = "time", .kind = TrackKind::time, .values = 0}};
    drawn.uniform = false;
    return drawn;
  }

  std::unique_ptr<PositionalEncoding> inside_;
  int64 range_;
  Buffer& draw_;  // the key of this step's times
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// Learned codes that are the times themselves show what the encoding inside hears.
suite::Finding prove_order(const SuiteSubject& s) {
  constexpr int64 range = 50, n = 6;
  const auto e = suite::build_variant(s, {"wraps=learned", "max_length=50", "range=50"}, {1, 1});
  suite::set_state(*e, "table",
                   reshape(arange(0, static_cast<double>(range), 1, DType::f64), {range, 1}));
  Rng rng = Rng(50).stream("draw");
  std::set<suite::Numbers> seen;
  for (int draw = 0; draw < 100; ++draw) {
    e->draw(rng);
    Pass pass(Mode::train);
    const suite::Numbers t = e->embed(Var(zeros({1, n, 1}, DType::f64)), time_positions(n), pass)
                                 .value()
                                 .to_vector<double>();
    for (std::size_t i = 0; i < t.size(); ++i)
      if (!(t[i] >= 0 && t[i] < range && t[i] == std::floor(t[i]) && (i == 0 || t[i] > t[i - 1])))
        return suite::broken(fmt::format("token {} hears time {}, the one before it {}", i, t[i],
                                         i == 0 ? -1 : t[i - 1]));
    seen.insert(t);
  }
  const std::string text = fmt::format("{} of 100 draws are different", seen.size());
  return seen.size() > 90 ? suite::holds(text) : suite::broken(text);
}

/// After any draw.
suite::Finding prove_evaluation(const SuiteSubject& s) {
  const auto e = suite::build(s);
  Options options = s.options;
  const auto inside = suite::build_other(options.word("wraps", "rope"),
                                         options.inside({"wraps", "range"}), s.shape);
  const suite::Inputs in = suite::random_inputs(s, 51, 1, 5);
  const Tensor labels = suite::random_labels(s, *e, 51, 1, 5);
  Rng rng = Rng(51).stream("draw");
  suite::Worst worst;
  for (int draw = 0; draw < 3; ++draw) {
    e->draw(rng);
    suite::copy_state(*inside, *e, "inside/");
    worst.include(suite::scores(*e, in, suite::positions_of(s, *e, labels)).value,
                  suite::scores(*inside, in, suite::positions_of(s, *inside, labels)).value);
  }
  return worst.within(1e-13);
}

}  // namespace

extern const EncodingDef kRandomized{
    .name = "randomized",
    .family = "training device",
    .formula = "the encoding inside; in training at sorted random times",
    .takes = "time, and what the encoding inside takes",
    .source = "Ruoss et al. 2023",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"order", "in training times are random and keep their order", prove_order,
                    ProofOptions::other},
                   {"evaluation", "at evaluation it is the encoding inside", prove_evaluation}},
    .options = {{"wraps", "rope", "an encoding of time",
                 "the encoding inside; its options stand beside these, or as inside.NAME"},
                {"range", "2048", "1 to 2^24", "times are drawn from 0 to one below"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& o) -> std::unique_ptr<PositionalEncoding> {
      const EncodingDef& inside = find_encoding(o.word("wraps", "rope"));
      check<ConfigError>(inside.name != "randomized", "{}: 'randomized' does not wrap itself",
                         o.where());
      const int64 range = o.integer("range", 2048, 1, 1 << 24);
      return std::make_unique<Randomized>(build, shape, inside, range, o);
    }};

}  // namespace gradus::pe
