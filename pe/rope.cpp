#include <cmath>

#include "pe/angle_encoding.h"
#include "pe/suite_pairs.h"
#include "pe/table.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Rotary encoding (Su et al. 2021, eq. 13-16; "Of All StrIPEs", eq. 8-10, 14, 22). Pair d of a head,
x = (x_1, x_2), is turned by theta = f_d . p:

    h(x) = [x_1 cos - x_2 sin, x_2 cos + x_1 sin]                                            (22)
    a_mn = sum_d (q1 k1 + q2 k2) cos D_d + (q1 k2 - q2 k1) sin D_d,   D_d = f_d . (p_m - p_n)  (14)

So the score depends on the difference of labels only, and norms are kept: R(a) R(b) = R(a + b).
Variants: A, one exponential sequence base^(-2(d-1)/d_head) in every head; B, one sequence over the
heads, sliced; C, B as the start of learned frequencies. The label of a token may be a vector: then
f_d is one too, and starts as independent normal numbers (A and B draw them once and keep them),
because one number for all bits of a chroma vector could only count the bits.

stage = before turns q and k before the feature map (with softmax: before the product). stage =
after turns the features (RoFormer's linear attention, eq. 19): relative with every feature map,
divided by the sum of the features before the turn.

    layout   interleaved   [1a 1b 2a 2b 3a 3b]        half   [1a 2a 3a 1b 2b 3b]       width kept
    closed form, per pair   G = [[cos D, sin D], [-sin D, cos D]]
)";

enum class Variant { a, b, c };
enum class Stage { before, after };

struct RopeConfig {
  LabelConfig labels;
  FrequencyConfig frequencies;
  Variant variant = Variant::a;
  Pairing pairing = Pairing::interleaved;
  Stage stage = Stage::before;
  int64 width = 0;  // that is rotated

  static RopeConfig read(Options& o, EncodingShape shape) {
    RopeConfig c;
    c.labels = read_labels(o, true);
    c.frequencies = read_frequencies(o);
    const std::string variant = o.choice("variant", "A", {"A", "B", "C"});
    c.variant = variant == "A" ? Variant::a : variant == "B" ? Variant::b : Variant::c;
    c.pairing = read_pairing(o);
    const bool after = o.choice("stage", "before", {"before", "after"}) == "after";
    c.stage = after ? Stage::after : Stage::before;
    c.width = shape.head_dim();
    if (after || o.has("features")) {
      check<ConfigError>(after, "{}: option 'features' goes with stage = after", o.where());
      c.width = o.integer("features", c.width, 1, 8192);
    }
    return c;
  }
};

constexpr Traits kTraits{.hooks = kTransform,
                         .takes_vector = true,
                         .relative = Relative::exactly,
                         .norm_preserving = true};

class Rope : public AngleEncoding {
 public:
  Rope(const Build& build, EncodingShape shape, RopeConfig config)
      : AngleEncoding(build, shape, config.labels), config_(std::move(config)) {
    check_even(config_.width, "rope", config_.stage == Stage::after ? "features" : "head size");
    const int64 heads = config_.variant == Variant::a ? 1 : shape.heads;
    const Frequencies kind = config_.variant == Variant::c ? Frequencies::learned
                             : label_width() > 1 && config_.frequencies.given.empty()
                                 ? Frequencies::drawn
                                 : Frequencies::derived;
    set_frequencies(initial_frequencies(config_.frequencies, heads, config_.width / 2,
                                        label_width(), rng("frequencies"), "rope"),
                    kind);
  }

  Traits traits() const override {
    Traits t = kTraits;
    t.learned = config_.variant == Variant::c;
    if (config_.stage == Stage::after) {
      t.hooks = kTransformFeatures;
      t.normaliser = Normaliser::unrotated;
    }
    return t;
  }

  QueryKey transform(const Var& q, const Var& k, const Positions& positions,
                     Pass& pass) const override {
    if (config_.stage == Stage::after) return {q, k};
    return turn_both(q, k, positions, pass);
  }

  QueryKey transform_features(const Var& fq, const Var& fk, const Positions& positions,
                              Pass& pass) const override {
    if (config_.stage == Stage::before) return {fq, fk};
    check_features(fq.size(-1));
    return turn_both(fq, fk, positions, pass);
  }

