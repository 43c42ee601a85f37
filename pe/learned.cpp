#include "pe/label_encoding.h"
#include "pe/table.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Absolute: a learned vector of the label is added to the input (Gehring et al. 2017, section 3.1):

    x_m + E[p_m],   E of max_length rows

A label that the table does not hold is an error: nothing was learned for it. Several labels with a
table each are the encoding s_ape.

    layout   E [max_length, D], added to x [B, N, D]
)";

constexpr int64 kRows = 512;
constexpr Traits kTraits{.hooks = kEmbed,
                         .learned = true,
                         .max_length = kRows,
                         .whole_labels = true,
                         .labels_below = kRows};

struct LearnedConfig {
  LabelConfig labels;
  int64 rows = kRows;
  double deviation = 0.1;

  static LearnedConfig read(Options& o) {
    LearnedConfig c;
    c.labels = read_labels(o, false);
    c.rows = o.integer("max_length", c.rows, 1, 1 << 24);
    c.deviation = o.real("deviation", c.deviation, 0, 1e6);
    return c;
  }
};

class Learned : public LabelEncoding {
 public:
  Learned(const Build& build, EncodingShape shape, const LearnedConfig& config)
      : LabelEncoding(build, shape, config.labels, LabelValues::whole),
        table_(parameter("table", init::normal_values(rng("table"), {config.rows, shape.d_model},
                                                      config.deviation, dtype()))) {}

  Traits traits() const override {
    Traits t = kTraits;
    t.labels_below = table_.shape()[0];
    t.max_length = tracks()[0] == "time" ? t.labels_below : 0;
    return t;
  }

  Var embed(const Var& x, const Positions& positions, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Tensor labels = query_rows(checked_labels(positions), positions);
    check_embedded(x, labels);
    const Tensor ids = row_ids(labels, 0, table_.shape()[0], "max_length");
    return (x + take_rows(*table_, Var(ids)).named("code")).named("embedded");
  }

 private:
  Parameter& table_;
};

}  // namespace

extern const EncodingDef kLearned{
    .name = "learned",
    .family = "absolute",
    .formula = "x_m + E[p_m]",
    .takes = "one whole number: time or any track",
    .source = "Gehring et al. 2017",
    .derivation = kDerivation,
    .traits = kTraits,
    .options = {{"tracks", "time", "one track", "the label that is looked up"},
                {"max_length", "512", "1 to 2^24", "rows of the table: labels from 0 to one below"},
                {"deviation", "0.1", "0 to 1e6", "of the table's first values"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Learned>(build, shape, LearnedConfig::read(options));
    }};

}  // namespace gradus::pe
