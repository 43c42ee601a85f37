// One cell of a study: it trains in a run folder of its own, from where that stands, and is judged
// on windows of the test split with the threshold that validation chose. Whatever moment it was
// ended at, the numbers are those of a cell that never was.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "train/floors.h"
#include "train/study/rows.h"
#include "train/study/study.h"

namespace gradus {

struct CellTask {
  Experiment experiment;
  std::vector<int64> bars;
  std::optional<Split> split;   ///< none: test where the data has it, else validation
  std::filesystem::path cache;  ///< of prepared data; empty: none
};

/// Asked after each step, with the steps that are done and those that there are: true saves and
/// ends there.
using CellStop = std::function<bool(int64 step, int64 steps)>;

/// The cell's run folder, made where it is not there. ConfigError where another configuration
/// trains in it.
void make_cell_folder(const std::filesystem::path& folder, const Experiment& experiment);
/// The row, without names of study and axes; none where it was stopped. Waits while another
/// process, a killed study's last, is still training there.
std::optional<CellRow> run_cell(const std::filesystem::path& folder, const CellTask& task,
                                const CellStop& stop = {});
/// What run_cell gives is kept in the folder: FOLDER/cell.csv. None where it is not there, or of
/// other lengths.
void write_cell_row(const std::filesystem::path& folder, const CellRow& row);
std::optional<CellRow> read_cell_row(const std::filesystem::path& folder,
                                     const std::vector<int64>& bars);

/// ConfigError, with what the data has and how to name other data, where the windows by which the
/// cell would be judged are not there.
void check_windows(const CellTask& task);

/// Floors over the windows by which the cell is judged.
std::vector<FloorRow> cell_floors(const CellTask& task, std::span<const Floor> which = floors());

/// What a cell costs: parameters, steps, and seconds of training by the time of a few real steps.
struct CellCost {
  int64 parameters = 0, steps = 0;
  double seconds = 0;
};
/// Refuses what cannot be trained, as training does. Not `timed`: seconds are 0.
CellCost cell_cost(const CellTask& task, bool timed);

}  // namespace gradus
