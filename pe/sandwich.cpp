#include <cmath>

#include "pe/lag_bias.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Sandwich (Chi et al. 2023, section 5): the inner product of two sinusoidal codes, which depends on
the lag only, without the terms between codes and contents, each head at a scale of its own.

    b_h(x) = H / (8h) sum_{i < D'/2} cos(x / base^(2i/D')),   h = 1..H
    score_mn = q_m . k_n / sqrt(d) + b_h(p_m - p_n)

The scale is the inverse of ALiBi's exponent 8h/H. D' = terms, 128 in the paper for any model. The
authors' code also subtracts D'/2, the value at lag 0, which the softmax does not see. A sum of
cosines is positive definite.

    layout   bias [H, Nq, Nk], added to the scaled scores; q and k as they are
    closed form   a = q . k + sqrt(d) b_h(p_m - p_n)
)";

constexpr Traits kTraits{.hooks = kLagBias,
                         .takes_vector = true,
                         .cost = Cost::quadratic,
                         .relative = Relative::exactly,
                         .conditionally_positive = true};

struct SandwichConfig {
  LabelConfig labels;
  int64 terms = 128;
  double base = 10000;

  static SandwichConfig read(Options& o) {
    SandwichConfig c;
    c.labels = read_labels(o, true);
    c.terms = o.integer("terms", c.terms, 1, 65536);
    check<ConfigError>(c.terms % 2 == 0,
                       "{}: sinusoidal codes are pairs of sin and cos: 'terms' must be even, got "
                       "{}; make it {}",
                       o.where(), c.terms, even_sizes_near(c.terms));
    c.base = o.real("base", c.base, 1, 1e12);
    return c;
  }
};

class Sandwich : public LagBias, public HasFrequencies {
 public:
  Sandwich(const Build& build, EncodingShape shape, SandwichConfig config)
      : LagBias(build, shape, config.labels, kTraits),
        frequencies_(reshape(exponential_frequencies(1, config.terms / 2, config.base),
                             {config.terms / 2})) {
    std::vector<double> scales;
    const auto heads = static_cast<double>(shape.heads);
    for (int64 h = 1; h <= shape.heads; ++h) scales.push_back(heads / (8 * static_cast<double>(h)));
    scales_ = from_values(scales, {shape.heads, 1});
  }
  Tensor own_frequencies() const override { return for_every_label(frequencies_, label_width()); }

 protected:
  Var bias(int64 column, const Tensor& delta) const override {
    const DistinctLags distinct = distinct_lags(delta);
    const Var theta = phase(frequencies_of_label(column, frequencies_),
                            Var(unsqueeze(distinct.lags, 1)), DType::f64);
    const Var table = Var(scales_) * unsqueeze(sum(cos(theta), {1}), 0);  // [H, U]
    std::vector<Var> of_heads;
    for (int64 h = 0; h < table.size(0); ++h)
      of_heads.push_back(take_rows(select(table, 0, h), Var(distinct.index)));
    return cast(stack(of_heads, 0), dtype());
  }

 private:
  Tensor frequencies_, scales_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

suite::Finding prove_sinusoids(const SuiteSubject& s) {
  if (s.label_width > 1) return suite::not_declared();
  Options read = s.options;
  const int64 terms = read.integer("terms", SandwichConfig{}.terms, 1, 65536);
  Options same;
  if (s.options.has("base")) same.set("base", s.options.values().at("base"));
  const auto codes = suite::build_other("sinusoidal", same, {terms, 1});
  const auto e = suite::build(s);
  suite::Worst worst;
  for (double lag : {0.0, 1.0, -23.5, 400.0}) {
    Pass pass = Pass::eval();
    const Tensor code = codes
                            ->embed(Var(zeros({1, 2, terms}, DType::f64)),
                                    suite::labels_of(*codes, {17 + lag, 17}), pass)
                            .value();
    const double product = sum(mul(select(code, 1, 0), select(code, 1, 1))).item();
    suite::Numbers expected;
    for (int64 h = 1; h <= s.shape.heads; ++h)
      expected.push_back(product * static_cast<double>(s.shape.heads) /
                         (8 * static_cast<double>(h)));
    worst.include(suite::lag_biases(*e, {lag}), expected, fmt::format("lag {}", lag));
  }
  return worst.within(1e-11);
}

}  // namespace

extern const EncodingDef kSandwich{
    .name = "sandwich",
    .family = "lag bias",
    .formula = "H/(8h) sum_{i < D'/2} cos((p_m - p_n) / base^(2i/D'))",
    .takes = "numbers of any tracks: the sum of a bias each",
    .source = "Chi et al. 2023",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"sinusoids", "equals the inner product of sinusoidal codes times H/(8h)",
                    prove_sinusoids}},
    .options = {{"tracks", "time", "tracks", "the labels whose lags are encoded"},
                {"width", "number of tracks", "1 to 4096", "numbers per label"},
                {"terms", "128", "even, to 65536", "D', size of the sinusoidal code"},
                {"base", "10000", "1 to 1e12", "of the frequencies"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Sandwich>(build, shape, SandwichConfig::read(options));
    }};

}  // namespace gradus::pe
