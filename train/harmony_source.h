// What an experiment says of its data: where the pieces come from, and how they are cut.
#pragma once

#include "data/harmony_data.h"
#include "train/experiment.h"

namespace gradus {

DataRequest data_request(const Experiment& experiment);
/// The windows of a split that a model trains on or is validated with.
std::vector<PieceWindow> training_windows(const std::vector<Piece>& pieces, Split split,
                                          const Experiment& experiment);

}  // namespace gradus
