// What an experiment says of its data: where the pieces come from, and how they are cut.
#pragma once

#include "data/harmony_data.h"
#include "train/experiment.h"

namespace gradus {

/// `cache` is the folder of prepared data; empty: none.
DataRequest data_request(const Experiment& experiment, const std::filesystem::path& cache = {});
/// The windows of a split that a model trains on or is validated with. ConfigError where there are
/// none.
std::vector<PieceWindow> training_windows(const std::vector<Piece>& pieces, Split split,
                                          const Experiment& experiment);

}  // namespace gradus
