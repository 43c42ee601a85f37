// What is judged at the end of a training run and by `gradus evaluate`: the windows of an
// experiment's data, and one table of its model and all floors.
#pragma once

#include "train/evaluation_table.h"
#include "train/harmony_source.h"

namespace gradus {

/// The papers' windows where the experiment trains on them (POP909), else whole bars.
WindowKind window_kind(const Experiment& experiment);
/// Bars of 4/4 in a window of training, one at least.
int64 usual_bars(const Experiment& experiment);
/// The experiment's data on the papers' grid: `heard` if it is that already, else read anew.
std::vector<Piece> judged_pieces(const Experiment& experiment, const std::vector<Piece>& heard,
                                 const std::filesystem::path& cache);
/// "the bundled tunes", or the source itself.
std::string data_text(const std::string& source);

/// "43 of 909 songs (034, 062, 102, ...); COMMAND says why".
std::string left_out_text(const HarmonyData& data, const std::string& command);

/// A table without rows: what it is of.
EvaluationTable table_of(const EvaluationWindows& windows, const std::string& source);
/// The model beside all floors. `pieces`: those of the windows on the model's grid. A model that
/// hears its past plays with seeds 1 .. `seeds`; the mean of them is the first row, each of several
/// has a row, and then comes the model with the true past.
EvaluationTable evaluate_run(const EvaluationWindows& windows, const std::string& source,
                             const Harmonizer& harmonizer, const std::vector<Piece>& pieces,
                             const Decoding& decoding, int64 seeds = 1);

}  // namespace gradus
