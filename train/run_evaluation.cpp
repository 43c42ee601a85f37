#include "train/run_evaluation.h"

#include <algorithm>
#include <numeric>

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
                             const Decoding& decoding, int64 seeds) {
  EvaluationTable table = table_of(windows, source);
  table.threshold = decoding.threshold;
  if (harmonizer.hears_past()) {
    std::vector<std::uint64_t> all(static_cast<std::size_t>(seeds));
    std::iota(all.begin(), all.end(), std::uint64_t{1});
    const Sampling sampling = make_sampling(harmonizer.experiment(), decoding.threshold, 1);
    table.rows = evaluate_playing(windows, harmonizer, pieces, sampling, all);
    if (seeds == 1) table.rows.resize(1);
    table.heading.emplace_back("model",
                               fmt::format("{}, hearing what it has played; mean of {} "
                                           "seed{}; beside it with the piano's true past",
                                           to_string(sampling), seeds, seeds == 1 ? "" : "s"));
  }
  table.rows.push_back(evaluate_model(windows, harmonizer, pieces, decoding));
  if (harmonizer.hears_past()) table.rows.back().name = "true past";
  for (const Floor& f : floors()) table.rows.push_back(evaluate_floor(windows, f));
  return table;
}

}  // namespace gradus