  int64 transformed_features(int64 m) const override {
    if (config_.stage == Stage::after) check_features(m);
    return m;
  }

  /// G = the 2 x 2 blocks R(theta_m)^T R(theta_n).
  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    return Interaction{.space = config_.stage == Stage::after ? Interaction::Space::feature
                                                              : Interaction::Space::head,
                       .g = pair_turns(angles_at(sub(p_m, p_n)), shape().heads, config_.pairing),
                       .alpha = {},
                       .beta = {},
                       .gamma = {}};
  }

 private:
  QueryKey turn_both(const Var& q, const Var& k, const Positions& positions, Pass& pass) const {
    const ScopeGuard scope = enter(pass);
    const TurnPair turn = turns(q, k, positions, config_.width);
    return {rotate(q, turn.q, config_.pairing).named("q"),
            rotate(k, turn.k, config_.pairing).named("k")};
  }

  void check_features(int64 m) const {
    check<ConfigError>(m == config_.width,
                       "rope (stage = after) was built for {} features, the feature map gives {}; "
                       "set the option features = {}",
                       config_.width, m, m);
  }
  RopeConfig config_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

suite::Finding prove_equation_14(const SuiteSubject& s) {
  return suite::prove_pairs(s, suite::with_settings({}, {"variant=C"}),
                            [](double q1, double q2, double k1, double k2, double minus, double) {
                              return (q1 * k1 + q2 * k2) * std::cos(minus) +
                                     (q1 * k2 - q2 * k1) * std::sin(minus);
                            });
}

suite::Finding prove_equation_24(const SuiteSubject& s) {
  return suite::prove_angles(s, {}, suite::AngleFrequencies::of_pairs, [](const suite::Angles& a) {
    return std::cos(a.content_q - a.content_k + a.context_q - a.context_k);
  });
}

suite::Finding prove_golden(const SuiteSubject& s) {
  const suite::Numbers q{0.7012240086, 0.8707955500, 1.9104658230, 0.6423553061},
      k{1.1446864842, -1.2256397729, -0.9182168195, 0.6378697926};
  return suite::prove_golden(s, {{{"variant=A", "frequencies=1,0.1"}, -1.6090828211, q, k},
                                 {{"variant=B", "frequencies=1,0.1"}, -1.6090828211, q, k},
                                 {{"variant=C", "frequencies=1,0.1"}, -1.6090828211, q, k},
                                 {{"base=100"}, -1.6090828211, q, k}});
}

}  // namespace

extern const EncodingDef kRope{
    .name = "rope",
    .family = "rotary",
    .formula = "q_m . R(f . (p_m - p_n)) k_n on pairs",
    .takes = "a number or a vector, of any tracks",
    .source = "Su et al. 2021",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"eq. 14", "scores are those of eq. 14", prove_equation_14, ProofOptions::other},
                   {"eq. 24", "unit pairs: cos(psi_q - psi_k + f (xi_m - xi_n))", prove_equation_24,
                    ProofOptions::other},
                   {"by hand", "features and scores worked out by hand", prove_golden,
                    ProofOptions::other}},
    .options = {{"tracks", "time", "tracks", "the labels that turn"},
                {"width", "number of tracks", "1 to 4096",
                 "numbers per label: 12 for a chroma vector"},
                {"variant", "A", "A, B, C",
                 "A: the same frequencies in every head; B: others in each head; C: B, learned"},
                {"pairing", "interleaved", "interleaved, half", "which coordinates are a pair"},
                {"stage", "before", "before, after",
                 "of the feature map (after: linear core only)"},
                {"features", "head size", "even, to 8192", "stage = after: width of the features"},
                {"base", "10000", "1 to 1e12", "of the frequencies of scalar labels"},
                {"deviation", "0.5", "0 to 1e6", "of the random frequencies of vector labels"},
                {"frequencies", "none", "list [pair][label] or [head][pair][label]",
                 "in place of base and deviation"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Rope>(build, shape, RopeConfig::read(options, shape));
    }};

}  // namespace gradus::pe
