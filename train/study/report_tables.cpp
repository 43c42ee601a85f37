#include "train/study/report_tables.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "tensor/error.h"
#include "tensor/text.h"
#include "train/study/report_paper.h"

namespace gradus {

namespace {

struct Shown {
  const char *measure, *id, *title;
  std::optional<BestIs> best;  ///< none: nothing is best
};
constexpr Shown kPaperColumns[] = {{"cs", "cs", "CS ↑", BestIs::highest},
                                   {"ssmd", "ssmd50", "SSMD ↓", BestIs::lowest},
                                   {"gs", "gs", "GS ↑", BestIs::highest},
                                   {"ndd_missing", "ndd_missing", "NDD ↓", BestIs::lowest}};
constexpr Shown kFurtherColumns[] = {
    {"ndd_two_sided", "ndd_two_sided", "NDD two-sided ↓", BestIs::lowest},
    {"onset_f1", "onset_f1", "onset F1 ↑", BestIs::highest},
    {"note_f1", "note_f1", "note F1 ↑", BestIs::highest},
    {"onset_ratio", "onset_ratio", "onsets", std::nullopt}};

constexpr const char* kMarks =
    "Mean ± standard deviation (n - 1) over seeds; bold: the best mean of a context. * it differs "
    "from the second best (p < 0.05), † only from the third: two-sided t-tests, Student's where "
    "Levene's test (around the median) finds the variances equal, else Welch's. No encoding and "
    "the unpooled form stand beside and take no part. ";

double scaled(const std::string& measure, double value) {
  return measure == "ssmd" ? shown_ssmd(value) : value;
}

std::vector<double> sample(const SeedGroup& g, const Shown& column, int64 bars) {
  std::vector<double> values = g.sample(column.measure, bars);
  for (double& v : values) v = scaled(column.measure, v);
  return values;
}

bool competes(const SeedGroup& g) {
  const EncodingFamily family = encoding_family(g.encoding);
  return family != EncodingFamily::none && family != EncodingFamily::unpooled;
}

void add_columns(ReportTable& t, const StudyResults& results, std::span<const Shown> columns) {
  for (int64 bars : results.bars)
    for (const Shown& c : columns)
      t.columns.push_back(
          {fmt::format("{}_{}", c.id, bars), c.title, fmt::format("{} bars", bars), 2});
}

/// The floors, under a heading of their own.
void add_floors(ReportTable& t, const StudyResults& results, std::span<const Shown> columns) {
  std::vector<std::string> names;
  for (const FloorRow& f : results.floors)
    if (std::find(names.begin(), names.end(), f.floor) == names.end()) names.push_back(f.floor);
  for (const std::string& name : names) {
    ReportRow row{"no learning", name, RowKind::floor, 0, {}};
    for (int64 bars : results.bars)
      for (const Shown& c : columns) {
        ReportNumber number;
        for (const FloorRow& f : results.floors)
          if (f.floor == name && f.measures.bars == bars)
            for (const StudyMeasure& m : study_measure_table())
              if (m.name == c.measure) number.mean = scaled(c.measure, f.measures.*m.value);
        row.numbers.push_back(number);
      }
    t.rows.push_back(std::move(row));
  }
}

/// Groups of one context, with marks among those that compete.
std::vector<ReportRow> measured_rows(const std::vector<const SeedGroup*>& groups,
                                     const StudyResults& results, std::span<const Shown> columns) {
  std::vector<ReportRow> rows;
  for (const SeedGroup* g : groups)
    rows.push_back(
        {g->context, g->label(), RowKind::measured, static_cast<int64>(g->cells.size()), {}});
  for (int64 bars : results.bars)
    for (const Shown& c : columns) {
      std::vector<std::vector<double>> competing;
      std::vector<std::size_t> who;
      for (std::size_t i = 0; i < groups.size(); ++i) {
        const std::vector<double> values = sample(*groups[i], c, bars);
        const SampleSummary s = summarise(values);
        rows[i].numbers.push_back({s.mean, s.deviation, BestMark::none, false});
        if (!competes(*groups[i])) continue;
        competing.push_back(values);
        who.push_back(i);
      }
      if (!c.best || competing.size() < 2) continue;
      const BestOf best = find_best(competing, *c.best);
      // One seed says nothing about the next, be it the best or not.
      if (!best.row || competing[*best.row].size() < 2) continue;
      ReportNumber& number = rows[who[*best.row]].numbers.back();
      number.best = true;
      number.mark = best.mark;
    }
  return rows;
}

/// The paper's row in the columns of ours.
ReportRow paper_row(const PaperRow& paper, const std::string& context, const ReportTable& t,
                    const StudyResults& results) {
  ReportRow row{context, fmt::format("{}, paper", paper.encoding), RowKind::paper, kPaperSeeds, {}};
  row.numbers.resize(t.columns.size());
  for (std::size_t b = 0; b < results.bars.size(); ++b)
    for (std::size_t k = 0; k < kPaperBars.size(); ++k) {
      if (results.bars[b] != kPaperBars[k]) continue;
      for (std::size_t m = 0; m < kPaperMeasures.size(); ++m) {
        const PaperNumber& n = paper.numbers[k * kPaperMeasures.size() + m];
        row.numbers[b * kPaperMeasures.size() + m] = {n.mean, n.deviation, n.mark,
                                                      n.mark != BestMark::none};
      }
    }
  return row;
}

/// The measured rows of a context, and behind them the paper's.
void add_context(ReportTable& t, const StudyResults& results, PaperTable which,
                 const std::string& context, const std::vector<const SeedGroup*>& groups) {
  for (ReportRow& row : measured_rows(groups, results, kPaperColumns))
    t.rows.push_back(std::move(row));
  for (const PaperRow& p : paper_rows(which))
    if (plain_name(p.context) == plain_name(context))
      t.rows.push_back(paper_row(p, context, t, results));
}

std::string of_preset(const StudyResults& results) {
  return fmt::format("{}, preset {}", results.study, results.preset);
}

/// What the preset changes stands beside its results.
std::string note_of(const StudyResults& results) {
  if (results.note.empty()) return "";
  return fmt::format(" Preset {}: {}", results.preset, results.note);
}

constexpr const char* kSsmd =
    "SSMD counts to 50 here, as in the paper on RoPEPool; the paper on F-StrIPE, gradus evaluate "
    "and cells.csv count to 100. NDD: missing notes alone.";

}  // namespace

double shown_ssmd(double ssmd) { return ssmd * kPaperSsmdScale / 100; }

ReportTable rope_table(const StudyResults& results) {
  ReportTable t{.id = "table2" + results.suffix,
                .title = fmt::format("Table II: variants of RoPE ({})", of_preset(results)),
                .caption = fmt::format("{}{}{}", kMarks, kSsmd, note_of(results))};
  add_columns(t, results, kPaperColumns);
  add_floors(t, results, kPaperColumns);
  bool any = false;
  for (const std::string& context : contexts_of(results)) {
    std::vector<const SeedGroup*> groups;
    for (const SeedGroup& g : results.groups)
      if (g.context == context && encoding_family(g.encoding) == EncodingFamily::rope)
        groups.push_back(&g);
    any = any || !groups.empty();
    if (!groups.empty()) add_context(t, results, PaperTable::rope, context, groups);
  }
  if (!any) t.rows.clear();
  return t;
}

ReportTable encodings_table(const StudyResults& results) {
  const bool encodings = std::any_of(results.groups.begin(), results.groups.end(),
                                     [](const SeedGroup& g) { return !g.encoding.empty(); });
  const char* title = encodings ? "Table III: positional encodings" : "The paper's measures";
  ReportTable t{.id = "table3" + results.suffix,
                .title = fmt::format("{} ({})", title, of_preset(results)),
                .caption = fmt::format("{}{}{}{}", kMarks,
                                       encodings ? "RoPE is the variant with the best CS in the "
                                                   "shorter windows. "
                                                 : "",
                                       kSsmd, note_of(results))};
  add_columns(t, results, kPaperColumns);
  add_floors(t, results, kPaperColumns);
  for (const std::string& context : contexts_of(results))
    add_context(t, results, PaperTable::encodings, context, table_groups(results, context));
  return t;
}

ReportTable further_table(const StudyResults& results) {
  ReportTable t{.id = "further" + results.suffix,
                .title = fmt::format("What the paper does not measure ({})", of_preset(results)),
                .caption = fmt::format(
                    "{}NDD two-sided: missing and superfluous notes. Onset F1: same pitch in the "
                    "same 16th. Note F1: and the same end, nearly. Onsets: predicted over true "
                    "ones; far below 1 is silence.",
                    kMarks)};
  add_columns(t, results, kFurtherColumns);
  add_floors(t, results, kFurtherColumns);
  for (const std::string& context : contexts_of(results)) {
    std::vector<const SeedGroup*> groups;
    for (const SeedGroup& g : results.groups)
      if (g.context == context) groups.push_back(&g);
    for (ReportRow& row : measured_rows(groups, results, kFurtherColumns))
      t.rows.push_back(std::move(row));
  }
  return t;
}

ReportTable training_table(const StudyResults& results) {
  ReportTable t{.id = "training" + results.suffix,
                .title = fmt::format("How the cells were trained ({})", of_preset(results)),
                .caption =
                    "Mean ± standard deviation over seeds. The threshold is the one that "
                    "validation chose; seconds are those of training."};
  t.columns = {{"threshold", "threshold", "", 3},
               {"validation_loss", "validation loss", "", 4},
               {"parameters", "parameters", "", 0},
               {"epochs", "epochs", "", 0},
               {"seconds", "seconds", "", 0}};
  for (const SeedGroup& g : results.groups) {
    ReportRow row{g.context, g.label(), RowKind::measured, static_cast<int64>(g.cells.size()), {}};
    for (double CellRow::*value : {&CellRow::threshold, &CellRow::validation_loss}) {
      const SampleSummary s = summarise(g.sample(value));
      row.numbers.push_back({s.mean, s.deviation, BestMark::none, false});
    }
    const CellRow& first = *g.cells[0];
    ReportNumber parameters, epochs;
    parameters.mean = static_cast<double>(first.parameters);
    epochs.mean = static_cast<double>(first.epochs);
    row.numbers.push_back(parameters);
    row.numbers.push_back(epochs);
    const SampleSummary s = summarise(g.sample(&CellRow::seconds));
    row.numbers.push_back({s.mean, s.deviation, BestMark::none, false});
    t.rows.push_back(std::move(row));
  }
  return t;
}

ReportTable information_report(const InformationTable& information) {
  ReportTable t{.id = "table1",
                .title = "Table I: mutual information of pitch and position, nats",
                .section_name = "",
                .label_name = "context"};
  t.caption = fmt::format(
      "{} cells that sound, of all tracks, {} pitches; {}. Plug-in estimate; shuffled: the same "
      "where labels are dealt out at random, mean of {}. TIME to BIN in capitals: chords as the "
      "papers' code reads them; the others are the contexts of gradus train.",
      information.cells, information.pitches, information.subset, information.shuffles);
  t.columns = {{"labels", "labels", "", 0},
               {"nats", "nats", "", 4},
               {"shuffled", "shuffled", "", 4},
               {"paper", "paper", "", 4}};
  for (const ContextInformation& c : information.rows) {
    ReportRow row{"", c.context, RowKind::measured, 0, {}};
    for (double x : {static_cast<double>(c.labels), c.nats, c.shuffled, c.paper}) {
      ReportNumber number;
      number.mean = x;
      row.numbers.push_back(number);
    }
    t.rows.push_back(std::move(row));
  }
  return t;
}

}  // namespace gradus
