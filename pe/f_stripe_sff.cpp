#include "pe/noisy_stripes.h"
#include "pe/suite_own.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(F-StrIPE by stochastic Fourier features (F-StrIPE, eq. 6): stochastic encoding with sinusoidal
covariance (sine_spe), where the label of token m is a vector s(m) of L numbers and every frequency
is one too. Phases of the sinusoids are f_dw . s + theta_dw; all else is unchanged:

    P~_d^Q = Omega(s, f_d, theta_d) diag(lambda_d) Z_d / sqrt(2 N_f),  q^ = sum_d q_d P~_d^Q / sqrt(R)
    E q^_m . k^_n = sum_d q_md k_nd P_d(s_m - s_n),
    P_d(D) = 1/(2 N_f) sum_w lambda_dw^2 cos(f_dw . D + theta_dw)

For time it is sine_spe, number by number. With R -> infinity the noise goes: f_stripe, whose kernel
is twice this one. Frequencies of vectors start as f ~ N(0, deviation).

    layout   [1 .. R]: realizations, each the sum over all coordinates      width R
    closed form, in the mean   G = diag(P_d(D))
)";

constexpr Traits kTraits{.hooks = kTransform,
                         .takes_vector = true,
                         .relative = Relative::in_the_mean,
                         .stochastic = true,
                         .learned = true};

class FStripeSff : public NoisyStripes {
 public:
  FStripeSff(const Build& build, EncodingShape shape, StripeConfig config, int64 realizations)
      : NoisyStripes(build, shape, std::move(config), realizations, "f_stripe_sff") {}
  Traits traits() const override { return kTraits; }
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// Draw by draw, with the same parameters.
suite::Finding prove_sine_spe(const SuiteSubject& s) {
  const Options options = suite::with_settings({}, {"sines=2", "realizations=6"});
  const auto e = s.with(options)(Build("pe", Rng(1), DType::f64), s.shape),
             spe = suite::build_other("sine_spe", options, s.shape);
  const Tensor q = suite::random_normal(1, {s.shape.heads, s.shape.head_dim()}),
               k = suite::random_normal(2, {s.shape.heads, s.shape.head_dim()});
  suite::Worst worst;
  for (std::uint64_t draw = 1; draw <= 3; ++draw) {
    Rng rng = Rng(draw).stream("draw");
    e->draw(rng);
    suite::copy_state(*spe, *e);
    worst.include(suite::raw_scores(*e, q, k, {7}, {-2.5}),
                  suite::raw_scores(*spe, q, k, {7}, {-2.5}));
  }
  return worst.within(0);
}

}  // namespace

extern const EncodingDef kFStripeSff{
    .name = "f_stripe_sff",
    .family = "stochastic, structural",
    .formula = "sum_d q_d k_d 1/(2 N_f) sum_w l_dw^2 cos(f_dw . (p_m - p_n) + t_dw), in the mean",
    .takes = "a number or a vector, of any tracks",
    .source = "Agarwal et al. 2025, F-StrIPE (arXiv 2502.10491)",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"sine_spe", "for time it is sine_spe", prove_sine_spe, ProofOptions::other}},
    .options = stripe_options(true, kRealizationsOption),
    .make = [](const Build& build, EncodingShape shape,
               Options& o) -> std::unique_ptr<PositionalEncoding> {
      StripeConfig config = StripeConfig::read(o, true);
      const int64 realizations = read_realizations(o);
      return std::make_unique<FStripeSff>(build, shape, std::move(config), realizations);
    }};

}  // namespace gradus::pe
