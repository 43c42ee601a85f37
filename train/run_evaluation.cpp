#include "train/run_evaluation.h"

#include <algorithm>

#include "tensor/text.h"

namespace gradus {

WindowKind window_kind(const Experiment& e) {
  return e.data.windows == "papers" && !e.data.source.empty() && is_pop909(e.data.source)
             ? WindowKind::papers
             : WindowKind::bars;
}

int64 usual_bars(const Experiment& e) {
  return std::max<int64>(1, e.data.steps / (4 * e.data.grid));
}

std::vector<Piece> judged_pieces(const Experiment& experiment, const std::vector<Piece>& heard,
                                 const std::filesystem::path& cache) {
  if (experiment.data.grid == kPopTicks) return heard;
  DataRequest request = data_request(experiment, cache);
  request.steps_per_quarter = kPopTicks;
  return read_harmony_data(request).pieces;
}

std::string data_text(const std::string& source) {
  return source.empty() ? "the bundled tunes" : source;
}

std::string left_out_text(const HarmonyData& data, const std::string& command) {
  constexpr std::size_t kNamed = 5;
  std::vector<std::string> names;
  for (const LeftOut& l : data.left_out) names.push_back(l.name);
  const std::size_t count = names.size();
  if (count > kNamed) names.resize(kNamed), names.emplace_back("...");
  return fmt::format("{} of {} songs ({}); {} says why", count, count + data.pieces.size(),
                     join(names), command);
}

EvaluationTable table_of(const EvaluationWindows& windows, const std::string& source) {
  EvaluationTable table;
  table.heading = {{"data", data_text(source)}, {"windows", windows.text()}};
  table.bars = windows.bars;
  table.windows = static_cast<int64>(windows.windows.size());
  table.split = windows.split;
  if (!windows.has_chords())
    table.heading.emplace_back("chords", "none is known, so that block-chords rests");
  return table;
}

EvaluationTable evaluate_run(const EvaluationWindows& windows, const std::string& source,
                             const Harmonizer& harmonizer, const std::vector<Piece>& pieces,
                             const Decoding& decoding) {
  EvaluationTable table = table_of(windows, source);
  table.threshold = decoding.threshold;
  table.rows = {evaluate_model(windows, harmonizer, pieces, decoding)};
  for (const Floor& f : floors()) table.rows.push_back(evaluate_floor(windows, f));
  return table;
}

}  // namespace gradus
