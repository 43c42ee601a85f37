#include <array>
#include <cmath>
#include <numbers>

#include "pe/label_encoding.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(cosFormer's re-weighting (Qin et al. 2022, eq. 10-12): scores of non-negative features, times a
cosine that falls from 1 to 0 over the longest lag M, and split by the angle-sum identity, so that
attention stays linear:

    s(q_m, k_n) = phi(q_m) . phi(k_n) cos(pi/2 (p_m - p_n) / M)
                = (phi(q_m) cos a_m) . (phi(k_n) cos a_n) + (phi(q_m) sin a_m) . (phi(k_n) sin a_n)
    a = pi/2 p / M

M is the option max_length, never the length of a batch: a prefix must keep its outputs. Labels are
from 0 to one below M, where both parts are non-negative too, so that the normaliser stays positive.

    layout   [phi cos | phi sin]        width 2 m for m features
    closed form, of features   G = cos(pi/2 (p_m - p_n) / M) I
)";

constexpr int64 kMaxLength = 1024;

struct CosformerConfig {
  LabelConfig labels;
  int64 max_length = kMaxLength;

  static CosformerConfig read(Options& o) {
    CosformerConfig c;
    c.labels = read_labels(o, false);
    c.max_length = o.integer("max_length", c.max_length, 1, int64{1} << 40);
    return c;
  }
};

constexpr Traits kTraits{.hooks = kTransformFeatures,
                         .relative = Relative::exactly,
                         .max_length = kMaxLength,
                         .labels_below = kMaxLength};

class Cosformer : public LabelEncoding {
 public:
  Cosformer(const Build& build, EncodingShape shape, const CosformerConfig& config)
      : LabelEncoding(build, shape, config.labels), longest_(config.max_length) {}

  Traits traits() const override {
    Traits t = kTraits;
    t.labels_below = longest_;
    t.max_length = tracks()[0] == "time" ? longest_ : 0;
    return t;
  }

  QueryKey transform_features(const Var& fq, const Var& fk, const Positions& positions,
                              Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const QueryKey turns = feature_turns(positions, fq.dtype());
    const auto split = [](const Var& f, const Var& turn) {
      const std::array<Var, 2> parts{f * slice(turn, -1, 0, 1), f * slice(turn, -1, 1, 2)};
      return concat(parts, -1);
    };
    return {split(fq, turns.q).named("q"), split(fk, turns.k).named("k")};
  }

  /// cos a, sin a.
  QueryKey feature_turns(const Positions& positions, DType dtype) const override {
    const Tensor labels = checked_labels(positions);
    const std::vector<double> p = labels.to_vector<double>();
    for (std::size_t i = 0; i < p.size(); ++i)
      check<IndexError>(p[i] >= 0 && p[i] <= static_cast<double>(longest_ - 1),
                        "cosformer weighs lags up to max_length = {}, so labels go from 0 to {}; "
                        "'{}' of token {} is {}; set its option max_length",
                        longest_, longest_ - 1, tracks()[0], static_cast<int64>(i) % labels.size(1),
                        p[i]);
    const Tensor angle = mul(unsqueeze(labels, 1), quarter());  // [B|1, 1, N, 1]
    const Var keys(cast(concat(std::vector<Tensor>{cos(angle), sin(angle)}, -1), dtype));
    const int64 begin = positions.query_begin;
    return {slice(keys, 2, begin, begin + positions.query_count), keys};
  }

  int64 transformed_features(int64 m) const override { return 2 * m; }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    return Interaction{.space = Interaction::Space::feature,
                       .g = mul(unit_products(), std::cos(quarter() * (p_m.at({0}) - p_n.at({0})))),
                       .alpha = {},
                       .beta = {},
                       .gamma = {}};
  }

 private:
  double quarter() const { return std::numbers::pi / 2 / static_cast<double>(longest_); }
  int64 longest_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

}  // namespace

extern const EncodingDef kCosformer{
    .name = "cosformer",
    .family = "re-weighting",
    .formula = "phi(q_m) . phi(k_n) cos(pi/2 (p_m - p_n) / M)",
    .takes = "one number from 0 to M - 1: time or any track",
    .source = "Qin et al. 2022",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"non-negative", "non-negative features stay so", suite::prove_non_negative}},
    .options = {{"tracks", "time", "one track", "the label whose lags are weighed"},
                {"max_length", "1024", "1 to 2^40", "M: labels from 0 to one below"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Cosformer>(build, shape, CosformerConfig::read(options));
    }};

}  // namespace gradus::pe
