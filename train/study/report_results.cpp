#include "train/study/report_results.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "tensor/error.h"
#include "tensor/text.h"
#include "train/study/report_paper.h"

namespace gradus {

std::string StudyResults::counts() const {
  std::set<std::string> encodings, contexts, hashes;
  std::size_t few = 0;
  for (const SeedGroup& g : groups) {
    encodings.insert(g.encoding);
    contexts.insert(g.context);
    for (const CellRow* c : g.cells) hashes.insert(c->hash);
    few += g.cells.size() < 2;
  }
  std::string text = fmt::format("{} cells: {} encodings, {} contexts", hashes.size(),
                                 encodings.size(), contexts.size());
  if (few > 0)
    text += fmt::format("; {} of {} rows have one seed, which has no deviation and no mark", few,
                        groups.size());
  return text;
}

std::vector<StudyResults> study_results(const CellTable& cells,
                                        const std::vector<FloorRow>& floors) {
  const std::vector<SeedGroup> groups = seed_groups(cells);
  const std::vector<StudyPreset> presets = presets_of(cells);
  std::vector<StudyResults> all;
  for (const StudyPreset& p : presets) {
    StudyResults r{p.study, p.preset, cells.bars, {}, {}, {}, {}};
    for (const SeedGroup& g : groups)
      if (g.study == p.study && g.preset == p.preset) r.groups.push_back(g);
    for (const FloorRow& f : floors)
      if (f.study == p.study && f.preset == p.preset) r.floors.push_back(f);
    if (presets.size() > 1) r.suffix = fmt::format("-{}-{}", p.study, p.preset);
    all.push_back(std::move(r));
  }
  return all;
}

std::vector<std::string> contexts_of(const StudyResults& results) {
  std::vector<std::string> names;
  for (const SeedGroup& g : results.groups)
    if (names.empty() || names.back() != g.context) names.push_back(g.context);
  return names;
}

std::vector<const SeedGroup*> table_groups(const StudyResults& results,
                                           const std::string& context) {
  // One variant of RoPE for each value of other axes.
  const int64 bars =
      results.bars.empty() ? 0 : *std::min_element(results.bars.begin(), results.bars.end());
  std::vector<const SeedGroup*> all;
  for (const SeedGroup& g : results.groups) {
    if (g.context != context) continue;
    if (encoding_family(g.encoding) == EncodingFamily::rope) {
      const auto rival = std::find_if(all.begin(), all.end(), [&](const SeedGroup* o) {
        return encoding_family(o->encoding) == EncodingFamily::rope && o->other == g.other;
      });
      if (rival != all.end()) {
        const auto cs = [&](const SeedGroup& x) { return summarise(x.sample("cs", bars)).mean; };
        if (cs(g) > cs(**rival)) *rival = &g;
        continue;
      }
    }
    all.push_back(&g);
  }
  return all;
}

std::vector<std::string> reached_by_floors(const StudyResults& results) {
  struct Judged {
    std::string_view measure, title;
    bool higher;
  };
  constexpr Judged kJudged[] = {{"cs", "CS", true},
                                {"gs", "GS", true},
                                {"ssmd", "SSMD", false},
                                {"ndd_missing", "NDD, missing notes", false},
                                {"ndd_two_sided", "NDD, two-sided", false},
                                {"onset_f1", "onset F1", true},
                                {"note_f1", "note F1", true}};
  std::vector<std::string> remarks;
  if (results.bars.empty()) return remarks;
  const int64 bars = *std::min_element(results.bars.begin(), results.bars.end());
  for (const Judged& j : kJudged) {
    const auto reaches = [&](double a, double b) { return j.higher ? a >= b : a <= b; };
    const double scale = j.measure == "ssmd" ? kPaperSsmdScale / 100 : 1;
    const SeedGroup* best = nullptr;
    double most = 0;
    for (const SeedGroup& g : results.groups) {
      const double mean = summarise(g.sample(j.measure, bars)).mean;
      if (std::isfinite(mean) && (!best || !reaches(most, mean))) best = &g, most = mean;
    }
    if (!best) continue;
    std::vector<std::string> floors;
    for (const FloorRow& f : results.floors)
      for (const StudyMeasure& m : study_measure_table())
        if (f.measures.bars == bars && m.name == j.measure && reaches(f.measures.*m.value, most))
          floors.push_back(fmt::format("{} {:.2f}", f.floor, scale * f.measures.*m.value));
    // No encoding is in all contexts the same.
    const bool placed =
        !best->context.empty() && encoding_family(best->encoding) != EncodingFamily::none;
    if (!floors.empty())
      remarks.push_back(fmt::format("{}, {} bars: the best of all models, {}{}{}, has {:.2f}; {}",
                                    j.title, bars, best->label(), placed ? " in " : "",
                                    placed ? best->context : "", scale * most, join(floors)));
  }
  return remarks;
}

std::string tests_csv(const StudyResults& results) {
  std::string out =
      "context,measure,bars,a,b,n_a,n_b,mean_a,mean_b,levene_p,test,t,degrees,p,welch_p\n";
  const auto number = [](double x) { return std::isnan(x) ? "" : fmt::format("{}", x); };
  const auto quoted = [](const std::string& text) { return fmt::format("\"{}\"", text); };
  for (const std::string& context : contexts_of(results))
    for (int64 bars : results.bars)
      for (const StudyMeasure& m : study_measure_table())
        for (std::size_t i = 0; i < results.groups.size(); ++i)
          for (std::size_t j = i + 1; j < results.groups.size(); ++j) {
            const SeedGroup &a = results.groups[i], &b = results.groups[j];
            if (a.context != context || b.context != context) continue;
            const std::vector<double> x = a.sample(m.name, bars), y = b.sample(m.name, bars);
            const MeanTest test = compare_means(x, y);
            out += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", context, m.name,
                               bars, quoted(a.label()), quoted(b.label()), x.size(), y.size(),
                               number(summarise(x).mean), number(summarise(y).mean),
                               number(test.levene), to_string(test.kind), number(test.t),
                               number(test.degrees), number(test.p), number(welch_test(x, y).p));
          }
  return out;
}

}  // namespace gradus
