#include "pe/structure.h"
#include "pe/table.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(S-RPE (StructurePE, SPEC 3): relative attention after Shaw et al. with a term for each structure.

    score_mn = (q_m . k_n + sum_s q_m . E_s(D_s)) / sqrt(d),   D_s = label_s of m - label_s of n
    E_s(D) = layer(structure_s(code_s(D)))
    codes = learned   code_s a table of rows for lags clipped to -clip_s .. clip_s
    codes = sine      the sinusoid of s_ape with base_s, of the lag

structure_s and layer are linear with a bias, D_model to D_model; layer is common to the structures.
The authors have one such layer for each block of the model; here one encoding serves all blocks.
Their rows are cut into heads as (d, H), these as (H, d): a permutation of what layer learns. E_s is
worked out for the lags that occur, and each pair of tokens picks one: no N x N x d memory.

    layout   tables [lag from -clip to clip][D_model] for each number of the labels
    closed form   a = q . k + q . sum_s E_s(D_s)
)";

constexpr Traits kTraits{.hooks = kScoreBias,
                         .takes_vector = true,
                         .cost = Cost::quadratic,
                         .relative = Relative::exactly,
                         .learned = true,
                         .whole_labels = true};

/// The authors' tables: as many lags as the label has values.
double clip_of(std::string_view track) {
  return track == "chord" ? 395 : track == "section" ? 52 : 128;
}

StructuralConfig read_config(Options& o) {
  StructuralConfig c;
  c.labels = read_labels(o, true, {"melody", "chord", "section"});
  c.codes = o.choice("codes", "learned", {"learned", "sine"}) == "sine" ? StructureCodes::sine
                                                                        : StructureCodes::learned;
  c.clips = per_structure(o, "clips", c.labels, clip_of, 0, 1e6);
  c.bases = per_structure(o, "bases", c.labels, structural_base, 1, 1e12);
  return c;
}

class SRpe : public StructuralScores {
 public:
  SRpe(const Build& build, EncodingShape shape, const StructuralConfig& config)
      : StructuralScores(
            build, shape, config,
            config.codes == StructureCodes::learned ? LabelValues::whole : LabelValues::real),
        whole_(config.codes == StructureCodes::learned) {}

  Traits traits() const override {
    Traits t = kTraits;
    t.whole_labels = whole_;
    return t;
  }

  std::optional<Var> score_bias(const Var& q, const Var&, const Positions& positions,
                                Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Tensor labels = checked_labels(positions);
    return structure_scores(scaled_queries(q), labels, positions, pass).named("score_bias");
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    Pass pass = Pass::eval();
    const Tensor lag = sub(p_m, p_n);
    Tensor alpha = zeros({shape().heads, shape().head_dim()}, DType::f64);
    for (int64 c = 0; c < label_width(); ++c)
      alpha = add(
          alpha,
          cast(select(structure_rows(slice(lag, 0, c, c + 1), c, pass).value(), 1, 0), DType::f64));
    return Interaction{.g = unit_products(), .alpha = alpha, .beta = {}, .gamma = {}};
  }

 private:
  bool whole_;
};

}  // namespace

extern const EncodingDef kSRpe{
    .name = "s_rpe",
    .family = "relative, structural",
    .formula = "q_m . k_n + sum_s q_m . E_s(p_m - p_n), tables or sinusoids behind linear maps",
    .takes = "numbers (sine) or whole numbers (learned) of any tracks: the sum of a term each",
    .source = "Agarwal et al. 2024 (arXiv 2402.13301)",
    .derivation = kDerivation,
    .traits = kTraits,
    .options = {{"tracks", "melody, chord, section", "tracks", "the labels whose lags are coded"},
                {"width", "number of tracks", "1 to 4096", "numbers per label"},
                {"codes", "learned", "learned, sine", "tables of lags, or fixed sinusoids"},
                {"clips", "by track", "0 to 1e6; one, or one a number",
                 "learned: lags beyond share a row; 395 chord, 52 section, else 128"},
                {"bases", "by track", "1 to 1e12; one, or one a number",
                 "sine: 7920 melody, 9919 tempo, 10001 chord, 11339 section, else 10000"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<SRpe>(build, shape, read_config(options));
    }};

}  // namespace gradus::pe
