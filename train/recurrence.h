// A model that hears the piano's past, one step after another: linear attention is a recurrence
// (nn/attention_core.h), so that a step costs the same time and the same memory however long the
// past is. What it hears of the piano is what was played to it, never the piece's accompaniment.
#pragma once

#include "data/harmony_past.h"
#include "train/harmonizer.h"

namespace gradus {

class Recurrence {
 public:
  /// Windows of pieces side by side, from their first steps on.
  Recurrence(const Harmonizer& harmonizer, const std::vector<Piece>& pieces,
             std::span<const PieceWindow> windows);

  int64 windows() const { return batch_.input.size(0); }
  int64 pitches() const { return columns_.count; }
  /// Steps of the longest window; those behind the end of a shorter one are padding.
  int64 length() const { return batch_.input.size(1); }
  /// The step that comes next.
  int64 position() const { return position_; }
  bool done() const { return position_ >= length(); }

  /// Logits f32 [windows, outputs] of the next step. Call play() before the next one.
  Tensor logits();
  /// What begins and what sounds in that step, 0 or 1, [windows, pitches] each.
  void play(std::span<const std::uint8_t> onset, std::span<const std::uint8_t> sustain);
  /// The cells of a window that were played so far, u8 [position, pitches].
  Roll played(int64 window) const;

  /// Bytes that the attention keeps of the past.
  std::uint64_t state_bytes() const;

 private:
  std::size_t cell(int64 window, int64 step) const {
    return static_cast<std::size_t>((window * length() + step) * pitches());
  }
  /// The rows of the input at the next step.
  Tensor input() const;
  const Harmonizer& harmonizer_;
  OutputColumns columns_;
  std::vector<std::vector<PastColumns>> past_;  // of each window
  HarmonyBatch batch_;
  Positions positions_;
  std::vector<AttentionState> states_;
  std::vector<std::uint8_t> onset_, sustain_;  // [windows, length, pitches]
  int64 position_ = 0;
};

}  // namespace gradus
