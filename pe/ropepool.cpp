#include <cmath>
#include <numbers>

#include "pe/angle_encoding.h"
#include "pe/suite_pairs.h"
#include "pe/table.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(RoPEPool ("Of All StrIPEs", section III-D): RoPE's h (22) with addition (19) in place of
concatenation. With c = cos(f_d . p), s = sin(f_d . p), D-+ = f_d . (p_m -+ p_n):

    s_d(x, p) = (x1 c - x2 s) + (x2 c + x1 s) = x1 (c + s) + x2 (c - s)
    a_mn = sum_d s_d(q, p_m) s_d(k, p_n)
         = sum_d   (q1 k1 + q2 k2) cos D- + (q1 k2 - q2 k1) sin D-
                 + (q1 k1 - q2 k2) sin D+ + (q1 k2 + q2 k1) cos D+                           (23)

The score depends on the sum of labels too, so it is not relative, and it tells a key from its
reflection, which RoPE and F-StrIPE do not. With unit pairs at angles psi, one pair gives
2 cos(psi_q + f p_m - pi/4) cos(psi_k + f p_n - pi/4) (26).

pool = pair is (23). The literal reading of (19) is pool = cross_pair, the turned pairs added up
over d; pool = total adds all of it. Both mix all pairs and are here for comparison.
Frequencies are learned, one set a head; they start as RoPE's variant B for scalar labels, as
independent normal numbers for vector labels.

    layout   pair         [s_1 s_2 ... s_{d/2}]         width d/2
             cross_pair   [sum_d y1_d, sum_d y2_d]      width 2, (y1, y2) the turned pair
             total        [sum_d s_d]                   width 1
    closed form, per pair   G = u_m u_n^T, u = (c + s, c - s), of rank 1
)";

enum class Pool { pair, cross_pair, total };

struct RopePoolConfig {
  LabelConfig labels;
  FrequencyConfig frequencies;
  Pool pool = Pool::pair;
  Pairing pairing = Pairing::interleaved;

  static RopePoolConfig read(Options& o) {
    RopePoolConfig c;
    c.labels = read_labels(o, true);
    c.frequencies = read_frequencies(o);
    const std::string pool = o.choice("pool", "pair", {"pair", "cross_pair", "total"});
    c.pool = pool == "pair" ? Pool::pair : pool == "total" ? Pool::total : Pool::cross_pair;
    c.pairing = read_pairing(o);
    return c;
  }
};

constexpr Traits kTraits{.hooks = kTransform, .takes_vector = true, .learned = true};

class RopePool : public AngleEncoding {
 public:
  RopePool(const Build& build, EncodingShape shape, RopePoolConfig config)
      : AngleEncoding(build, shape, config.labels), config_(std::move(config)) {
    check_even(shape.head_dim(), "ropepool", "head size");
    set_frequencies(initial_frequencies(config_.frequencies, shape.heads, shape.head_dim() / 2,
                                        label_width(), rng("frequencies"), "ropepool"),
                    Frequencies::learned);
  }
  Traits traits() const override { return kTraits; }

  QueryKey transform(const Var& q, const Var& k, const Positions& positions,
                     Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const TurnPair turn = turns(q, k, positions, shape().head_dim());
    return {pooled(q, turn.q).named("q"), pooled(k, turn.k).named("k")};
  }

  int64 transformed_width(int64 d) const override {
    return config_.pool == Pool::pair ? d / 2 : config_.pool == Pool::cross_pair ? 2 : 1;
  }

  /// Blocks (i, j) of pairs: those of (23) where i = j; the others, where pooling mixes pairs.
  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    const int64 d = shape().head_dim(), pairs = d / 2, heads = shape().heads;
    const std::vector<double> m = angles_at(p_m), n = angles_at(p_n);
    std::vector<double> g(static_cast<std::size_t>(heads * d * d));
    for (int64 h = 0; h < heads; ++h)
      for (int64 i = 0; i < pairs; ++i)
        for (int64 j = 0; j < pairs; ++j) {
          if (config_.pool == Pool::pair && i != j) continue;
          const double theta_m = m[static_cast<std::size_t>(h * pairs + i)],
                       theta_n = n[static_cast<std::size_t>(h * pairs + j)];
          const double cd = std::cos(theta_m - theta_n), sd = std::sin(theta_m - theta_n);
          double block[2][2] = {{cd, sd}, {-sd, cd}};
          if (config_.pool != Pool::cross_pair) {
            const double cs = std::cos(theta_m + theta_n), ss = std::sin(theta_m + theta_n);
            block[0][0] += ss, block[0][1] += cs, block[1][0] += cs, block[1][1] -= ss;
          }
          for (int a = 0; a < 2; ++a)
            for (int b = 0; b < 2; ++b)
              g[static_cast<std::size_t>((h * d + coordinate(config_.pairing, i, a, pairs)) * d +
                                         coordinate(config_.pairing, j, b, pairs))] = block[a][b];
        }
    return Interaction{.g = from_values(g, {heads, d, d}), .alpha = {}, .beta = {}, .gamma = {}};
  }

 private:
  Var pooled(const Var& x, const Turn& turn) const {
    if (config_.pool == Pool::cross_pair) return pool_across_pairs(x, turn, config_.pairing);
    const Var sums = pool_pairs(x, turn, config_.pairing);
    return config_.pool == Pool::pair ? sums : sum(sums, {-1}, Keep::yes);
  }
  RopePoolConfig config_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

