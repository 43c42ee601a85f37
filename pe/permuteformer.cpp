#include <cmath>

#include "nn/attention_core.h"
#include "pe/label_encoding.h"
#include "pe/permutations.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/reduce.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(PermuteFormer (Chen 2021, eq. 7-9): after the feature map, features are permuted as many times as
the label says, and behind a causal mask shrink with the distance. pi_h is a random permutation of
the m features of head h, drawn once, and h = 1..H:

    f(q_m) = r_h^p_m  P_h^p_m phi(q_m),     f(k_n) = r_h^-p_n P_h^p_n phi(k_n)
    f(q_m) . f(k_n) = r_h^(p_m - p_n) phi(q_m) . P_h^(p_n - p_m) phi(k_n)
    r_h = sigmoid(2 + 3 h / H) behind a causal mask, 1 otherwise

It depends on the difference of labels, and non-negative features stay so, which the normaliser
needs. r^-p overflows an f32 at p = 699, so that the powers stand beside the features as logarithms,
and linear attention takes sums of them, query and key or key and chunk: for any length. With
decay no time is before that of an earlier token, or r^(p_m - p_n) would grow without a bound; steps
need not be equal. decay = false has r = 1 and takes any whole labels.

    layout   permuted [1 .. m]        width kept
    closed form, of features   G_ij = r^(p_m - p_n) where P^(p_n - p_m) takes j to i
)";

struct PermuteformerConfig {
  LabelConfig labels;
  bool decay = true;
  int64 features = 0;

  static PermuteformerConfig read(Options& o, EncodingShape shape) {
    PermuteformerConfig c;
    c.labels = read_labels(o, false);
    c.decay = o.flag("decay", c.decay);
    check<ConfigError>(!c.decay || c.labels.tracks[0] == "time",
                       "{}: features shrink with the time between tokens, '{}' may run backwards; "
                       "set decay = false",
                       o.where(), c.labels.tracks[0]);
    c.features = o.integer("features", shape.head_dim(), 1, 8192);
    return c;
  }
};

constexpr Traits kTraits{.hooks = kTransformFeatures,
                         .takes_any_label = false,
                         .relative = Relative::exactly,
                         .whole_labels = true};

class Permuteformer : public LabelEncoding {
 public:
  Permuteformer(const Build& build, EncodingShape shape, const PermuteformerConfig& config)
      : LabelEncoding(build, shape, config.labels, LabelValues::whole),
        decay_(config.decay),
        permutation_(buffer("permutation",
                            random_permutations(rng("permutation"), shape.heads, config.features),
                            BufferDType::fixed)) {}

  Traits traits() const override {
    Traits t = kTraits;
    if (!decay_) t.takes_any_label = true, t.norm_preserving = true;
    return t;
  }

  QueryKey transform_features(const Var& fq, const Var& fk, const Positions& positions,
                              Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_features(fq.size(-1));
    const Tensor labels = checked_labels(positions);
    if (decay_) check_order(positions, labels);
    const Tensor index = permutation_powers(permutation_.value(), labels);
    const int64 begin = positions.query_begin, end = begin + positions.query_count;
    QueryKey t{permuted(fq, slice(index, 2, begin, end)).named("q"),
               permuted(fk, index).named("k")};
    if (decay_ && positions.causal) {
      const Tensor power = mul(unsqueeze(labels, 1), log_decay());  // [B|1, H, N, 1]
      t.query_scale = slice(power, 2, begin, end), t.key_scale = neg(power);
    }
    return t;
  }

  int64 transformed_features(int64 m) const override {
    check_features(m);
    return m;
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    Tensor g = permutation_products(permutation_.value(), p_m, p_n);
    if (decay_) g = mul(g, exp(mul(log_decay(), p_m.at({0}) - p_n.at({0}))));
    return Interaction{
        .space = Interaction::Space::feature, .g = g, .alpha = {}, .beta = {}, .gamma = {}};
  }

 private:
  static void check_order(const Positions& positions, const Tensor& labels) {
    const int64 n = labels.size(1);
    if (positions.uniform || labels.size(0) == 0 || n < 2) return;
    const Tensor step = sub(slice(labels, 1, 1, n), slice(labels, 1, 0, n - 1));
    check<ConfigError>(min(step).item() >= 0,
                       "permuteformer weighs by a power of the time between tokens, which grows "
                       "without a bound where time runs backwards, here by {}; set decay = false",
                       -min(step).item());
  }

  /// ln r_h, f64 [H, 1, 1].
  Tensor log_decay() const {
    std::vector<double> r;
    for (int64 h = 1; h <= shape().heads; ++h)
      r.push_back(-std::log1p(
          std::exp(-(2 + 3 * static_cast<double>(h) / static_cast<double>(shape().heads)))));
    return from_values(r, {shape().heads, 1, 1});
  }

  void check_features(int64 m) const {
    const int64 own = permutation_.value().size(1);
    check<ConfigError>(m == own,
                       "permuteformer was built for {} features, the feature map gives {}; set the "
                       "option features = {}",
                       own, m, m);
  }

  bool decay_;
  const Buffer& permutation_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// r^-1300 is e^165 in head 1, and an f32 ends at e^88.
suite::Finding prove_overflow(const SuiteSubject& s) {
  constexpr int64 n = 1300;
  const int64 heads = s.shape.heads, d = s.shape.head_dim();
  const auto run = [&](DType dtype, double first, bool square) {
    const auto e = s.with({})(Build("pe", Rng(1), dtype), s.shape);
    const auto core = make_core(Build("core", Rng(2), dtype), CoreConfig{}, *e, d);
    const auto x = [&](std::uint64_t seed) {
      return Var(cast(mul(suite::random_normal(seed, {1, heads, n, d}), 0.5), dtype));
    };
    Positions p = time_positions(n);
    p.labels = add(p.labels, first);
    Pass pass = Pass::eval();
    const Var y = square ? matmul(core->weights(x(1), x(2), p, pass), x(3))
                         : (*core)(x(1), x(2), x(3), p, pass);
    return cast(y.value(), DType::f64);
  };
  const Tensor whole = run(DType::f64, 0, false);
  suite::Worst exact, rounded;
  exact.include(whole, run(DType::f64, 0, true), "N x N");
  rounded.include(run(DType::f32, 0, false), whole, "f32");
  rounded.include(run(DType::f32, -1e6, false), whole, "f32 at times from -10^6");
  const suite::Finding found = exact.within(1e-12);
  return found.outcome == suite::Finding::Outcome::broken ? found : rounded.within(1e-4);
}

}  // namespace

extern const EncodingDef kPermuteformer{
    .name = "permuteformer",
    .family = "rotary",
    .formula = "r_h^(p_m - p_n) phi(q_m) . P_h^(p_n - p_m) phi(k_n), P_h permutations",
    .takes = "whole times, none before an earlier one; without decay one whole number of any track",
    .source = "Chen 2021",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"non-negative", "non-negative features stay so", suite::prove_non_negative},
                   {"overflow", "no power overflows: f32 is f64 at 1,300 tokens", prove_overflow,
                    ProofOptions::other}},
    .options = {{"tracks", "time", "one track", "the label that permutes"},
                {"decay", "true", "true, false", "shrink with the distance behind a causal mask"},
                {"features", "head size", "1 to 8192", "of the feature map"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Permuteformer>(build, shape,
                                             PermuteformerConfig::read(options, shape));
    }};

}  // namespace gradus::pe
