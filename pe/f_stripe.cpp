#include "pe/stripes.h"
#include "pe/suite_own.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(F-StrIPE by random Fourier features (F-StrIPE, eq. 7-9; "Of All StrIPEs", eq. 11-12):
stochastic encoding (f_stripe_sff) with its noise taken to the limit of many realizations, where
Z Z^T / R -> 1, so that 1/sqrt(2 N_f) becomes 1/sqrt(N_f). With learned frequencies f_dw, phases
theta_dw of the queries and gains lambda_dw, w = 1..N_f,

    P_d^Q = [lambda_dw cos(f_dw . p + theta_dw), lambda_dw sin(f_dw . p + theta_dw)]_w / sqrt(N_f)
    P_d^K = the same with theta = 0
    P_d(D) = P_d^Q[m] . P_d^K[n] = 1/N_f sum_w lambda_dw^2 cos(f_dw . D + theta_dw),  D = p_m - p_n

    unpooled   all q_d P_d^Q[m] side by side        a_mn = sum_d q_md k_nd P_d(p_m - p_n)
    pooled     sum_d q_d P_d^Q[m]                   adds the cross terms of d != e, which no noise
                                                    averages out any more: not relative
One frequency a coordinate, without phases and gains, is f_stripe1. The kernel with noise is half of
this one. Frequencies: f = pi sigmoid(w), w ~ N(-4, 1), for scalar labels; f ~ N(0, deviation) for
vectors. Gains are softplus(g), and start as in stochastic encoding.

    layout   unpooled   [d][w][cos, sin]                        width 2 d N_f
             pooled     [w][sum_d .. cos, sum_d .. sin]         width 2 N_f
    closed form   unpooled G = diag(P_d(D))
                  pooled   G_de = 1/N_f sum_w lambda_dw lambda_ew cos(f_dw.p_m + theta_dw - f_ew.p_n)
)";

constexpr Traits kTraits{.hooks = kTransform, .takes_vector = true, .learned = true};

class FStripe : public Stripes {
 public:
  FStripe(const Build& build, EncodingShape shape, StripeConfig config, bool pooled)
      : Stripes(build, shape, std::move(config), "f_stripe"), pooled_(pooled) {}

  Traits traits() const override {
    Traits t = kTraits;
    if (!pooled_) {
      t.relative = Relative::exactly;
      t.norm_preserving = plain();
    }
    return t;
  }

  QueryKey transform(const Var& q, const Var& k, const Positions& positions,
                     Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const TablePair t = tables(q, k, positions, shape().head_dim());
    const Weights w = weights(k.dtype());
    const auto code = pooled_ ? modulate_and_pool : modulate;
    return {code(q, t.q, w.q).named("q"), code(k, t.k, w.k).named("k")};
  }

  int64 transformed_width(int64 d) const override { return 2 * sines() * (pooled_ ? 1 : d); }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    return Interaction{
        .g = pooled_ ? pooled_context(p_m, p_n) : diagonals(context(p_m, p_n), shape().heads),
        .alpha = {},
        .beta = {},
        .gamma = {}};
  }

 private:
  bool pooled_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

suite::Finding prove_unpooled(const SuiteSubject& s) {
  const SuiteSubject apart =
      suite::variant(s, suite::with_settings(s.options, {"pooled=false"}), s.shape);
  if (suite::build(apart)->traits().relative != Relative::exactly)
    return suite::broken("declared not relative");
  return suite::prove_relative(apart);
}

}  // namespace

extern const EncodingDef kFStripe{
    .name = "f_stripe",
    .family = "random features, structural",
    .formula =
        "sum_d q_d k_d 1/N_f sum_w l_dw^2 cos(f_dw . (p_m - p_n) + t_dw), pooled: with "
        "cross terms",
    .takes = "a number or a vector, of any tracks",
    .source = "Agarwal et al. 2025, F-StrIPE (arXiv 2502.10491)",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"unpooled", "unpooled: exactly relative", prove_unpooled}},
    .options = stripe_options(
        true, {"pooled", "true", "true, false", "add the coordinates up, or keep them apart"}),
    .make = [](const Build& build, EncodingShape shape,
               Options& o) -> std::unique_ptr<PositionalEncoding> {
      StripeConfig config = StripeConfig::read(o, true);
      const bool pooled = o.flag("pooled", true);
      return std::make_unique<FStripe>(build, shape, std::move(config), pooled);
    }};

}  // namespace gradus::pe
