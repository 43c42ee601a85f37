// Generation: a model that hears its own past plays, step after step. In each step every pitch
// begins with the probability that the model gives it, p = sigmoid(l); a pitch that sounds and does
// not begin anew goes on with P(sounds | no onset) = (P(sounds) - p) / (1 - p); others are silent.
// Coupled outputs are decided one after another, each given those before it (within_step.h).
// Temperature T moves log-odds away from those of a pivot c: l' = c + (l - c) / T, so that T = 1 is
// the model, and T -> 0 a threshold at c.
#pragma once

#include <functional>

#include "train/recurrence.h"

namespace gradus {

struct Sampling {
  double pivot = 0.5;  ///< of onsets; without onsets, of sounding cells
  double sustain_threshold = 0.5;
  double temperature = 1;
  double cut = 0;  ///< less probable onsets are never played
  int64 merge = 0, min_length = 1;
  int polyphony = 0;  ///< 0: any number
  std::uint64_t seed = 1;
};
/// The rules of an experiment, with the threshold of its decoding as the pivot where it has none;
/// ConfigError for rules that look at more than a step.
Sampling make_sampling(const Experiment& experiment, double threshold, std::uint64_t seed);
/// "sampled at temperature 1, seed 3".
std::string to_string(const Sampling& sampling);

/// The model plays windows side by side, step after step.
class Playing {
 public:
  Playing(const Harmonizer& harmonizer, const std::vector<Piece>& pieces,
          std::span<const PieceWindow> windows, const Sampling& sampling);
  ~Playing();
  Playing(const Playing&) = delete;
  Playing& operator=(const Playing&) = delete;

  const Recurrence& model() const { return model_; }
  /// One step of all windows: the model's logits, what is drawn from them, and that it is heard.
  /// Steps that `known` has are played as it says, in all windows.
  void step(const Roll& known = {});
  /// What was played so far of a window, up to its end.
  Roll played(std::size_t window) const;

 private:
  class Player;
  Recurrence model_;
  std::vector<PieceWindow> windows_;
  std::vector<Player> players_;
  std::vector<std::uint8_t> onset_, sustain_;  // of one step, [windows, pitches]
};

/// The accompaniment of each window, which hears nothing of what comes before it; in steps from the
/// window's begin. What a window plays depends on the seed, its piece and its place, not on the
/// windows beside it.
std::vector<std::vector<Note>> generate(const Harmonizer& harmonizer,
                                        const std::vector<Piece>& pieces,
                                        std::span<const PieceWindow> windows,
                                        const Sampling& sampling);
/// Of a whole piece, in windows of the trained length that overlap by half: the first half of each
/// hears what the one before it played there. `heard` is called after each bar.
std::vector<Note> generate(const Harmonizer& harmonizer, const Piece& piece,
                           const Sampling& sampling, const std::function<void()>& heard = {});

}  // namespace gradus
