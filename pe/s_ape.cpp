#include <cmath>

#include "pe/structure.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(S-APE (StructurePE, SPEC 3): a code for each structural label is added to the input, once, before
the first layer.

    x_m + sum_s e_s(label_s)
    codes = learned   e_s a table of `values` rows
    codes = sine      column c of e_s(v): sin (c even) or cos (c odd) of
                      v / base_s^(2 floor((c + 1) / 2) / D)

The bases are those of the authors, melody 7920, tempo 9919, chord 10001, section 11339: structures
with the same value get other codes. Their columns count from 1 in the exponents, which run 0, 2, 2,
4, 4, ...; so do these. A label of several numbers (chroma) has a code for each of them.

    layout   sine   [sin v, cos v/b^(2/D), sin v/b^(2/D), cos v/b^(4/D), ...]   added to x [B, N, D]
)";

constexpr int64 kRows = 512;
constexpr Traits kTraits{.hooks = kEmbed,
                         .takes_vector = true,
                         .learned = true,
                         .whole_labels = true,
                         .labels_below = kRows};

struct SApeConfig {
  LabelConfig labels;
  StructureCodes codes = StructureCodes::learned;
  std::vector<double> rows, bases;
  double deviation = 0.1;

  static SApeConfig read(Options& o) {
    SApeConfig c;
    c.labels = read_labels(o, true, {"chord", "tempo", "melody", "section"});
    if (o.choice("codes", "learned", {"learned", "sine"}) == "sine") c.codes = StructureCodes::sine;
    c.rows = per_structure(
        o, "values", c.labels, [](std::string_view) { return static_cast<double>(kRows); }, 1, 1e7);
    c.bases = per_structure(o, "bases", c.labels, structural_base, 1, 1e12);
    c.deviation = o.real("deviation", c.deviation, 0, 1e6);
    return c;
  }
};

class SApe : public LabelEncoding, public HasFrequencies {
 public:
  SApe(const Build& build, EncodingShape shape, SApeConfig config)
      : LabelEncoding(
            build, shape, config.labels,
            config.codes == StructureCodes::learned ? LabelValues::whole : LabelValues::real),
        config_(std::move(config)) {
    for (int64 c = 0; c < label_width() && config_.codes == StructureCodes::learned; ++c) {
      const std::string name = fmt::format("table{}", c);
      tables_.push_back(&parameter(
          name, init::normal_values(
                    rng(name),
                    {static_cast<int64>(config_.rows[static_cast<std::size_t>(c)]), shape.d_model},
                    config_.deviation, dtype())));
    }
  }

  Traits traits() const override {
    Traits t = kTraits;
    t.learned = t.whole_labels = !tables_.empty();
    t.labels_below = 0;
    for (const Parameter* table : tables_) {
      const int64 rows = table->shape()[0];
      t.labels_below = t.labels_below == 0 ? rows : std::min(t.labels_below, rows);
    }
    return t;
  }

  /// Of the sinusoids, one a column; none where codes are learned.
  Tensor own_frequencies() const override {
    if (!tables_.empty()) return {};
    return structural_frequencies(shape().d_model, config_.bases);
  }

  Var embed(const Var& x, const Positions& positions, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Tensor labels = query_rows(checked_labels(positions), positions);
    check_embedded(x, labels);
    Var sum = x;
    for (int64 c = 0; c < label_width(); ++c) sum = sum + code(labels, c);
    return sum.named("embedded");
  }

 private:
  /// [B|1, N, D]
  Var code(const Tensor& labels, int64 column) const {
    const auto c = static_cast<std::size_t>(column);
    if (!tables_.empty())
      return take_rows(**tables_[c],
                       Var(row_ids(labels, column, tables_[c]->shape()[0], "values")));
    const DistinctLags distinct = distinct_lags(select(labels, 2, column));
    const Var f =
        frequencies_of_label(column, structural_frequencies(shape().d_model, config_.bases[c]));
    const Var table = structural_code(distinct.lags, f);
    return cast(take_rows(table, Var(distinct.index)), dtype()).named("code");
  }

  SApeConfig config_;
  std::vector<Parameter*> tables_;
};

}  // namespace

extern const EncodingDef kSApe{
    .name = "s_ape",
    .family = "absolute, structural",
    .formula = "x_m + sum_s e_s(label_s), tables or sinusoids",
    .takes = "numbers (sine) or whole numbers (learned) of any tracks: the sum of a code each",
    .source = "Agarwal et al. 2024 (arXiv 2402.13301)",
    .derivation = kDerivation,
    .traits = kTraits,
    .options = {{"tracks", "chord, tempo, melody, section", "tracks", "the labels that are coded"},
                {"width", "number of tracks", "1 to 4096", "numbers per label"},
                {"codes", "learned", "learned, sine", "tables, or fixed sinusoids"},
                {"values", "512", "1 to 1e7; one, or one a number",
                 "learned: rows of each table, labels from 0 to one below"},
                {"bases", "by track", "1 to 1e12; one, or one a number",
                 "sine: 7920 melody, 9919 tempo, 10001 chord, 11339 section, else 10000"},
                {"deviation", "0.1", "0 to 1e6", "learned: of the first values"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<SApe>(build, shape, SApeConfig::read(options));
    }};

}  // namespace gradus::pe
