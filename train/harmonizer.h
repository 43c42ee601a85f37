// Harmonizer: the model of the task. A causal encoder Transformer reads the melody step by step and
// says for every step and pitch how probable an onset is, and how probable it is that a note
// sounds; decoding turns both into notes.
#pragma once

#include <memory>

#include "data/harmony_set.h"
#include "nn/transformer.h"
#include "train/experiment.h"

namespace gradus {

/// Probabilities of a whole piece, f32 [steps, pitches] each.
struct HarmonyProbabilities {
  Tensor onset, sustain;
};

class Harmonizer {
 public:
  /// Builds the model; ConfigError where encoding and core do not fit.
  explicit Harmonizer(const Experiment& experiment);

  const Experiment& experiment() const { return experiment_; }
  const HarmonyFormat& format() const { return format_; }
  Transformer& model() { return *model_; }
  const Transformer& model() const { return *model_; }

  /// Labels and mask of a batch as the encoding sees them.
  Positions positions(const HarmonyBatch& batch) const;
  /// Logits [B, N, 2 pitches]: onsets, then sustain.
  Var logits(const HarmonyBatch& batch, Pass& pass) const;
  /// Mean binary cross entropy over onsets and sustain of the steps that are no padding.
  Var loss(const HarmonyBatch& batch, Pass& pass) const;
  /// The batch's targets in the order of the logits, [B, N, 2 pitches].
  static Tensor targets(const HarmonyBatch& batch);

  /// The whole piece, in windows of the trained length that overlap by half.
  HarmonyProbabilities probabilities(const Piece& piece) const;
  /// Notes in steps: an onset at `threshold` begins one. It lasts while it is probable that it goes
  /// on, given that it began: sustain against its own probability at the onset.
  std::vector<Note> decode(const HarmonyProbabilities& p, double threshold) const;

 private:
  Experiment experiment_;
  HarmonyFormat format_;
  std::unique_ptr<Transformer> model_;
};

/// The labels' tracks for a list of contexts: "bin" is the chord's chroma bits, the others carry
/// their own names.
std::vector<std::string> context_tracks(const std::vector<std::string>& contexts);
HarmonyFormat harmony_format(const Experiment& experiment);

}  // namespace gradus
