#include <cmath>

#include "pe/lag_bias.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Attention with linear biases (Press et al. 2022, section 3):

    score_mn = q_m . k_n / sqrt(d) - s_h |p_m - p_n|,   s_h = 2^(-8h/H),  h = 1..H

Behind a causal mask p_m >= p_n, and |.| is the lag of the paper; without one it is its symmetric
form. slopes = released is the table of the authors' code where H is no power of two: with
H' = 2^floor(log2 H), the H' slopes of H' heads, then every other slope of 2H' heads. Labels of
several numbers: the sum of a bias each.

    layout   bias [H, Nq, Nk], added to the scaled scores; q and k as they are
    closed form   a = q . k - sqrt(d) s_h |p_m - p_n|, so that a / sqrt(d) is the score
)";

constexpr Traits kTraits{.hooks = kLagBias,
                         .takes_vector = true,
                         .cost = Cost::quadratic,
                         .relative = Relative::exactly,
                         .conditionally_positive = true};

enum class Slopes { paper, released };

struct AlibiConfig {
  LabelConfig labels;
  Slopes slopes = Slopes::paper;

  static AlibiConfig read(Options& o) {
    AlibiConfig c;
    c.labels = read_labels(o, true);
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

class Alibi : public LagBias {
 public:
  Alibi(const Build& build, EncodingShape shape, const AlibiConfig& config)
      : LagBias(build, shape, config.labels, kTraits),
        slopes_(from_values(config.slopes == Slopes::paper ? paper_slopes(shape.heads)
                                                           : released_slopes(shape.heads),
                            {shape.heads})) {}

 protected:
  Var bias(int64, const Tensor& delta) const override {
    const Tensor b = mul(per_head(Var(slopes_), delta).value(), neg(abs(delta)));
    return constant(cast(b, dtype()));
  }

 private:
  Tensor slopes_;  // f64 [H]
};

// ---- its own traits
// ------------------------------------------------------------------------------

suite::Finding prove_slopes(const SuiteSubject& s) {
  using suite::Numbers;
  const Numbers eight{0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625};
  Numbers twelve = eight;
  for (double half : {0.5, 1.5, 2.5, 3.5}) twelve.push_back(1 / std::pow(2, half));
  const std::vector<Numbers> released{{0.25, 0.0625, 0.015625, 0.00390625},
                                      {0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125},
                                      eight,
                                      twelve};
  suite::Worst worst;
  for (const Numbers& expected : released) {
    const auto heads = static_cast<int64>(expected.size());
    Numbers paper;
    for (int64 h = 1; h <= heads; ++h)
      paper.push_back(std::pow(0.5, 8 * static_cast<double>(h) / static_cast<double>(heads)));
    const auto slopes = [&](const char* table) {
      Numbers b = suite::lag_biases(*suite::build_variant(s, {table}, {heads, heads}), {-1});
      for (double& x : b) x = -x;
      return b;
    };
    worst.include(slopes("slopes=paper"), paper, fmt::format("paper, {} heads", heads));
    worst.include(slopes("slopes=released"), expected, fmt::format("released, {} heads", heads));
  }
  return worst.within(1e-15);
}

suite::Finding prove_corner(const SuiteSubject& s) {
  const auto e = suite::build(s);
  const auto bias = [&](int64 n) {
    const Tensor row = reshape(arange(0, static_cast<double>(n), 1, DType::f64), {1, n, 1});
    const Tensor zero = zeros({1, s.shape.heads, n, s.shape.head_dim()}, DType::f64);
    return suite::scores(
               *e, {{}, zero, zero},
               positions_for(*e, contiguous(broadcast_to(row, {1, n, s.label_width})), s.name))
        .value;
  };
  const Tensor small = bias(7), large = bias(14);
  suite::Worst worst;
  for (int64 at : {0, 7})
    worst.include(slice(slice(large, 2, at, at + 7), 3, at, at + 7), small,
                  fmt::format("the corner at {}", at));
  return worst.within(0);
}

}  // namespace

extern const EncodingDef kAlibi{
    .name = "alibi",
    .family = "lag bias",
    .formula = "-s_h |p_m - p_n|, s_h = 2^(-8h/H)",
    .takes = "numbers of any tracks: the sum of a bias each",
    .source = "Press et al. 2022",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"slopes", "both tables of slopes for 4, 6, 8 and 12 heads", prove_slopes,
                    ProofOptions::other},
                   {"corner", "the bias at N is a corner of that at 2N", prove_corner}},
    .options = {{"tracks", "time", "tracks", "the labels whose lags are penalised"},
                {"width", "number of tracks", "1 to 4096", "numbers per label"},
                {"slopes", "paper", "paper, released",
                 "the table where the number of heads is no power of two"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Alibi>(build, shape, AlibiConfig::read(options));
    }};

}  // namespace gradus::pe
