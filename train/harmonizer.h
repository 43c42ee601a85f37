// Harmonizer: the model of the task. A causal encoder Transformer reads the melody step by step and
// says for every step and pitch how probable an onset is, and how probable it is that a note
// sounds; decoding.h turns both into notes.
#pragma once

#include <memory>

#include "data/harmony_set.h"
#include "nn/transformer.h"
#include "train/experiment.h"

namespace gradus {

/// Probabilities of the piano's notes over some steps, f32 [steps, pitches] each.
struct HarmonyProbabilities {
  Tensor onset;  ///< undefined where the model predicts sounding cells alone
  Tensor sustain;
  int lowest = 0;  ///< pitch of column 0
};

/// Where the piano's pitches stand among the logits.
struct OutputColumns {
  int64 onset = 0;  ///< that of sustain where the model has no onsets
  int64 sustain = 0;
  int64 count = 0;
};

class Harmonizer {
 public:
  /// Builds the model; ConfigError where encoding and core do not fit. `chords` are those of the
  /// data set, which contexts that number chords need.
  explicit Harmonizer(const Experiment& experiment, ChordVocabulary chords = {});

  const Experiment& experiment() const { return experiment_; }
  const HarmonyFormat& format() const { return format_; }
  Transformer& model() { return *model_; }
  const Transformer& model() const { return *model_; }
  OutputColumns piano_columns() const;
  /// It reads the piano's past: generation.h plays with it; what is asked of it here, it answers
  /// with the true past of the pieces.
  bool hears_past() const;

  /// Labels and mask of a batch as the encoding sees them.
  Positions positions(const HarmonyBatch& batch) const;
  /// Logits [B, N, outputs]: onsets (where the model has them), then sustain; of coupled outputs
  /// each given the batch's targets before it.
  Var logits(const HarmonyBatch& batch, Pass& pass) const;
  /// Mean binary cross entropy over onsets and sustain of the steps that are no padding.
  Var loss(const HarmonyBatch& batch, Pass& pass) const;
  /// The batch's targets in the order of the logits.
  Tensor targets(const HarmonyBatch& batch) const;

  /// The whole piece, in windows of the trained length that overlap by half.
  HarmonyProbabilities probabilities(const Piece& piece) const;
  /// Windows of pieces, each heard on its own: one forward pass for all, padded to the longest.
  std::vector<HarmonyProbabilities> probabilities(const std::vector<Piece>& pieces,
                                                  std::span<const PieceWindow> windows) const;

 private:
  Experiment experiment_;
  HarmonyFormat format_;
  int64 piano_first_ = 0, piano_columns_ = 0;  // of a target's columns
  std::unique_ptr<Transformer> model_;
};

HarmonyFormat harmony_format(const Experiment& experiment, ChordVocabulary chords = {});

}  // namespace gradus
