#include <cmath>

#include "pe/stripes.h"
#include "pe/suite_pairs.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(F-StrIPE with one learned frequency a coordinate ("Of All StrIPEs", eq. 15 and 20): a coordinate is
modulated, not turned,

    h(a_d) = [a_d cos(f_d . p), a_d sin(f_d . p)]                                            (20)
    unpooled: all h(a_d) side by side    a_mn = sum_d q_md k_nd cos(f_d . (p_m - p_n))       (15)
    pooled:   sum_d h(a_d), two numbers a head (the paper's form)
              a_mn = sum_{d,e} q_md k_ne cos(f_d . p_m - f_e . p_n)

Pooled is (15) plus the cross terms d != e. They vanish in the mean over independent coordinates
only; for one pair of tokens they are larger than (15) itself, and with them the score no longer
depends on the difference of labels alone.

Frequencies are learned, one set a head: f = pi sigmoid(w), w ~ N(-4, 1) for scalar labels
(parametrisation = sigmoid); plain numbers f ~ N(0, deviation) for vector labels (free).

    layout   unpooled   [a1 cos, a1 sin, a2 cos, a2 sin, ...]   width 2d
             pooled     [sum a_d cos, sum a_d sin]              width 2
    closed form   unpooled G = diag(cos D_d), D_d = f_d . (p_m - p_n)
                  pooled   G_de = cos(f_d . p_m - f_e . p_n)
)";

struct FStripe1Config {
  LabelConfig labels;
  FrequencyConfig frequencies;
  bool pooled = true;
  Parametrisation parametrisation = Parametrisation::squashed;

  static FStripe1Config read(Options& o) {
    FStripe1Config c;
    c.labels = read_labels(o, true);
    c.frequencies = read_frequencies(o, false);
    c.pooled = o.flag("pooled", c.pooled);
    c.parametrisation = read_parametrisation(o, c.labels.width);
    return c;
  }
};

constexpr Traits kTraits{.hooks = kTransform, .takes_vector = true, .learned = true};

class FStripe1 : public AngleEncoding {
 public:
  FStripe1(const Build& build, EncodingShape shape, FStripe1Config config)
      : AngleEncoding(build, shape, config.labels), config_(std::move(config)) {
    set_frequencies(
        first_frequencies(config_.frequencies, config_.parametrisation, shape.heads,
                          shape.head_dim(), label_width(), rng("frequencies"), "f_stripe1"),
        Frequencies::learned);
  }

  Traits traits() const override {
    Traits t = kTraits;
    if (!config_.pooled) {
      t.relative = Relative::exactly;
      t.norm_preserving = true;
    }
    return t;
  }

  QueryKey transform(const Var& q, const Var& k, const Positions& positions,
                     Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const TablePair t = tables(q, k, positions, shape().head_dim());
    const Var w = even_weights(t.k);
    const auto code = config_.pooled ? modulate_and_pool : modulate;
    return {code(q, t.q, w).named("q"), code(k, t.k, w).named("k")};
  }

  int64 transformed_width(int64 d) const override { return config_.pooled ? 2 : 2 * d; }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    const int64 d = shape().head_dim(), heads = shape().heads;
    const std::vector<double> m = angles_at(p_m), n = angles_at(p_n),
                              difference = angles_at(sub(p_m, p_n));
    std::vector<double> g(static_cast<std::size_t>(heads * d * d));
    for (int64 h = 0; h < heads; ++h)
      for (int64 i = 0; i < d; ++i)
        for (int64 j = 0; j < d; ++j) {
          const std::size_t a = static_cast<std::size_t>(h * d + i),
                            b = static_cast<std::size_t>(h * d + j);
          double& value = g[a * static_cast<std::size_t>(d) + static_cast<std::size_t>(j)];
          if (i == j)
            value = std::cos(difference[a]);
          else if (config_.pooled)
            value = std::cos(m[a] - n[b]);
        }
    return Interaction{.g = from_values(g, {heads, d, d}), .alpha = {}, .beta = {}, .gamma = {}};
  }

 protected:
  Var frequencies() const override {
    return frequencies_of(stored_frequencies(), config_.parametrisation);
  }

 private:
  FStripe1Config config_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// Scores of random tokens, sum_d of q_d k_d cos(f_d (p_m - p_n)), pooled: over all d and e.
