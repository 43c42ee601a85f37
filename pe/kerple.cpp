#include <algorithm>
#include <cmath>

#include "pe/lag_bias.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Kernelised bias (Chi et al. 2022, eq. 5 and 6): a conditionally positive definite function of
the lag, learned for each head.

    kernel = log     b(x) = -r1 log(1 + r2 |x|),   r1, r2 > 0
    kernel = power   b(x) = -r1 |x|^r2,            r1 > 0, 0 < r2 <= 2

Conditionally positive definite: sum_ij c_i c_j b(p_i - p_j) >= 0 for all c of sum 0. Then b plus a
constant that is large enough is a kernel, and the softmax does not see the constant. For r2 > 2 the
power is none. ALiBi is the power with r2 = 1 and fixed slopes. Held in their ranges by
r = softplus(w), and for the exponent r2 = 2 sigmoid(w): the bound r2 = 2 is where sigmoid rounds to
1, and an exponent that starts there has the gradient 0 and stays.

    layout   bias [H, Nq, Nk], added to the scaled scores; q and k as they are
    closed form   a = q . k + sqrt(d) b(p_m - p_n)
)";

constexpr Traits kTraits{.hooks = kLagBias,
                         .takes_vector = true,
                         .cost = Cost::quadratic,
                         .relative = Relative::exactly,
                         .learned = true,
                         .conditionally_positive = true};

enum class Kernel { log, power };

struct KerpleConfig {
  LabelConfig labels;
  Kernel kernel = Kernel::log;
  std::vector<double> r1, r2;  // empty: drawn

  static KerpleConfig read(Options& o) {
    KerpleConfig c;
    c.labels = read_labels(o, true);
    c.kernel = o.choice("kernel", "log", {"log", "power"}) == "log" ? Kernel::log : Kernel::power;
    const double most = c.kernel == Kernel::power ? 2 : HUGE_VAL;
    const auto positive = [&](const char* key, double limit) {
      const std::vector<double> r = o.reals(key, {});
      for (double x : r)
        check<ConfigError>(std::isfinite(x) && x > 0 && x <= limit,
                           "{}: option '{}' holds {}; it must be above 0{}, or the bias is no "
                           "conditionally positive definite kernel",
                           o.where(), key, x, limit == 2 ? " and 2 at most" : "");
      return r;
    };
    c.r1 = positive("r1", HUGE_VAL);
    c.r2 = positive("r2", most);
    return c;
  }
};

class Kerple : public LagBias {
 public:
  Kerple(const Build& build, EncodingShape shape, KerpleConfig config)
      : LagBias(build, shape, config.labels, kTraits),
        power_(config.kernel == Kernel::power),
        r1_(parameter("r1", start("r1", config.r1, false))),
        r2_(parameter("r2", start("r2", config.r2, power_))) {}

 protected:
  Var bias(int64 column, const Tensor& delta) const override {
    const Tensor distance = abs(delta);
    const Var r1 = per_head(softplus(select(*r1_, 0, column)), delta), w2 = select(*r2_, 0, column);
    if (!power_) return -(r1 * log1p(per_head(softplus(w2), delta) * Var(cast(distance, dtype()))));
    // |x|^r = exp(r log |x|), and 0 at 0.
    const Tensor zero = equal(distance, scalar(0, DType::f64));
    const Tensor logarithm = cast(log(add(distance, cast(zero, DType::f64))), dtype());
    const Var r2 = per_head(scale(sigmoid(w2), 2), delta);
    return -(r1 * masked_fill(exp(r2 * Var(logarithm)), Var(zero), 0));
  }

 private:
  static constexpr double kSaturated = 40;  // sigmoid of it is 1, in f32 and in f64

  /// Raw values [L, H] of the ones given for each head, or of random ones in (0, 1).
  Tensor start(std::string_view which, const std::vector<double>& given, bool exponent) const {
    const int64 heads = shape().heads;
    const auto count = static_cast<int64>(given.size());
    check<ConfigError>(count == 0 || count == 1 || count == heads,
                       "kerple: option '{}' has {} numbers; give one, or {} for {} heads", which,
                       count, heads, heads);
    Rng random = rng(which);
    std::vector<double> w =
        uniform(random, {label_width(), heads}, 0, 1, DType::f64).to_vector<double>();
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double r = count == 0 ? 0.05 + 0.9 * w[i] : given[i % given.size()];
      if (exponent)
        w[i] = r < 2 ? std::log(r / (2 - r)) : kSaturated;
      else
        w[i] = r + std::log(-std::expm1(-r));
    }
    return cast(from_values(w, {label_width(), heads}), dtype());
  }

  bool power_;
  Parameter &r1_, &r2_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// What is learned stays a kernel; -|x|^2.5 is none, and refused.
suite::Finding prove_exponent(const SuiteSubject& s) {
  const auto e = suite::build_variant(s, {"kernel=power"}, {2, 1});
  double most = 0;
  for (double w : {-30.0, 0.0, 30.0}) {
    suite::set_state(*e, "r2", full({1, 1}, w, DType::f64));
    const suite::Numbers b = suite::lag_biases(*e, {1, 4});
    const double exponent = std::log2(b[1] / b[0]) / 2;
    if (!(exponent >= 0 && exponent <= 2))
      return suite::broken(fmt::format("r2 = {:.6g} can be learned", exponent));
    most = std::max(most, exponent);
  }
  constexpr std::size_t n = 40;
  Rng rng = Rng(48).stream("points");
  const suite::Numbers p = uniform(rng, {n}, -4, 4, DType::f64).to_vector<double>();
  const auto pivot = [&p](double power) {
    suite::Numbers b;
    for (double x : p)
      for (double y : p) b.push_back(-std::pow(std::abs(x - y), power));
    return suite::smallest_pivot(b, n);
  };
  if (!(pivot(1.9) > 0 && pivot(2.5) < 0))
    return suite::broken(
        fmt::format("pivots of powers 1.9 and 2.5 over 40 points are {:.3g} and {:.3g}", pivot(1.9),
                    pivot(2.5)));
  try {
    (void)suite::build_variant(s, {"kernel=power", "r2=2.5"}, {2, 1});
  } catch (const ConfigError&) {
    return suite::holds(
        fmt::format("2.5 has a pivot of {:.1g} and is refused; r2 = {:.3g} at most "
                    "can be learned",
                    pivot(2.5), most));
  }
  return suite::broken("r2 = 2.5 is taken");
}

}  // namespace

extern const EncodingDef kKerple{
    .name = "kerple",
    .family = "lag bias",
    .formula = "log: -r1 log(1 + r2 |p_m - p_n|); power: -r1 |p_m - p_n|^r2",
    .takes = "numbers of any tracks: the sum of a kernel each",
    .source = "Chi et al. 2022",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"exponent", "a power of 2.5 is no kernel, and refused", prove_exponent,
                    ProofOptions::other}},
    .options = {{"tracks", "time", "tracks", "the labels whose lags are penalised"},
                {"width", "number of tracks", "1 to 4096", "numbers per label"},
                {"kernel", "log", "log, power", "which function of the lag"},
                {"r1", "random in (0, 1)", "above 0; one, or one a head", "where r1 starts"},
                {"r2", "random in (0, 1)", "above 0, power: to 2; one, or one a head",
                 "where r2 starts"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Kerple>(build, shape, KerpleConfig::read(options));
    }};

}  // namespace gradus::pe
