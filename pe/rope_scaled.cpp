#include <cmath>
#include <numbers>

#include "pe/angle_encoding.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/reduce.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(RoPE for sequences s times as long as those that it was trained on: with f_i = base^(-2i/d), i from
0, the angles f_i p are made smaller in one of three ways.

    linear   f_i / s                        all pairs slower: labels squeezed (Chen et al. 2023)
    ntk      base s^(d/(d-2)) for base      the first pair keeps f_0 = 1, the last becomes f / s; so
                                            d is at least 4
    yarn     (1 - g) f_i / s + g f_i        pairs that turn often in the original length stay as they
             g = (r - 1)/(32 - 1), in 0..1  are, those that turn less than once are squeezed, with
             r = original_length f_i / 2pi  r their turns; q and k times 0.1 ln s + 1 (Peng et al.
                                            2023, eq. 18-22)

At s = 1 each is RoPE. The score depends on the difference of labels only; norms are kept, but for
yarn's factor.

    layout   interleaved   [1a 1b 2a 2b 3a 3b]        half   [1a 2a 3a 1b 2b 3b]       width kept
    closed form, per pair   G = t^2 [[cos D, sin D], [-sin D, cos D]],  t yarn's factor, or 1
)";

enum class Method { linear, ntk, yarn };

struct RopeScaledConfig {
  LabelConfig labels;
  Method method = Method::linear;
  double scale = 2, base = 10000, original_length = 512, alpha = 1, beta = 32;
  Pairing pairing = Pairing::interleaved;

  static RopeScaledConfig read(Options& o) {
    RopeScaledConfig c;
    c.labels = read_labels(o, false);
    const std::string method = o.choice("method", "linear", {"linear", "ntk", "yarn"});
    c.method = method == "linear" ? Method::linear : method == "ntk" ? Method::ntk : Method::yarn;
    c.scale = o.real("scale", c.scale, 1, 1e6);
    c.base = o.real("base", c.base, 1, 1e12);
    c.original_length = o.real("original_length", c.original_length, 1, 1e12);
    c.alpha = o.real("alpha", c.alpha, 0, 1e6);
    c.beta = o.real("beta", c.beta, 0, 1e6);
    check<ConfigError>(c.alpha < c.beta, "{}: alpha = {} must be less than beta = {}", o.where(),
                       c.alpha, c.beta);
    c.pairing = read_pairing(o);
    return c;
  }

  double factor() const { return method == Method::yarn ? 0.1 * std::log(scale) + 1 : 1; }

  /// The same of frequencies [H|1, F, 1] of any kind: base s^(d/(d-2)) for base is s^(-2i/(d-2))
  /// f_i.
  Var scaled(const Var& f) const {
    if (method == Method::linear) return f * (1 / scale);
    if (method == Method::ntk) {
      const int64 pairs = f.size(1);
      std::vector<double> smaller;
      for (int64 i = 0; i < pairs; ++i)
        smaller.push_back(
            std::pow(scale, -static_cast<double>(i) / static_cast<double>(pairs - 1)));
      return f * Var(from_values(smaller, {1, pairs, 1}));
    }
    const Var turns = f * (original_length / (2 * std::numbers::pi));
    const Var kept = clamp((turns - alpha) * (1 / (beta - alpha)), 0, 1);
    return f * (kept * (1 - 1 / scale) + 1 / scale);
  }

  Tensor frequencies(int64 d) const {
    check<ConfigError>(method != Method::ntk || d >= 4,
                       "rope_scaled: method = ntk changes the base by scale^(d/(d-2)), which asks "
                       "for a head size of 4 or more, got {}; take linear or yarn",
                       d);
    const auto size = static_cast<double>(d);
    const double b = method == Method::ntk ? base * std::pow(scale, size / (size - 2)) : base;
    std::vector<double> f(static_cast<std::size_t>(d / 2));
    for (std::size_t i = 0; i < f.size(); ++i) {
      f[i] = std::pow(b, -2 * static_cast<double>(i) / size);
      if (method == Method::linear) f[i] /= scale;
      if (method == Method::yarn) {
        const double turns = original_length * f[i] / (2 * std::numbers::pi);
        const double kept = std::min(1.0, std::max(0.0, (turns - alpha) / (beta - alpha)));
        f[i] *= (1 - kept) / scale + kept;
      }
    }
    return from_values(f, {1, d / 2, 1});
  }
};

constexpr Traits kTraits{
    .hooks = kTransform, .relative = Relative::exactly, .norm_preserving = true};

