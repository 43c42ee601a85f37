#include <cmath>

#include "pe/label_encoding.h"
#include "pe/table.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Relative position representations (Shaw et al. 2018, eq. 3 and 4): a learned vector for each
clipped lag is added to the key, and another to the value.

    score_mn = q_m . (k_n + a^K[c]) / sqrt(d),   c = min(max(p_m - p_n, -clip), clip)
    y_m      = sum_n w_mn (v_n + a^V[c])

Worked out by rows of the table, as q_m . a^K for all 2 clip + 1 of them, of which each pair of
tokens picks one, and as the sums of the weights that fall on each row of a^V: no N x N x d memory.
The tables are shared by the heads, as in the paper, or each head has its own. Several labels: the
sum of a table each.

    layout   tables [label][lag from -clip to clip][head][d]
    closed form   a = q . k + q . a^K[c]        (the values' part is no score)
)";

constexpr Traits kTraits{.hooks = kScoreBias | kValueBias,
                         .takes_vector = true,
                         .cost = Cost::quadratic,
                         .relative = Relative::exactly,
                         .learned = true,
                         .whole_labels = true};

struct ShawConfig {
  LabelConfig labels;
  int64 clip = 16;
  bool values = true, own = false;

  static ShawConfig read(Options& o) {
    ShawConfig c;
    c.labels = read_labels(o, true);
    c.clip = o.integer("clip", c.clip, 0, 1 << 20);
    c.values = o.flag("values", c.values);
    c.own = o.choice("tables", "shared", {"shared", "own"}) == "own";
    return c;
  }
};

class Shaw : public LabelEncoding {
 public:
  Shaw(const Build& build, EncodingShape shape, ShawConfig config)
      : LabelEncoding(build, shape, config.labels, LabelValues::whole),
        config_(std::move(config)),
        keys_(parameter("keys", start("keys"))),
        values_(config_.values ? &parameter("values", start("values")) : nullptr) {}

  Traits traits() const override {
    Traits t = kTraits;
    if (!config_.values) t.hooks = kScoreBias;
    return t;
  }

  std::optional<Var> score_bias(const Var& q, const Var&, const Positions& positions,
                                Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Tensor labels = checked_labels(positions);
    const Var scaled = q * (1 / std::sqrt(static_cast<double>(shape().head_dim())));
    Var total;
    for (int64 c = 0; c < label_width(); ++c) {
      const Var s = row_scores(scaled, rows(keys_, c), index(labels, positions, c));
      total = c == 0 ? s : total + s;
    }
    return total.named("score_bias");
  }

  std::optional<Var> value_bias(const Var& weights, const Positions& positions,
                                Pass& pass) const override {
    if (!values_) return std::nullopt;
    const ScopeGuard scope = enter(pass);
    const Tensor labels = checked_labels(positions);
    Shape by_row = weights.shape();
    by_row[3] = 2 * config_.clip + 1;
    Var total;
    for (int64 c = 0; c < label_width(); ++c) {
      const Var ids(unsqueeze(index(labels, positions, c), 1));
      const Var y = matmul(scatter_add(weights, -1, ids, by_row), rows(*values_, c));
      total = c == 0 ? y : total + y;
    }
    return total.named("value_bias");
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    const Tensor row = clipped(sub(p_m, p_n), -config_.clip, config_.clip);
    Tensor alpha = zeros({shape().heads, shape().head_dim()}, DType::f64);
    for (int64 c = 0; c < label_width(); ++c)
      alpha = add(alpha, cast(select(rows(keys_, c).value(), 1, static_cast<int64>(row.at({c}))),
                              DType::f64));
    return Interaction{.g = unit_products(), .alpha = alpha, .beta = {}, .gamma = {}};
  }

 private:
  Tensor start(std::string_view which) const {
    const int64 d = shape().head_dim();
    return init::normal_values(
        rng(which), {label_width(), 2 * config_.clip + 1, config_.own ? shape().heads : 1, d},
        1 / std::sqrt(static_cast<double>(d)), dtype());
  }
  /// [H|1, 2 clip + 1, d]
  static Var rows(const Parameter& table, int64 column) {
    return transpose(select(*table, 0, column), 0, 1);
  }
  Tensor index(const Tensor& labels, const Positions& positions, int64 column) const {
    return clipped(lags(labels, positions, column), -config_.clip, config_.clip);
  }

  ShawConfig config_;
  Parameter& keys_;
  Parameter* values_;
};

}  // namespace

extern const EncodingDef kShaw{
    .name = "shaw",
    .family = "relative",
    .formula = "q_m . k_n + q_m . a[clip(p_m - p_n)]; values likewise",
    .takes = "whole numbers of any tracks: the sum of a table each",
    .source = "Shaw et al. 2018",
    .derivation = kDerivation,
    .traits = kTraits,
    .options = {{"tracks", "time", "tracks", "the labels whose lags are looked up"},
                {"width", "number of tracks", "1 to 4096", "numbers per label"},
                {"clip", "16", "0 to 2^20", "lags beyond it share a row"},
                {"values", "true", "true, false", "vectors for the values too"},
                {"tables", "shared", "shared, own", "by all heads, or one for each"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Shaw>(build, shape, ShawConfig::read(options));
    }};

}  // namespace gradus::pe
