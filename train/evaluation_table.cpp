#include "train/evaluation_table.h"

#include <nlohmann/json.hpp>

#include "tensor/text.h"

namespace gradus {

namespace {

/// A measure by its names: in a table's head, in files.
struct Measure {
  const char* name;
  const char* key;
  double (*value)(const EvaluationRow& row);
  enum class Better : std::uint8_t { higher, lower, neither } better;
};
using Better = Measure::Better;

constexpr Measure kMeasures[] = {
    {"CS", "cs", [](const EvaluationRow& r) { return r.score.cs; }, Better::higher},
    {"SSMD", "ssmd_code", [](const EvaluationRow& r) { return r.score.ssmd; }, Better::lower},
    {"SSMD text", "ssmd_text", [](const EvaluationRow& r) { return r.ssmd_text; }, Better::lower},
    {"GS", "gs", [](const EvaluationRow& r) { return r.score.gs; }, Better::higher},
    {"NDD missing", "ndd_missing", [](const EvaluationRow& r) { return r.score.ndd.missing; },
     Better::lower},
    {"NDD two-sided", "ndd_two_sided", [](const EvaluationRow& r) { return r.score.ndd.two_sided; },
     Better::lower},
    {"onset F1", "onset_f1", [](const EvaluationRow& r) { return r.score.onset_f1(); },
     Better::higher},
    {"note F1", "note_f1", [](const EvaluationRow& r) { return r.score.note_f1(); },
     Better::higher},
    {"onsets", "onset_ratio", [](const EvaluationRow& r) { return r.score.onset_ratio(); },
     Better::neither},
};

bool reaches(Better better, double floor, double model) {
  return better == Better::higher ? floor >= model : floor <= model;
}

/// The measure of a row. Missing notes are never told without the two-sided number.
std::string with_two_sided(const Measure& m, const EvaluationRow& row) {
  const std::string value = fmt::format("{:.1f}", m.value(row));
  if (std::string_view(m.key) != "ndd_missing") return value;
  return fmt::format("{}, two-sided {:.1f}", value, row.score.ndd.two_sided);
}

}  // namespace

std::vector<std::string> reached_by_floors(const EvaluationTable& table) {
  std::vector<std::string> remarks;
  if (!table.has_model() || table.rows.empty()) return remarks;
  const EvaluationRow& model = table.rows.front();
  for (const Measure& m : kMeasures) {
    if (m.better == Better::neither) continue;
    std::vector<std::string> floors;
    for (std::size_t i = 1; i < table.rows.size(); ++i)
      if (!table.rows[i].of_model && reaches(m.better, m.value(table.rows[i]), m.value(model)))
        floors.push_back(
            fmt::format("{} ({})", table.rows[i].name, with_two_sided(m, table.rows[i])));
    if (floors.empty()) continue;
    remarks.push_back(fmt::format("{} {}: reached by {}; {} shows nothing", m.name,
                                  with_two_sided(m, model), join(floors), m.name));
  }
  return remarks;
}

std::string text(const EvaluationTable& table) {
  std::string out;
  for (const auto& [what, words] : table.heading) out += fmt::format("{}: {}\n", what, words);
  out += fmt::format("\n{:<14}{:>7}{:>7}{:>11}{:>7}{:>15}{:>10}{:>9}{:>8}\n", "", "CS", "SSMD",
                     "SSMD text", "GS", "NDD", "onset F1", "note F1", "onsets");
  for (const EvaluationRow& r : table.rows)
    out += fmt::format("{:<14}{:>7.1f}{:>7.1f}{:>11.1f}{:>7.1f}{:>15}{:>10.1f}{:>9.1f}{:>8.2f}\n",
                       r.name, r.score.cs, r.score.ssmd, r.ssmd_text, r.score.gs,
                       to_string(r.score.ndd), r.score.onset_f1(), r.score.note_f1(),
                       r.score.onset_ratio());
  out +=
      "\nModels and floors hear a window from its first tick on, nothing before it.\nSSMD: 0 to "
      "100, of sounding cells as in the papers' code; text: of onsets, as in their "
      "words.\nNDD: missing notes / missing and superfluous ones. onsets: predicted over true "
      "ones.\n";
  const std::vector<std::string> remarks = reached_by_floors(table);
  if (!remarks.empty()) out += '\n';
  for (const std::string& r : remarks) out += r + '\n';
  return out;
}

std::string csv(const EvaluationTable& table) {
  std::string out = "name,split,bars,windows,threshold";
  for (const Measure& m : kMeasures) out += fmt::format(",{}", m.key);
  out += ",onsets_predicted,onsets_target,onsets_hit,notes_hit\n";
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const EvaluationRow& r = table.rows[i];
    out += fmt::format("{},{},{},{},{}", r.name, to_string(table.split), table.bars, table.windows,
                       table.has_model() && i == 0 ? fmt::format("{}", table.threshold) : "");
    for (const Measure& m : kMeasures) out += fmt::format(",{}", m.value(r));
    const NoteMatches& n = r.score.matches;
    out += fmt::format(",{},{},{},{}\n", n.onsets.predicted, n.onsets.target, n.onsets.hits,
                       n.notes.hits);
  }
  return out;
}

std::string json(const EvaluationTable& table) {
  using Json = nlohmann::ordered_json;
  Json all = Json::object();
  for (const auto& [what, words] : table.heading) all[what] = words;
  all["split"] = to_string(table.split);
  all["bars"] = table.bars;
  all["window_count"] = table.windows;
  all["threshold"] = table.has_model() ? Json(table.threshold) : Json();
  all["rows"] = Json::array();
  for (const EvaluationRow& r : table.rows) {
    Json row = {{"name", r.name}};
    for (const Measure& m : kMeasures) row[m.key] = m.value(r);
    const NoteMatches& n = r.score.matches;
    row["onsets"] = {
        {"predicted", n.onsets.predicted}, {"target", n.onsets.target}, {"hits", n.onsets.hits}};
    row["notes"] = {{"hits", n.notes.hits}};
    all["rows"].push_back(std::move(row));
  }
  all["reached_by_floors"] = reached_by_floors(table);
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace gradus
