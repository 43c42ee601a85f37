// The threshold of decoding, chosen on validation windows: the one with the best onset F1 among
// those with which the model begins between half and twice as many notes as the target. Nothing
// else decides: CS and GS grow with every note too many.
#pragma once

#include <span>

#include "train/decoding.h"
#include "train/metrics.h"

namespace gradus {

/// At most `count` of the windows, evenly spread over them, and so over the pieces.
std::vector<PieceWindow> spread_windows(const std::vector<PieceWindow>& windows, int64 count);

/// The thresholds that are tried, ascending: closer to each other where they are small.
std::vector<double> thresholds();

struct ThresholdChoice {
  double threshold = 0.5;
  OnsetScore onsets;  ///< with it, on the windows it was chosen on
};
/// Of scores, one for each threshold, the best: most onset F1 where the ratio of predicted to true
/// onsets lies within 1/2 and 2; where it never does, the ratio nearest to that.
ThresholdChoice best_of(std::span<const double> thresholds, std::span<const OnsetScore> scores);

/// Which threshold is best for these windows, with the other rules of `decoding`. One forward pass
/// over the windows.
ThresholdChoice choose_threshold(const Harmonizer& harmonizer, const std::vector<Piece>& pieces,
                                 std::span<const PieceWindow> windows, const Decoding& decoding);

}  // namespace gradus
