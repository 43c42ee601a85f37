#include <array>
#include <cmath>

#include "nn/linear.h"
#include "pe/label_encoding.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Relative encoding of Transformer-XL (Dai et al. 2019, section 3.3): the product of two tokens with
sinusoidal codes has four terms; codes of positions become codes r of lags, and the query's own
position two learned vectors u and v for each head.

    a_mn = q_m . k_n          content and content                    (a)
         + q_m . W r_D        content and lag                        (b)
         + u . k_n            content of the key, for any query      (c)
         + v . W r_D          lag, for any query                     (d)        D = p_m - p_n

Divided by sqrt(d), all of it. W [D_model, D_model] gives every head its part. (b) and (d) are worked
out for each lag that occurs: 2N - 1 of them where labels are whole and run evenly. Several labels:
each has a W of its own, and the sums of (b) and (d) are taken.

    layout   r [sin w_0 D, sin w_1 D, ..., cos w_0 D, cos w_1 D, ...]   width D_model
    closed form   G = I, alpha = W r_D, beta = u, gamma = v . W r_D
)";

constexpr Traits kTraits{.hooks = kScoreBias,
                         .takes_vector = true,
                         .cost = Cost::quadratic,
                         .relative = Relative::exactly,
                         .learned = true};

struct TransformerXlConfig {
  LabelConfig labels;
  double base = 10000;

  static TransformerXlConfig read(Options& o) {
    TransformerXlConfig c;
    c.labels = read_labels(o, true);
    c.base = o.real("base", c.base, 1, 1e12);
    return c;
  }
};

class TransformerXl : public LabelEncoding, public HasFrequencies {
 public:
  TransformerXl(const Build& build, EncodingShape shape, const TransformerXlConfig& config)
      : LabelEncoding(build, shape, config.labels),
        key_(parameter("u", start("u"))),
        lag_(parameter("v", start("v"))) {
    const int64 d = shape.d_model;
    check<ConfigError>(d % 2 == 0,
                       "transformer_xl codes lags as pairs of sin and cos: d_model must be even, "
                       "got {}; make it {}",
                       d, even_sizes_near(d));
    frequencies_ = reshape(exponential_frequencies(1, d / 2, config.base), {d / 2});
    for (int64 c = 0; c < label_width(); ++c)
      projections_.push_back(
          std::make_unique<Linear>(child(fmt::format("lag{}", c)), d, d, Bias::no));
  }
  Traits traits() const override { return kTraits; }
  Tensor own_frequencies() const override { return for_every_label(frequencies_, label_width()); }

  std::optional<Var> score_bias(const Var& q, const Var& k, const Positions& positions,
                                Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Tensor labels = checked_labels(positions);
    const int64 heads = shape().heads, d = shape().head_dim();
    const double factor = 1 / std::sqrt(static_cast<double>(d));
    Var total = transpose(matmul(k, reshape(*key_ * factor, {heads, d, 1})));  // [B,H,1,Nk]
    const Var query = (q + reshape(*lag_, {heads, 1, d})) * factor;
    for (int64 c = 0; c < label_width(); ++c) {
      const DistinctLags distinct = distinct_lags(lags(labels, positions, c));
      total = total + row_scores(query, rows(distinct.lags, c, pass), distinct.index);
    }
    return total.named("score_bias");
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    Pass pass = Pass::eval();
    const Tensor lag = sub(p_m, p_n);
    Tensor alpha = zeros({shape().heads, shape().head_dim()}, DType::f64);
    for (int64 c = 0; c < label_width(); ++c)
      alpha = add(alpha,
                  cast(select(rows(slice(lag, 0, c, c + 1), c, pass).value(), 1, 0), DType::f64));
    return Interaction{.g = unit_products(),
                       .alpha = alpha,
                       .beta = cast(key_.value(), DType::f64),
                       .gamma = sum(mul(cast(lag_.value(), DType::f64), alpha), {1})};
  }

 private:
  Tensor start(std::string_view which) const {
    return init::normal_values(rng(which), {shape().heads, shape().head_dim()}, 0.02, dtype());
  }
  /// W r of these lags, [H, U, d].
  Var rows(const Tensor& lags, int64 column, Pass& pass) const {
    const Var theta =
        phase(frequencies_of_label(column, frequencies_), Var(unsqueeze(lags, 1)), DType::f64);
    const std::array<Var, 2> parts{sin(theta), cos(theta)};
    const Var code = cast(concat(parts, 1), dtype()).named("code");
    return split_rows((*projections_[static_cast<std::size_t>(column)])(code, pass), shape().heads);
  }

  Tensor frequencies_;
  Parameter &key_, &lag_;
  std::vector<std::unique_ptr<Linear>> projections_;
};

}  // namespace

extern const EncodingDef kTransformerXl{
    .name = "transformer_xl",
    .family = "relative",
    .formula = "q_m . k_n + q_m . W r + u . k_n + v . W r, r sinusoids of p_m - p_n",
    .takes = "numbers of any tracks: the sum of a W each",
    .source = "Dai et al. 2019",
    .derivation = kDerivation,
    .traits = kTraits,
    .options = {{"tracks", "time", "tracks", "the labels whose lags are encoded"},
                {"width", "number of tracks", "1 to 4096", "numbers per label"},
                {"base", "10000", "1 to 1e12", "of the frequencies"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<TransformerXl>(build, shape, TransformerXlConfig::read(options));
    }};

}  // namespace gradus::pe
