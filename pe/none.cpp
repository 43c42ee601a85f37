#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/index.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation = R"(No encoding: a_mn = q_m . k_n.

Without a mask a permutation of the tokens permutes the output and does nothing else; a causal
mask alone tells a network something about the order (Haviv et al. 2022).

    layout   q [x_1 x_2 ... x_d]  ->  the same
)";

constexpr Traits kTraits{.relative = Relative::exactly, .norm_preserving = true};

class None : public PositionalEncoding {
 public:
  None(const Build& build, EncodingShape shape) : PositionalEncoding(build, shape, {}) {}
  Traits traits() const override { return kTraits; }
  /// G = I.
  std::optional<Interaction> interaction(const Tensor&, const Tensor&) const override {
    const int64 d = shape().head_dim();
    return Interaction{.g = contiguous(broadcast_to(eye(d, DType::f64), {shape().heads, d, d})),
                       .alpha = {},
                       .beta = {},
                       .gamma = {}};
  }
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// Attention of all to all: tokens in another order give their outputs in that order.
suite::Finding prove_permutation(const SuiteSubject& s) {
  const auto e = suite::build(s);
  constexpr int64 n = 6;
  const int64 heads = s.shape.heads, d = s.shape.head_dim();
  const Tensor order = from_values(std::vector<int64>{4, 0, 5, 1, 3, 2}, {n});
  const auto permuted = [&](const Tensor& x) {
    return transpose(take_rows(contiguous(transpose(x, 0, 2)), order), 0, 2);
  };
  double ordered = 0;
  suite::Worst worst;
  for (CoreKind kind : {CoreKind::softmax, CoreKind::linear})
    for (bool causal : {false, true}) {
      CoreConfig config;
      config.kind = kind;
      const auto core = make_core(Build("core", Rng(2), DType::f64), config, *e, d);
      const auto run = [&](auto&& change) {
        Pass pass = Pass::eval();
        const auto x = [&](std::uint64_t seed) {
          return Var(change(suite::random_normal(seed, {2, heads, n, d})));
        };
        return (*core)(x(1), x(2), x(3), time_positions(n, causal), pass).value();
      };
      const Tensor after = run(permuted), before = permuted(run([](const Tensor&x) { return x; }));
      if (causal)
        ordered = suite::error_of(after, before);
      else
        worst.include(after, before, name(kind));
    }
  const suite::Finding found = worst.within(1e-13);
  if (found.outcome == suite::Finding::Outcome::broken) return found;
  return suite::holds(fmt::format("{}; behind a causal mask {:.1g}", found.text, ordered));
}

}  // namespace

extern const EncodingDef kNone{
    .name = "none",
    .family = "none",
    .formula = "q_m . k_n",
    .takes = "nothing",
    .source = "Haviv et al. 2022; Kazemnejad et al. 2023",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"permutation", "equivariant under permutations of the tokens, not causal",
                    prove_permutation}},
    .options = {},
    .make = [](const Build& build, EncodingShape shape, Options&)
        -> std::unique_ptr<PositionalEncoding> { return std::make_unique<None>(build, shape); }};

}  // namespace gradus::pe
