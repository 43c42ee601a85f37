#include "pe/table.h"

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

}  // namespace

extern const EncodingDef kNone{.name = "none",
                               .family = "none",
                               .formula = "q_m . k_n",
                               .takes = "nothing",
                               .source = "Haviv et al. 2022; Kazemnejad et al. 2023",
                               .derivation = kDerivation,
                               .traits = kTraits,
                               .options = {},
                               .make = [](const Build& build, EncodingShape shape,
                                          Options&) -> std::unique_ptr<PositionalEncoding> {
                                 return std::make_unique<None>(build, shape);
                               }};

}  // namespace gradus::pe
