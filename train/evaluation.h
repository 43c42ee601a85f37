// Evaluation: models and floors over the same windows of one split, on the papers' grid of 16 ticks
// a quarter whatever the grid of the model, so that their numbers can stand in one table. A window
// is judged by what lies in it: models and floors hear melody and bridge from its first tick on,
// and nothing of what comes before it.
#pragma once

#include "train/decoding.h"
#include "train/floors.h"
#include "train/generation.h"
#include "train/harmony_metrics.h"

namespace gradus {

/// bars: whole bars side by side, from each piece's first bar line on. papers: ticks counted from
/// the first note, the windows of the papers, which overlap.
enum class WindowKind : std::uint8_t { bars, papers };

struct EvaluationWindows {
  std::vector<Piece> pieces;         ///< of the whole data set, 16 steps a quarter
  std::vector<PieceWindow> windows;  ///< of one split
  Split split = Split::test;
  WindowKind kind = WindowKind::bars;
  int64 bars = 0;
  /// "817 windows of 8 bars in 88 pieces of split test, side by side, from bar lines on".
  std::string text() const;
  /// Whether a chord is known anywhere in them.
  bool has_chords() const;
};
/// ConfigError where the split has no piece, none of them is as long as a window, or the papers
/// have no windows of so many bars.
EvaluationWindows evaluation_windows(std::vector<Piece> pieces, Split split, int64 bars,
                                     WindowKind kind);
/// Test where the pieces have it, else validation, else train.
Split evaluation_split(const std::vector<Piece>& pieces);

struct EvaluationRow {
  std::string name;
  HarmonyScore score;     ///< SSMD as in the papers' code
  double ssmd_text = 0;   ///< SSMD as in the papers' text
  bool of_model = false;  ///< no floor
};
/// What is known of a window to a floor.
KnownMusic known_music(const Piece& piece, const PieceWindow& window);
EvaluationRow evaluate_floor(const EvaluationWindows& windows, const Floor& floor);
/// `pieces`: the same ones on the model's grid. A model that hears its past hears the true one.
EvaluationRow evaluate_model(const EvaluationWindows& windows, const Harmonizer& harmonizer,
                             const std::vector<Piece>& pieces, const Decoding& decoding);
/// What a model that hears its past plays by itself: the mean over seeds, then each of them.
std::vector<EvaluationRow> evaluate_playing(const EvaluationWindows& windows,
                                            const Harmonizer& harmonizer,
                                            const std::vector<Piece>& pieces, Sampling sampling,
                                            std::span<const std::uint64_t> seeds);
/// Mean binary cross entropy of the model's outputs, in nats a cell, given the true past where it
/// hears one: minus the logarithm of the likelihood.
double cross_entropy(const EvaluationWindows& windows, const Harmonizer& harmonizer,
                     const std::vector<Piece>& pieces);

}  // namespace gradus