suite::Finding prove_products(const SuiteSubject& s, bool pooled) {
  constexpr std::size_t heads = 2, size = 8;
  suite::Worst worst;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Rng rng = Rng(seed).stream("products");
    const suite::Numbers f = uniform(rng, {heads * size}, 0.05, 2, DType::f64).to_vector<double>();
    Options options;
    options.set("pooled", OptionValue(pooled));
    options.set("frequencies", OptionValue(f));
    const auto e = s.with(options)(Build("pe", Rng(1), DType::f64), {heads * size, heads});
    const Tensor q = suite::random_normal(seed, {heads, size}),
                 k = suite::random_normal(seed + 9, {heads, size});
    const double p_m = 40 * uniform_number(rng) - 20, p_n = 40 * uniform_number(rng) - 20;
    const suite::Numbers x = q.to_vector<double>(), y = k.to_vector<double>();
    suite::Numbers expected(heads, 0.0);
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t j = i / size * size; j < (i / size + 1) * size; ++j)
        if (pooled || i == j) expected[i / size] += x[i] * y[j] * std::cos(f[i] * p_m - f[j] * p_n);
    worst.include(suite::raw_scores(*e, q, k, {p_m}, {p_n}), expected);
  }
  return worst.within(1e-12);
}

suite::Finding prove_equation_15(const SuiteSubject& s) { return prove_products(s, false); }
suite::Finding prove_pooled(const SuiteSubject& s) { return prove_products(s, true); }

suite::Finding prove_unpooled(const SuiteSubject& s) {
  const SuiteSubject apart =
      suite::variant(s, suite::with_settings(s.options, {"pooled=false"}), s.shape);
  if (suite::build(apart)->traits().relative != Relative::exactly)
    return suite::broken("declared not relative");
  return suite::prove_relative(apart);
}

suite::Finding prove_equation_25(const SuiteSubject& s) {
  return suite::prove_angles(s, suite::with_settings({}, {"pooled=false", "parametrisation=free"}),
                             suite::AngleFrequencies::of_coordinates, [](const suite::Angles& a) {
                               return std::cos(a.content_q - a.content_k) *
                                      std::cos(a.context_q - a.context_k);
                             });
}

suite::Finding prove_golden(const SuiteSubject& s) {
  const char* const f = "frequencies=1,0.5,0.1,0.01";
  const suite::Numbers q{1.4617074332, 0.0155160569}, k{0.3845945460, -1.1792659039};
  return suite::prove_golden(s,
                             {{{f, "pooled=false", "parametrisation=sigmoid"}, -1.5009962544},
                              {{f, "pooled=false", "parametrisation=free"}, -1.5009962544},
                              {{f, "pooled=true", "parametrisation=sigmoid"}, 0.5438671498, q, k},
                              {{f, "pooled=true", "parametrisation=free"}, 0.5438671498, q, k}});
}

}  // namespace

extern const EncodingDef kFStripe1{
    .name = "f_stripe1",
    .family = "random features, structural",
    .formula = "sum_d q_d k_d cos(f_d . (p_m - p_n)), pooled: with cross terms",
    .takes = "a number or a vector, of any tracks",
    .source = "Agarwal et al. 2025, Of All StrIPEs (arXiv 2504.05364)",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"eq. 15", "unpooled: scores are those of eq. 15", prove_equation_15,
                    ProofOptions::other},
                   {"unpooled", "unpooled: exactly relative", prove_unpooled},
                   {"pooled", "pooled: with cos(f_d p_m - f_e p_n) for all d and e", prove_pooled,
                    ProofOptions::other},
                   {"eq. 25", "unpooled unit pairs: cos(psi_q - psi_k) cos(f (xi_m - xi_n))",
                    prove_equation_25, ProofOptions::other},
                   {"by hand", "features and scores worked out by hand", prove_golden,
                    ProofOptions::other}},
    .options = {{"tracks", "time", "tracks", "the labels that modulate"},
                {"width", "number of tracks", "1 to 4096",
                 "numbers per label: 12 for a chroma vector"},
                {"pooled", "true", "true, false", "add the coordinates up, or keep them apart"},
                {"parametrisation", "sigmoid; free for vectors", "sigmoid, free",
                 "f = pi sigmoid(w), or f itself"},
                {"deviation", "0.5", "0 to 1e6", "of the first frequencies where they are free"},
                {"frequencies", "none", "list [d][label] or [head][d][label]",
                 "where the frequencies start"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<FStripe1>(build, shape, FStripe1Config::read(options));
    }};

}  // namespace gradus::pe
