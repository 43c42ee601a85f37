#include <cmath>

#include "pe/frequencies.h"
#include "pe/table.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(The gate of stochastic positional encoding (Liutkus et al. 2021, section 3.3) around sine_spe,
f_stripe_sff or conv_spe. With g_d in (0, 1) for each coordinate of a head, learned, and noise
eps_d [R] that queries, keys and all tokens share:

    code_d <- sqrt(1 - g_d) code_d + sqrt(g_d) eps_d
    P_d    <- (1 - g_d) P_d + g_d                             in the mean over draws

So g_d = 1 is a coordinate that sees no position, g_d = 0 one that sees nothing else. Codes enter as
sum_d q_d code_d / sqrt(R), so that the gate can stand before them: the encoding inside gets
sqrt(1 - g_d) q_d, and the rest is one matrix product. g = sigmoid(w), w ~ N(0, 1).

    layout   as inside: [1 .. R]                              width R
    closed form, in the mean   G = (1 - g) G_inside + diag(g)
)";

constexpr Traits kTraits{
    .hooks = kTransform, .relative = Relative::in_the_mean, .stochastic = true, .learned = true};

class Gated : public PositionalEncoding, public HasFrequencies {
 public:
  Gated(const Build& build, EncodingShape shape, const EncodingDef& inside, Options& options)
      : PositionalEncoding(build, shape, options.words("tracks", {"time"})),
        inside_(inside.make(child("inside"), shape, options)),
        noise_(buffer("noise", zeros({shape.heads, shape.head_dim(),
                                      inside_->transformed_width(shape.head_dim())},
                                     dtype()))),
        gate_(start()) {
    inside_->set_kind(inside.name);
    Rng first = rng("noise");
    draw_own(first);
  }

  Traits traits() const override { return inside_->traits(); }
  Tensor own_frequencies() const override {
    const auto* inside = dynamic_cast<const HasFrequencies*>(inside_.get());
    return inside ? inside->own_frequencies() : Tensor{};
  }
  void study_frequencies(Var f) override {
    dynamic_cast<HasFrequencies&>(*inside_).study_frequencies(std::move(f));
  }

  void draw(Rng& rng) override {
    inside_->draw(rng);
    draw_own(rng);
  }

  QueryKey transform(const Var& q, const Var& k, const Positions& positions,
                     Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Var w = *gate_, see = sqrt(sigmoid(neg(w))), blind = sqrt(sigmoid(w));
    const QueryKey inside = inside_->transform(q * see, k * see, positions, pass);
    const Var noise(noise_.value());
    const Var shared = noise * (1 / std::sqrt(static_cast<double>(noise.size(2))));
    return {(inside.q + matmul(q * blind, shared)).named("q"),
            (inside.k + matmul(k * blind, shared)).named("k")};
  }

  int64 transformed_width(int64 d) const override { return inside_->transformed_width(d); }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    std::optional<Interaction> closed = inside_->interaction(p_m, p_n);
    const Var g = sigmoid(cast(*gate_, DType::f64));  // [H, 1, d]
    const Tensor identity = eye(shape().head_dim(), DType::f64);
    closed->g =
        add(mul(closed->g, sub(full({}, 1, DType::f64), g.value())), mul(identity, g.value()));
    return closed;
  }

 private:
  Parameter& start() {
    Rng random = rng("gate");
    return parameter("gate", normal(random, {shape().heads, 1, shape().head_dim()}, 0, 1, dtype()));
  }
  void draw_own(Rng& rng) {
    noise_.set(normal(rng, noise_.value().shape(), 0, 1, noise_.value().dtype()));
  }

  std::unique_ptr<PositionalEncoding> inside_;
  Buffer& noise_;
  Parameter& gate_;
};

}  // namespace

extern const EncodingDef kGated{
    .name = "gated",
    .family = "stochastic",
    .formula = "(1 - g) P + g in place of the P of sine_spe, conv_spe or f_stripe_sff",
    .takes = "what the encoding inside takes",
    .source = "Liutkus et al. 2021",
    .derivation = kDerivation,
    .traits = kTraits,
    .options = {{"wraps", "sine_spe", "sine_spe, conv_spe, f_stripe_sff",
                 "the encoding inside; its options stand beside this one"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& o) -> std::unique_ptr<PositionalEncoding> {
      const EncodingDef& inside =
          find_encoding(o.choice("wraps", "sine_spe", {"sine_spe", "conv_spe", "f_stripe_sff"}));
      return std::make_unique<Gated>(build, shape, inside, o);
    }};

}  // namespace gradus::pe
