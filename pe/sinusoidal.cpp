#include <array>

#include "pe/angles.h"
#include "pe/table.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Absolute: a fixed vector of the label is added to the input (Vaswani et al. 2017, section 3.5):

    x_m + e(p_m),   e_{2i}(p) = sin(w_i p),  e_{2i+1}(p) = cos(w_i p),  w_i = base^(-2i/D),  i < D/2

The inner product of two codes depends on the lag only: e(p) . e(p') = sum_i cos(w_i (p - p')).
The score of two tokens does not: content and position are added before the projections.

    layout   e [sin w_0 p, cos w_0 p, sin w_1 p, cos w_1 p, ...]     width D, added to x [B, N, D]
)";

constexpr Traits kTraits{.hooks = kEmbed};

struct SinusoidalConfig {
  LabelConfig labels;
  double base = 10000;

  static SinusoidalConfig read(Options& o) {
    SinusoidalConfig c;
    c.labels = read_labels(o, false);
    c.base = o.real("base", c.base, 1, 1e12);
    return c;
  }
};

class Sinusoidal : public PositionalEncoding {
 public:
  Sinusoidal(const Build& build, EncodingShape shape, SinusoidalConfig config)
      : PositionalEncoding(build, shape, config.labels.tracks) {
    const int64 d = shape.d_model;
    check<ConfigError>(d % 2 == 0,
                       "sinusoidal codes are pairs of sin and cos: d_model must be even, got {}; "
                       "make it {}",
                       d, even_sizes_near(d));
    frequencies_ = reshape(exponential_frequencies(1, d / 2, config.base), {1, d / 2, 1});
  }
  Traits traits() const override { return kTraits; }

  Var embed(const Var& x, const Positions& positions, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Tensor labels = query_labels(positions);
    check<ConfigError>(labels.size(2) == 1,
                       "sinusoidal takes labels of one number, '{}' has {}; name one of them, "
                       "'{}.0' say",
                       tracks()[0], labels.size(2), tracks()[0]);
    check_shape(x.rank() == 3 && x.size(1) == labels.size(1) && x.size(2) == shape().d_model &&
                    (labels.size(0) == 1 || labels.size(0) == x.size(0)),
                "sinusoidal: x is {}; labels {} and d_model = {} ask for (batch, {}, {})",
                x.shape(), labels.shape(), shape().d_model, labels.size(1), shape().d_model);
    const Var theta = squeeze(angles(frequencies_, labels, x.dtype()), 1);
    const std::array<Var, 2> parts{sin(theta), cos(theta)};
    const Var code =
        reshape(stack(parts, -1), {labels.size(0), labels.size(1), shape().d_model}).named("code");
    return (x + code).named("embedded");
  }

 private:
  Tensor frequencies_;
};

}  // namespace

extern const EncodingDef kSinusoidal{
    .name = "sinusoidal",
    .family = "absolute",
    .formula = "x_m + [sin(w_i p_m), cos(w_i p_m)], w_i = base^(-2i/D)",
    .takes = "one number: time or any track",
    .source = "Vaswani et al. 2017",
    .derivation = kDerivation,
    .traits = kTraits,
    .options = {{"tracks", "time", "one track", "the label that is encoded"},
                {"base", "10000", "1 to 1e12", "of the frequencies"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Sinusoidal>(build, shape, SinusoidalConfig::read(options));
    }};

}  // namespace gradus::pe
