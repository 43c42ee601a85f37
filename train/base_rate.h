// Base rates: the share of ones of each output in the training windows, as the log-odds at which an
// output's bias begins. A model that starts there need not learn first that most cells are silent.
#pragma once

#include "train/metrics.h"

namespace gradus {

/// f64 [outputs]: log((ones + 1/2) / (steps - ones + 1/2)). Half a count keeps it finite.
Tensor log_odds(const MeanPredictor& mean);

}  // namespace gradus
