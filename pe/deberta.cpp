#include <cmath>
#include <numbers>

#include "nn/linear.h"
#include "pe/label_encoding.h"
#include "pe/table.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Disentangled attention (He et al. 2021, eq. 3 and 4): content and lag have vectors of their own,
and the score is the sum of content with content, content with lag, and lag with content.

    a_mn = (q_m . k_n + q_m . W_k r[c(D)] + k_n . W_q r[c(-D)]) / sqrt(3),   D = p_m - p_n
    score_mn = a_mn / sqrt(d),   c(D) = min(max(D, -clip), clip - 1) + clip

sqrt(3 d), for three terms: here the queries are divided by sqrt(3) beforehand. Lag with lag is left
out, as in the paper. r [2 clip, D_model] is learned, and W_k and W_q [D_model, D_model] give every
head its part. Several labels: the sum of a table r each, behind the same W.

    layout   r rows  -clip ... -1 | 0 ... clip - 1        c(D) = 0 ... 2 clip - 1
    closed form   G = I / sqrt(3), alpha = W_k r[c(D)] / sqrt(3), beta = W_q r[c(-D)] / sqrt(3)
)";

constexpr Traits kTraits{.hooks = kTransform | kScoreBias,
                         .takes_vector = true,
                         .cost = Cost::quadratic,
                         .relative = Relative::exactly,
                         .learned = true,
                         .whole_labels = true};

struct DebertaConfig {
  LabelConfig labels;
  int64 clip = 128;

  static DebertaConfig read(Options& o) {
    DebertaConfig c;
    c.labels = read_labels(o, true);
    c.clip = o.integer("clip", c.clip, 1, 1 << 20);
    return c;
  }
};

class Deberta : public LabelEncoding {
 public:
  Deberta(const Build& build, EncodingShape shape, DebertaConfig config)
      : LabelEncoding(build, shape, config.labels, LabelValues::whole),
        clip_(config.clip),
        table_(parameter("table", init::normal_values(
                                      rng("table"), {label_width(), 2 * config.clip, shape.d_model},
                                      1 / std::sqrt(static_cast<double>(shape.d_model)), dtype()))),
        key_(child("key"), shape.d_model, shape.d_model, Bias::no),
        query_(child("query"), shape.d_model, shape.d_model, Bias::no) {}
  Traits traits() const override { return kTraits; }

  QueryKey transform(const Var& q, const Var& k, const Positions&, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    return {(q * std::numbers::inv_sqrt3).named("q"), k};
  }

  std::optional<Var> score_bias(const Var& q, const Var& k, const Positions& positions,
                                Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Tensor labels = checked_labels(positions);
    const double factor =
        std::numbers::inv_sqrt3 / std::sqrt(static_cast<double>(shape().head_dim()));
    const Var query = q * factor, keys = k * factor;
    Var total;
    for (int64 c = 0; c < label_width(); ++c) {
      const Tensor lag = lags(labels, positions, c);
      const Var s = row_scores(query, rows(key_, c, pass), row(lag)) +
                    row_scores_of_keys(keys, rows(query_, c, pass), row(neg(lag)));
      total = c == 0 ? s : total + s;
    }
    return total.named("score_bias");
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    Pass pass = Pass::eval();
    const Tensor lag = sub(p_m, p_n);
    const auto vectors = [&](const Linear& layer, const Tensor& ids) {
      Tensor total = zeros({shape().heads, shape().head_dim()}, DType::f64);
      for (int64 c = 0; c < label_width(); ++c)
        total = add(total,
                    cast(select(rows(layer, c, pass).value(), 1, static_cast<int64>(ids.at({c}))),
                         DType::f64));
      return mul(total, std::numbers::inv_sqrt3);
    };
    return Interaction{.g = mul(unit_products(), std::numbers::inv_sqrt3),
                       .alpha = vectors(key_, row(lag)),
                       .beta = vectors(query_, row(neg(lag))),
                       .gamma = {}};
  }

 private:
  Tensor row(const Tensor& lag) const { return clipped(lag, -clip_, clip_ - 1); }
  /// [H, 2 clip, d]
  Var rows(const Linear& layer, int64 column, Pass& pass) const {
    return split_rows(layer(select(*table_, 0, column), pass), shape().heads);
  }

  int64 clip_;
  Parameter& table_;
  Linear key_, query_;
};

}  // namespace

extern const EncodingDef kDeberta{
    .name = "deberta",
    .family = "relative",
    .formula = "(q_m . k_n + q_m . W_k r[p_m - p_n] + k_n . W_q r[p_n - p_m]) / sqrt(3)",
    .takes = "whole numbers of any tracks: the sum of a table each",
    .source = "He et al. 2021",
    .derivation = kDerivation,
    .traits = kTraits,
    .options = {{"tracks", "time", "tracks", "the labels whose lags are looked up"},
                {"width", "number of tracks", "1 to 4096", "numbers per label"},
                {"clip", "128", "1 to 2^20", "half the rows of the table; lags beyond share one"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Deberta>(build, shape, DebertaConfig::read(options));
    }};

}  // namespace gradus::pe
