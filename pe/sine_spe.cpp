#include "pe/noisy_stripes.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Stochastic positional encoding with sinusoidal covariance (Liutkus et al. 2021, eq. 17-20; "Of All
StrIPEs", eq. 5-7). Every coordinate d of a head has N_f frequencies, gains and phases, all learned;
Omega(p) = [cos(f_w p + theta_w), sin(f_w p + theta_w)]_w. With Z_d [2 N_f, R] of N(0, 1), the same
for queries and keys, for all layers and sequences, drawn anew each step:

    P~_d^Q = Omega(p, f_d, theta_d) diag(lambda_d) Z_d / sqrt(2 N_f),  P~_d^K with theta = 0    (5)
    q^ = sum_d q_d P~_d^Q / sqrt(R),  k^ = sum_d k_d P~_d^K / sqrt(R)                          (7)

Noise of different d is independent, so the cross terms vanish in the mean over draws, and
Z_d Z_d^T / R has the mean 1:

    E q^_m . k^_n = sum_d q_md k_nd P_d(p_m - p_n),
    P_d(D) = 1/(2 N_f) sum_w lambda_dw^2 cos(f_dw D + theta_dw)

The error of one draw falls like 1/sqrt(R). f = pi sigmoid(w), w ~ N(-4, 1); gains are softplus(g).
At evaluation the last draw stays, and it is saved with the model.

    layout   [1 .. R]: realizations, each the sum over all coordinates      width R
    closed form, in the mean   G = diag(P_d(D))
)";

constexpr Traits kTraits{
    .hooks = kTransform, .relative = Relative::in_the_mean, .stochastic = true, .learned = true};

class SineSpe : public NoisyStripes {
 public:
  SineSpe(const Build& build, EncodingShape shape, StripeConfig config, int64 realizations)
      : NoisyStripes(build, shape, std::move(config), realizations, "sine_spe") {}
  Traits traits() const override { return kTraits; }
};

}  // namespace

extern const EncodingDef kSineSpe{
    .name = "sine_spe",
    .family = "stochastic",
    .formula = "sum_d q_d k_d 1/(2 N_f) sum_w l_dw^2 cos(f_dw (p_m - p_n) + t_dw), in the mean",
    .takes = "one number: time or any track",
    .source = "Liutkus et al. 2021",
    .derivation = kDerivation,
    .traits = kTraits,
    .options = stripe_options(false, kRealizationsOption),
    .make = [](const Build& build, EncodingShape shape,
               Options& o) -> std::unique_ptr<PositionalEncoding> {
      StripeConfig config = StripeConfig::read(o, false);
      const int64 realizations = read_realizations(o);
      return std::make_unique<SineSpe>(build, shape, std::move(config), realizations);
    }};

}  // namespace gradus::pe
