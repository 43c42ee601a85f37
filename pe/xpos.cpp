#include <cmath>

#include "pe/angle_encoding.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/matmul.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(xPos (Sun et al. 2022, eq. 8-14): RoPE whose pairs also shrink with the distance, the slow ones
most. With f_i = base^(-2i/d), z_i = (2i/d + 0.4) / 1.4, i from 0, all below 1:

    q_i -> q_i turned by f_i p, times z_i^(p / 512)
    k_i -> k_i turned by f_i p, times z_i^(-p / 512)
    a_mn = sum_i z_i^(D/512) ((q1 k1 + q2 k2) cos f_i D + (q1 k2 - q2 k1) sin f_i D),  D = p_m - p_n

For D < 0 the factors grow without bound, so the mask must be causal. Powers of p itself overflow an
f32 at p = 36,000. Counting labels from another origin c, or from one of each chunk, multiplies q_i
by z_i^(-c / 512) and k_i by its inverse: that leaves q.k alone, but not phi(q).phi(k), as z_i differs
from pair to pair and no phi of the table but relu, its square and the identity takes such a factor
out. Linear attention with another origin is another model; so the origin is 0, and labels are
limited: from 0 to one below max_length, 16,384, where the factors are e^-40 and e^40.

    layout   interleaved   [1a 1b 2a 2b 3a 3b]        half   [1a 2a 3a 1b 2b 3b]       width kept
    closed form, per pair   G = z_i^(D/512) [[cos f_i D, sin f_i D], [-sin f_i D, cos f_i D]]
)";

constexpr int64 kMostLabels = 16384;

struct XposConfig {
  LabelConfig labels;
  double base = 10000, scale = 512;
  int64 max_length = kMostLabels;
  Pairing pairing = Pairing::interleaved;

  static XposConfig read(Options& o) {
    XposConfig c;
    c.labels = read_labels(o, false);
    c.base = o.real("base", c.base, 1, 1e12);
    c.scale = o.real("scale", c.scale, 1e-6, 1e12);
    // (0.4/1.4)^(p/scale) = e^-40
    const auto most = static_cast<int64>(std::min(32 * c.scale, 1e15));
    c.max_length = o.integer("max_length", most, 1, most);
    c.pairing = read_pairing(o);
    return c;
  }
};

constexpr Traits kTraits{.hooks = kTransform,
                         .relative = Relative::exactly,
                         .max_length = kMostLabels,
                         .labels_below = kMostLabels,
                         .causal_only = true};

class Xpos : public AngleEncoding {
 public:
  Xpos(const Build& build, EncodingShape shape, XposConfig config)
      : AngleEncoding(build, shape, config.labels), config_(std::move(config)) {
    const int64 d = shape.head_dim(), pairs = d / 2;
    check_even(d, "xpos", "head size");
    set_frequencies(reshape(exponential_frequencies(1, pairs, config_.base), {1, pairs, 1}),
                    Frequencies::derived);
    for (int64 i = 0; i < pairs; ++i)
      log_shrink_.push_back(
          std::log((2 * static_cast<double>(i) / static_cast<double>(d) + 0.4) / 1.4) /
          config_.scale);
  }

  Traits traits() const override {
    Traits t = kTraits;
    t.labels_below = config_.max_length;
    t.max_length = tracks()[0] == "time" ? config_.max_length : 0;
    return t;
  }

