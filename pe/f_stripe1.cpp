#include <cmath>

#include "pe/stripes.h"
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
    const TurnPair turn = turns(q, k, positions, shape().head_dim());
    const auto coded = [this](const Var& x, const Turn& t) {
      return config_.pooled ? modulate_and_pool(x, t) : modulate(x, t);
    };
    return {coded(q, turn.q).named("q"), coded(k, turn.k).named("k")};
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

}  // namespace

extern const EncodingDef kFStripe1{
    .name = "f_stripe1",
    .family = "random features, structural",
    .formula = "sum_d q_d k_d cos(f_d . (p_m - p_n)), pooled: with cross terms",
    .takes = "a number or a vector, of any tracks",
    .source = "Agarwal et al. 2025, Of All StrIPEs (arXiv 2504.05364)",
    .derivation = kDerivation,
    .traits = kTraits,
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