suite::Finding prove_equation_23(const SuiteSubject& s) {
  return suite::prove_pairs(
      s, {}, [](double q1, double q2, double k1, double k2, double minus, double plus) {
        return (q1 * k1 + q2 * k2) * std::cos(minus) + (q1 * k2 - q2 * k1) * std::sin(minus) +
               (q1 * k1 - q2 * k2) * std::sin(plus) + (q1 * k2 + q2 * k1) * std::cos(plus);
      });
}

suite::Finding prove_equation_26(const SuiteSubject& s) {
  return suite::prove_angles(s, {}, suite::AngleFrequencies::of_pairs, [](const suite::Angles& a) {
    constexpr double quarter = std::numbers::pi / 4;
    return 2 * std::cos(a.content_q + a.context_q - quarter) *
           std::cos(a.content_k + a.context_k - quarter);
  });
}

/// A key and its mirror image about the query, in content and in context.
suite::Finding prove_reflection(const SuiteSubject& s) {
  const auto score = [&s](double content, double context) {
    return suite::angle_score(s, {}, suite::AngleFrequencies::of_pairs, 0.9,
                              {0.7, 0.99, 0.7 + content, 0.99 + context});
  };
  const double change = score(0.5, 0.72) - score(-0.5, -0.72);
  const std::string text =
      fmt::format("scores of a key and its mirror image differ by {:.2g}", change);
  return std::abs(change) > 0.1 ? suite::holds(text) : suite::broken(text);
}

suite::Finding prove_golden(const SuiteSubject& s) {
  const suite::Numbers q{1.5720195585, 2.5528211290}, k{-0.0809532887, -0.2803470270};
  return suite::prove_golden(s, {{{"frequencies=1,0.1"}, -0.8429359671, q, k},
                                 {{"base=100"}, -0.8429359671, q, k},
                                 {{"frequencies=1,0.1", "pool=cross_pair"}, -0.2979161285},
                                 {{"frequencies=1,0.1", "pool=total"}, -1.4903062425}});
}

}  // namespace

extern const EncodingDef kRopePool{
    .name = "ropepool",
    .family = "rotary, pooled",
    .formula = "sum_d s_d(q, p_m) s_d(k, p_n), s_d = x1 (c + s) + x2 (c - s)",
    .takes = "a number or a vector, of any tracks",
    .source = "Agarwal et al. 2025, Of All StrIPEs (arXiv 2504.05364)",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"eq. 23", "scores are those of eq. 23", prove_equation_23, ProofOptions::other},
                   {"eq. 26", "unit pairs: eq. 26", prove_equation_26, ProofOptions::other},
                   {"reflection", "tells a key from its mirror image", prove_reflection,
                    ProofOptions::other},
                   {"by hand", "features and scores worked out by hand", prove_golden,
                    ProofOptions::other}},
    .options = {{"tracks", "time", "tracks", "the labels that turn"},
                {"width", "number of tracks", "1 to 4096",
                 "numbers per label: 12 for a chroma vector"},
                {"pool", "pair", "pair, cross_pair, total", "what is added up"},
                {"pairing", "interleaved", "interleaved, half", "which coordinates are a pair"},
                {"base", "10000", "1 to 1e12", "of the first frequencies of scalar labels"},
                {"deviation", "0.5", "0 to 1e6", "of the first frequencies of vector labels"},
                {"frequencies", "none", "list [pair][label] or [head][pair][label]",
                 "where the frequencies start"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<RopePool>(build, shape, RopePoolConfig::read(options));
    }};

}  // namespace gradus::pe