  QueryKey transform(const Var& q, const Var& k, const Positions& positions,
                     Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check<ConfigError>(positions.causal,
                       "xpos grows without bound for keys ahead of the query, so the positions "
                       "must be causal; otherwise take rope");
    const TurnPair turn = turns(q, k, positions, shape().head_dim());
    const Tensor labels = key_labels(positions);
    const std::vector<double> p = labels.to_vector<double>();
    for (std::size_t i = 0; i < p.size(); ++i)
      check<IndexError>(p[i] >= 0 && p[i] <= static_cast<double>(config_.max_length - 1),
                        "xpos takes labels from 0 to {} (its powers overflow beyond), '{}' of "
                        "token {} is {}",
                        config_.max_length - 1, tracks()[0], static_cast<int64>(i) % labels.size(1),
                        p[i]);
    const Tensor power = mul(unsqueeze(labels, 1),
                             from_values(log_shrink_, {static_cast<int64>(log_shrink_.size())}));
    const auto table = [&k](const Tensor& t) { return Var(cast(exp(t), k.dtype())); };
    const int64 begin = positions.query_begin, end = begin + positions.query_count;
    const Var shrink = table(slice(power, 2, begin, end)), grow = table(neg(power));
    const Turn at_q{turn.q.cos * shrink, turn.q.sin * shrink},
        at_k{turn.k.cos * grow, turn.k.sin * grow};
    return {rotate(q, at_q, config_.pairing).named("q"),
            rotate(k, at_k, config_.pairing).named("k")};
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    const double lag = p_m.at({0}) - p_n.at({0});
    std::vector<double> factors;
    for (int64 h = 0; h < shape().heads; ++h)
      for (double w : log_shrink_) factors.push_back(std::exp(w * lag));
    return Interaction{
        .g = pair_turns(angles_at(sub(p_m, p_n)), shape().heads, config_.pairing, factors),
        .alpha = {},
        .beta = {},
        .gamma = {}};
  }

 private:
  XposConfig config_;
  std::vector<double> log_shrink_;  // ln z_i / scale
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// Scores of the last labels in f32 against the same lags at the first ones in f64.
suite::Finding prove_overflow(const SuiteSubject& s) {
  const auto narrow = s.with({})(Build("pe", Rng(1), DType::f32), s.shape);
  const auto wide = s.with({})(Build("pe", Rng(1), DType::f64), s.shape);
  const int64 last = wide->traits().labels_below - 1;
  const suite::Inputs in = suite::random_inputs(s, 47, 1, 4);
  const auto at = [&](const PositionalEncoding& e, double first) {
    return suite::labels_of(e, {first, first + 1, first + 2, first + 3});
  };
  const auto products = [&](const PositionalEncoding& e, double first) {
    Pass pass = Pass::eval();
    const QueryKey t =
        e.transform(Var(cast(in.q, e.dtype())), Var(cast(in.k, e.dtype())), at(e, first), pass);
    return matmul(cast(t.q.value(), DType::f64), transpose(cast(t.k.value(), DType::f64)));
  };
  const double error =
      suite::error_of(products(*narrow, static_cast<double>(last - 3)), products(*wide, 0));
  if (!(error <= 1e-4))
    return suite::broken(fmt::format("f32 differs by {:.3g} at label {}", error, last));
  try {
    (void)products(*wide, static_cast<double>(last - 2));
  } catch (const IndexError&) {
    return suite::holds(
        fmt::format("at label {} f32 differs by {:.1g}; {} is refused", last, error, last + 1));
  }
  return suite::broken(fmt::format("label {} is taken", last + 1));
}

}  // namespace

extern const EncodingDef kXpos{
    .name = "xpos",
    .family = "rotary",
    .formula = "q_m . z^((p_m - p_n)/512) R(f (p_m - p_n)) k_n on pairs, z_i = (2i/d + 0.4)/1.4",
    .takes = "one number from 0 on, behind a causal mask",
    .source = "Sun et al. 2022",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"overflow", "no power overflows in f32 up to the last label", prove_overflow,
                    ProofOptions::other}},
    .options = {{"tracks", "time", "one track", "the label that turns"},
                {"base", "10000", "1 to 1e12", "of the frequencies"},
                {"scale", "512", "1e-6 to 1e12", "how far a factor z_i reaches"},
                {"max_length", "32 scale", "1 to 32 scale", "labels from 0 to one below"},
                {"pairing", "interleaved", "interleaved, half", "which coordinates are a pair"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Xpos>(build, shape, XposConfig::read(options));
    }};

}  // namespace gradus::pe
