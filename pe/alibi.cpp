#include <cmath>

#include "pe/angles.h"
#include "pe/table.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Attention with linear biases (Press et al. 2022, section 3):

    score_mn = q_m . k_n / sqrt(d) - s_h |p_m - p_n|,   s_h = 2^(-8h/H),  h = 1..H

Behind a causal mask p_m >= p_n, and |.| is the lag of the paper; without one it is its symmetric
form. slopes = released is the table of the authors' code where H is no power of two: with
H' = 2^floor(log2 H), the H' slopes of H' heads, then every other slope of 2H' heads.

    layout   bias [H, Nq, Nk], added to the scaled scores; q and k as they are
    closed form   a = q . k - sqrt(d) s_h |p_m - p_n|, so that a / sqrt(d) is the score
)";

constexpr Traits kTraits{.hooks = kLagBias,
                         .cost = Cost::quadratic,
                         .relative = Relative::exactly,
                         .conditionally_positive = true};

enum class Slopes { paper, released };

struct AlibiConfig {
  LabelConfig labels;
  Slopes slopes = Slopes::paper;

  static AlibiConfig read(Options& o) {
    AlibiConfig c;
    c.labels = read_labels(o, false);
    c.slopes = o.choice("slopes", "paper", {"paper", "released"}) == "paper" ? Slopes::paper
                                                                             : Slopes::released;
    return c;
  }
};

std::vector<double> paper_slopes(int64 heads) {
  std::vector<double> s;
  for (int64 h = 1; h <= heads; ++h)
    s.push_back(std::exp2(-8.0 * static_cast<double>(h) / static_cast<double>(heads)));
  return s;
}

std::vector<double> released_slopes(int64 heads) {
  int64 power = 1;
  while (2 * power <= heads) power *= 2;
  std::vector<double> s = paper_slopes(power);
  const std::vector<double> finer = paper_slopes(2 * power);
  for (std::size_t i = 0; static_cast<int64>(s.size()) < heads; i += 2) s.push_back(finer[i]);
  return s;
}

class Alibi : public PositionalEncoding {
 public:
  Alibi(const Build& build, EncodingShape shape, AlibiConfig config)
      : PositionalEncoding(build, shape, config.labels.tracks),
        slopes_(from_values(config.slopes == Slopes::paper ? paper_slopes(shape.heads)
                                                           : released_slopes(shape.heads),
                            {shape.heads})) {}
  Traits traits() const override { return kTraits; }

  std::optional<Var> lag_bias(const Tensor& delta, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    return constant(cast(bias(delta), dtype()), "lag_bias");
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    const int64 d = shape().head_dim();
    const Tensor lag = reshape(sub(p_m, p_n), {});
    return Interaction{.g = contiguous(broadcast_to(eye(d, DType::f64), {shape().heads, d, d})),
                       .alpha = {},
                       .beta = {},
                       .gamma = mul(bias(lag), std::sqrt(static_cast<double>(d)))};
  }

 private:
  /// f64 [H, S...] for lags [S...].
  Tensor bias(const Tensor& delta) const {
    Shape per_head = Shape::of_rank(delta.rank() + 1, 1);
    per_head[0] = shape().heads;
    return mul(reshape(slopes_, per_head), neg(abs(delta)));
  }
  Tensor slopes_;  // f64 [H]
};

}  // namespace

extern const EncodingDef kAlibi{
    .name = "alibi",
    .family = "lag bias",
    .formula = "-s_h |p_m - p_n|, s_h = 2^(-8h/H)",
    .takes = "one number: time or any track",
    .source = "Press et al. 2022",
    .derivation = kDerivation,
    .traits = kTraits,
    .options = {{"tracks", "time", "one track", "the label whose lag is penalised"},
                {"slopes", "paper", "paper, released",
                 "the table where the number of heads is no power of two"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Alibi>(build, shape, AlibiConfig::read(options));
    }};

}  // namespace gradus::pe
