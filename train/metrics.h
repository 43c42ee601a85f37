// How good an accompaniment is: onsets against the target's, and the loss of predicting the mean,
// which needs no learning.
#pragma once

#include <span>
#include <vector>

#include "data/piece.h"
#include "tensor/array.h"

namespace gradus {

/// A predicted onset is a hit where the target has an onset of the same pitch in the same step.
struct OnsetScore {
  int64 predicted = 0, target = 0, hits = 0;
  double precision() const {
    return predicted ? static_cast<double>(hits) / static_cast<double>(predicted) : 0;
  }
  double recall() const {
    return target ? static_cast<double>(hits) / static_cast<double>(target) : 0;
  }
  /// Harmonic mean of the two; 0 where nothing hits.
  double f1() const {
    return hits ? 2.0 * static_cast<double>(hits) / static_cast<double>(predicted + target) : 0;
  }
  OnsetScore& operator+=(const OnsetScore& o);
};
/// Notes in steps; pitches and onsets count, lengths do not. Two equal notes count once.
OnsetScore onset_score(std::span<const Note> predicted, std::span<const Note> target);

/// The rule that plays the known chord once a quarter, on the grid of the piece: what a model has
/// to beat.
std::vector<Note> block_chord_steps(const Piece& piece);

/// The share of ones per output, over steps whose mask is 1: what "predicting the mean" predicts.
class MeanPredictor {
 public:
  /// target f32 [B, N, P], mask u8 [B, N].
  void learn(const Tensor& target, const Tensor& mask);
  /// Summed binary cross entropy of the mean, and how many elements it is summed over.
  struct Loss {
    double total = 0;
    int64 count = 0;
  };
  Loss loss(const Tensor& target, const Tensor& mask) const;
  const std::vector<double>& ones() const { return ones_; }
  int64 steps() const { return steps_; }

 private:
  std::vector<double> ones_;  // per output
  int64 steps_ = 0;
};

}  // namespace gradus