class RopeScaled : public AngleEncoding {
 public:
  RopeScaled(const Build& build, EncodingShape shape, RopeScaledConfig config)
      : AngleEncoding(build, shape, config.labels), config_(std::move(config)) {
    check_even(shape.head_dim(), "rope_scaled", "head size");
    set_frequencies(config_.frequencies(shape.head_dim()), Frequencies::derived);
  }

  Traits traits() const override {
    Traits t = kTraits;
    t.norm_preserving = config_.factor() == 1;
    return t;
  }

  QueryKey transform(const Var& q, const Var& k, const Positions& positions,
                     Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const TurnPair turn = turns(q, k, positions, shape().head_dim());
    const auto turned = [this](const Var& x, const Turn& t) {
      const Var y = rotate(x, t, config_.pairing);
      return config_.factor() == 1 ? y : y * config_.factor();
    };
    return {turned(q, turn.q).named("q"), turned(k, turn.k).named("k")};
  }

  /// RoPE's, before they are made smaller.
  Tensor own_frequencies() const override {
    const int64 pairs = shape().head_dim() / 2;
    return reshape(exponential_frequencies(1, pairs, config_.base), {1, pairs, 1});
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    return Interaction{
        .g = mul(pair_turns(angles_at(sub(p_m, p_n)), shape().heads, config_.pairing),
                 config_.factor() * config_.factor()),
        .alpha = {},
        .beta = {},
        .gamma = {}};
  }

 protected:
  Var scaled(const Var& f) const override { return config_.scaled(f); }

 private:
  RopeScaledConfig config_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

suite::Finding prove_unscaled(const SuiteSubject& s) {
  const EncodingShape shape{16, 2};
  const auto rope = suite::build_other("rope", {}, shape);
  const Tensor q = suite::random_normal(1, {2, 8}), k = suite::random_normal(2, {2, 8});
  suite::Worst worst;
  for (const char* method : {"method=linear", "method=ntk", "method=yarn"})
    worst.include(
        suite::raw_scores(*suite::build_variant(s, {method, "scale=1"}, shape), q, k, {7}, {1234}),
        suite::raw_scores(*rope, q, k, {7}, {1234}), method);
  return worst.within(1e-12);
}

suite::Finding prove_norms(const SuiteSubject& s) {
  const Tensor x = suite::random_normal(3, {1, 2, 5, 8});
  const Tensor before = norm(x, {-1});
  suite::Worst worst;
  for (const char* method : {"method=linear", "method=ntk", "method=yarn"})
    for (const auto& [setting, scale] : {std::pair{"scale=4", 4.0}, std::pair{"scale=32", 32.0}}) {
      const auto e = suite::build_variant(s, {method, setting}, {16, 2});
      Pass pass = Pass::eval();
      const QueryKey t =
          e->transform(Var(x), Var(x), suite::labels_of(*e, {0, 1, 77.5, 1e4, -3}), pass);
      const double factor = method[7] == 'y' ? 0.1 * std::log(scale) + 1 : 1;
      for (const Var& y : {t.q, t.k})
        worst.include(norm(y.value(), {-1}), mul(before, factor),
                      fmt::format("{} {}", method, setting));
    }
  return worst.within(1e-12);
}

}  // namespace

extern const EncodingDef kRopeScaled{
    .name = "rope_scaled",
    .family = "rotary",
    .formula = "q_m . R(f' (p_m - p_n)) k_n on pairs, f' of linear, ntk or yarn scaling by s",
    .takes = "one number: time or any track",
    .source = "Chen et al. 2023; Peng et al. 2023",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"unscaled", "rope at s = 1, by every method", prove_unscaled,
                    ProofOptions::other},
                   {"norm factor", "norms times 0.1 ln s + 1 for yarn, else kept", prove_norms,
                    ProofOptions::other}},
    .options = {{"tracks", "time", "one track", "the label that turns"},
                {"method", "linear", "linear, ntk, yarn", "how angles become smaller"},
                {"scale", "2", "1 to 1e6", "how many times longer, s"},
                {"base", "10000", "1 to 1e12", "of RoPE's frequencies"},
                {"original_length", "512", "1 to 1e12", "yarn: tokens that RoPE was trained on"},
                {"alpha", "1", "0 to 1e6", "yarn: pairs of fewer turns are squeezed"},
                {"beta", "32", "0 to 1e6", "yarn: pairs of more turns stay"},
                {"pairing", "interleaved", "interleaved, half", "which coordinates are a pair"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<RopeScaled>(build, shape, RopeScaledConfig::read(options));
    }};

}  // namespace gradus::pe
