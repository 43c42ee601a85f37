#include <cmath>

#include "pe/frequencies.h"
#include "pe/suite_own.h"
#include "pe/wrapping.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

extern const EncodingDef kGated;

namespace {

constexpr std::string_view kDerivation =
    R"(The gate of stochastic positional encoding (Liutkus et al. 2021, section 3.3) around sine_spe,
f_stripe_sff or conv_spe. With g_d in (0, 1) for each coordinate of a head, learned, and noise
eps_d [R] that queries, keys and all tokens share:

    code_d <- sqrt(1 - g_d) code_d + sqrt(g_d) eps_d
    P_d    <- (1 - g_d) P_d + g_d                             in the mean over draws

So g_d = 1 is a coordinate that sees no position, g_d = 0 one that sees nothing else. Codes enter as
sum_d q_d code_d / sqrt(R), so that the gate can stand before them: the encoding inside gets
sqrt(1 - g_d) q_d, and the rest is one matrix product. g = sigmoid(w), w ~ N(0, 1). With
pe.shared = inside all layers hear one encoding inside, and each has gates and noise of its own, as in
the authors' models.

    layout   as inside: [1 .. R]                              width R
    closed form, in the mean   G = (1 - g) G_inside + diag(g)
)";

constexpr Traits kTraits{
    .hooks = kTransform, .relative = Relative::in_the_mean, .stochastic = true, .learned = true};

class Gated : public PositionalEncoding, public HasFrequencies {
 public:
  Gated(const Build& build, EncodingShape shape, const EncodingDef& inside, Options& options)
      : PositionalEncoding(build, shape, options.words("tracks", {"time"})),
        own_(make_inside(kGated, inside, child("inside"), shape, options)),
        inside_(*own_),
        noise_(start_noise()),
        gate_(start_gate()) {}
  /// Around the encoding inside another one, which draws it.
  Gated(const Build& build, const Gated& other)
      : PositionalEncoding(build, other.shape(), other.tracks()),
        inside_(other.inside_),
        noise_(start_noise()),
        gate_(start_gate()) {
    set_kind(other.kind(), other.fitting());
  }

  Traits traits() const override { return inside_.traits(); }
  Tensor own_frequencies() const override {
    const auto* inside = dynamic_cast<const HasFrequencies*>(own_.get());
    return inside ? inside->own_frequencies() : Tensor{};
  }
  void study_frequencies(Var f) override {
    dynamic_cast<HasFrequencies&>(*own_).study_frequencies(std::move(f));
  }

  void draw(Rng& rng) override {
    if (own_) own_->draw(rng);
    noise_.set(sample(rng));
  }

  std::unique_ptr<PositionalEncoding> sharing_inside(const Build& build) const override {
    return std::make_unique<Gated>(build, *this);
  }

  QueryKey transform(const Var& q, const Var& k, const Positions& positions,
                     Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Var w = *gate_, see = sqrt(sigmoid(neg(w))), blind = sqrt(sigmoid(w));
    const QueryKey inside = inside_.transform(q * see, k * see, positions, pass);
    const Var noise(noise_.value());
    const Var shared = noise * (1 / std::sqrt(static_cast<double>(noise.size(2))));
    return {(inside.q + matmul(q * blind, shared)).named("q"),
            (inside.k + matmul(k * blind, shared)).named("k")};
  }

  int64 transformed_width(int64 d) const override { return inside_.transformed_width(d); }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    std::optional<Interaction> closed = inside_.interaction(p_m, p_n);
    const Var g = sigmoid(cast(*gate_, DType::f64));  // [H, 1, d]
    const Tensor identity = eye(shape().head_dim(), DType::f64);
    closed->g =
        add(mul(closed->g, sub(full({}, 1, DType::f64), g.value())), mul(identity, g.value()));
    return closed;
  }

 private:
  Tensor sample(Rng& rng) const {
    const int64 d = shape().head_dim();
    return normal(rng, {shape().heads, d, inside_.transformed_width(d)}, 0, 1, dtype());
  }
  Buffer& start_noise() {
    Rng first = rng("noise");
    return buffer("noise", sample(first));
  }
  Parameter& start_gate() {
    Rng random = rng("gate");
    return parameter("gate", normal(random, {shape().heads, 1, shape().head_dim()}, 0, 1, dtype()));
  }

  std::unique_ptr<PositionalEncoding> own_;  // null where it belongs to another layer
  const PositionalEncoding& inside_;
  Buffer& noise_;
  Parameter& gate_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// With every gate open no label counts; with every gate shut it is what stands inside; between,
/// the mean is (1 - g) P + g.
suite::Finding prove_gate(const SuiteSubject& s) {
  const auto e = suite::build(s);
  const int64 heads = s.shape.heads, d = s.shape.head_dim();
  const auto gate = [&](double w) {
    suite::set_state(*e, "gate", full({heads, 1, d}, w, DType::f64));
  };
  Options inner;
  std::string name = "sine_spe";
  for (const auto& [key, value] : s.options.values())
    if (key == "wraps")
      name = std::get<std::string>(value);
    else
      inner.set(key, value);
  const auto inside = suite::build_other(name, inner, s.shape);
  const suite::Inputs in = suite::random_inputs(s, 43, 1, 5);
  const Tensor labels = suite::random_labels(s, *e, 43, 1, 5);
  const auto features = [&](const PositionalEncoding& of, const Tensor& p) {
    Pass pass = Pass::eval();
    return of.transform(Var(in.q), Var(in.k), suite::positions_of(s, of, p), pass);
  };
  const auto both = [](suite::Worst& worst, const QueryKey& a, const QueryKey& b,
                       const char* what) {
    worst.include(a.q.value(), b.q.value(), what);
    worst.include(a.k.value(), b.k.value(), what);
  };
  suite::Worst worst;
  gate(100);
  both(worst, features(*e, labels), features(*e, add(labels, 7)), "open, labels moved");
  gate(-100);
  suite::copy_state(*inside, *e, "inside/");
  both(worst, features(*e, labels), features(*inside, labels), "shut");
  const auto closed = [&](const PositionalEncoding& of) {
    const auto row = [&](int64 i) { return reshape(slice(labels, 1, i, i + 1), {s.label_width}); };
    return of.interaction(row(0), row(1))->g;
  };
  for (double w : {-1.0, 0.3}) {
    gate(w);
    const double g = 1 / (1 + std::exp(-w));
    worst.include(closed(*e), add(mul(closed(*inside), 1 - g), mul(eye(d, DType::f64), g)),
                  fmt::format("g = {:.3g}", g));
  }
  return worst.within(1e-12);
}

}  // namespace

extern const EncodingDef kGated{
    .name = "gated",
    .family = "stochastic",
    .formula = "(1 - g) P + g in place of the P of sine_spe, conv_spe or f_stripe_sff",
    .takes = "what the encoding inside takes",
    .source = "Liutkus et al. 2021",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"gate", "P becomes (1 - g) P + g", prove_gate}},
    .options = {{"wraps", "sine_spe", "sine_spe, conv_spe, f_stripe_sff",
                 "the encoding inside; its options stand beside this one, or as inside.NAME"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& o) -> std::unique_ptr<PositionalEncoding> {
      const EncodingDef& inside =
          find_encoding(o.choice("wraps", "sine_spe", {"sine_spe", "conv_spe", "f_stripe_sff"}));
      return std::make_unique<Gated>(build, shape, inside, o);
    }};

}  // namespace gradus::pe
