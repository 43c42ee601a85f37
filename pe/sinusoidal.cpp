#include <array>

#include "pe/label_encoding.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/reduce.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Absolute: a fixed vector of the label is added to the input (Vaswani et al. 2017, section 3.5):

    x_m + e(p_m),   e_{2i}(p) = sin(w_i p),  e_{2i+1}(p) = cos(w_i p),  w_i = base^(-2i/D),  i < D/2

The label of a token may be a vector: then w_i is one too, drawn once from independent normal
numbers, and w_i p is w_i . p. The inner product of two codes depends on the lag only: e(p) . e(p') = sum_i cos(w_i . (p - p')).
The score of two tokens does not: content and position are added before the projections.

    layout   e [sin w_0 p, cos w_0 p, sin w_1 p, cos w_1 p, ...]     width D, added to x [B, N, D]
)";

constexpr Traits kTraits{.hooks = kEmbed, .takes_vector = true};

struct SinusoidalConfig {
  LabelConfig labels;
  FrequencyConfig frequencies;

  static SinusoidalConfig read(Options& o) {
    SinusoidalConfig c;
    c.labels = read_labels(o, true);
    c.frequencies = read_frequencies(o);
    return c;
  }
};

class Sinusoidal : public LabelEncoding, public HasFrequencies {
 public:
  Sinusoidal(const Build& build, EncodingShape shape, const SinusoidalConfig& config)
      : LabelEncoding(build, shape, config.labels) {
    const int64 d = shape.d_model;
    check<ConfigError>(d % 2 == 0,
                       "sinusoidal codes are pairs of sin and cos: d_model must be even, got {}; "
                       "make it {}",
                       d, even_sizes_near(d));
    frequencies_ = initial_frequencies(config.frequencies, 1, d / 2, label_width(),
                                       rng("frequencies"), "sinusoidal");
    if (label_width() > 1) drawn_ = &buffer("frequencies", frequencies_, BufferDType::fixed);
  }
  Traits traits() const override { return kTraits; }
  Tensor own_frequencies() const override { return drawn_ ? drawn_->value() : frequencies_; }

  Var embed(const Var& x, const Positions& positions, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Tensor labels = query_rows(checked_labels(positions), positions);
    check_embedded(x, labels);
    const Var frequencies = studied().defined() ? studied() : Var(own_frequencies());
    const Var theta = squeeze(angles(frequencies, labels, x.dtype()), 1);
    const std::array<Var, 2> parts{sin(theta), cos(theta)};
    const Var code =
        reshape(stack(parts, -1), {labels.size(0), labels.size(1), shape().d_model}).named("code");
    return (x + code).named("embedded");
  }

 private:
  Tensor frequencies_;
  const Buffer* drawn_ = nullptr;
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// Of codes at labels that are moved together, one label or all.
suite::Finding prove_lag_only(const SuiteSubject& s) {
  const auto e = suite::build(s);
  const int64 width = s.label_width;
  const Tensor pair = suite::random_labels(s, *e, 42, 1, 2);
  const auto product = [&](const Tensor& labels) {
    Pass pass = Pass::eval();
    const Tensor code = e->embed(Var(zeros({1, 2, s.shape.d_model}, DType::f64)),
                                 positions_for(*e, labels, s.name), pass)
                            .value();
    return sum(mul(select(code, 1, 0), select(code, 1, 1))).item();
  };
  const double expected = product(pair);
  suite::Worst worst;
  for (double shift : {1.0, 100.0, 1e4}) {
    suite::Numbers first(static_cast<std::size_t>(width), 0.0);
    first[0] = -shift;
    worst.include(product(add(pair, shift)), expected, fmt::format("shifted by {}", shift));
    worst.include(product(add(pair, from_values(first, {width}))), expected,
                  fmt::format("one label shifted by {}", shift));
  }
  const suite::Numbers ends{0, 1};
  const double other = product(add(pair, reshape(from_values(ends, {2}), {1, 2, 1})));
  if (!(std::abs(other - expected) > 1e-3))
    return suite::broken(fmt::format("another lag changes it by {:.3g}", other - expected));
  return worst.within(1e-10);
}

}  // namespace

extern const EncodingDef kSinusoidal{
    .name = "sinusoidal",
    .family = "absolute",
    .formula = "x_m + [sin(w_i . p_m), cos(w_i . p_m)], w_i = base^(-2i/D)",
    .takes = "a number or a vector, of any tracks",
    .source = "Vaswani et al. 2017",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"lag only", "inner products of two codes depend on p_m - p_n alone",
                    prove_lag_only}},
    .options = {{"tracks", "time", "tracks", "the labels that are encoded"},
                {"width", "number of tracks", "1 to 4096",
                 "numbers per label: 12 for a chroma vector"},
                {"base", "10000", "1 to 1e12", "of the frequencies of scalar labels"},
                {"deviation", "0.5", "0 to 1e6", "of the random frequencies of vector labels"},
                {"frequencies", "none", "list [i][label], i < D/2",
                 "in place of base and deviation"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Sinusoidal>(build, shape, SinusoidalConfig::read(options));
    }};

}  // namespace gradus::pe
