// Windows and batches for melody harmonization: from the melody (and, if wanted, bridge, chord,
// style and place in the bar) to the accompaniment's onsets and sustain, all steps of a window at
// once.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/context.h"

namespace gradus {

/// Steps [begin, begin + length) of a piece, moved by so many semitones.
struct PieceWindow {
  std::size_t piece = 0;
  int64 begin = 0, length = 0;
  int semitones = 0;
  bool operator==(const PieceWindow&) const = default;
};

/// All windows of the pieces of one split, each of as many whole bars as fit into `steps`, one
/// every `hop_bars` bars (0: half a window; at most a whole one). They begin on bar lines; the last
/// one of a piece reaches its end, and what is left of it behind that is padding.
std::vector<PieceWindow> cut_windows(const std::vector<Piece>& pieces, Split split, int64 steps,
                                     int64 hop_bars = 0);
/// Windows of `bars` whole bars of one piece, side by side; what is left at its end is no window.
std::vector<PieceWindow> whole_windows(const std::vector<Piece>& pieces, Split split, int64 bars);
/// The windows in random order, `batch_size` at a time; the last batch may be smaller.
std::vector<std::vector<PieceWindow>> shuffled_batches(const std::vector<PieceWindow>& windows,
                                                       int64 batch_size, Rng& rng);

/// What goes into a batch. Notes of melody and bridge outside the input's range are moved by
/// octaves; notes of the targets outside theirs are left out.
struct HarmonyFormat {
  int steps_per_quarter = kStepsPerQuarter;
  /// Any of: melody, bridge (one column a pitch, for onsets and for sustain); beat (one-hot cell of
  /// the bar, and the bar's length); chord (12 bits); root (one-hot); style (one-hot); past,
  /// past-quarter, past-half, past-bar (harmony_past.h).
  std::vector<std::string> inputs = {"melody", "beat"};
  int melody_low = 43, melody_high = 103;        ///< pitches low to high - 1
  std::vector<std::string> targets = {"piano"};  ///< any of melody, bridge, piano
  int target_low = 36, target_high = 73;
  bool onsets = true;  ///< columns for onsets in the input, beside sustain
  std::vector<std::string> contexts = {"time"};
  ChordVocabulary chords;  ///< of the contexts

  bool reads(std::string_view input) const;
  /// True if an input or a context depends on the chords.
  bool reads_chords() const;
  /// Columns of the input.
  int64 features() const;
  /// Where those of an input begin, whether it is read or not.
  int64 first_column(std::string_view input) const;
  /// Columns of a target: the pitches of each track.
  int64 pitches() const { return static_cast<int64>(targets.size()) * (target_high - target_low); }
  std::vector<LabelColumn> columns() const {
    return context_columns(contexts, chords, steps_per_quarter);
  }
};

struct HarmonyBatch {
  Tensor input;           ///< f32 [B, N, features]
  Tensor onset, sustain;  ///< f32 [B, N, pitches], 0 or 1
  Tensor labels;          ///< f64 [B, N, columns]
  Tensor mask;            ///< u8 [B, N], 0 where a step is padding
};
struct PastNoise;  // harmony_past.h
/// With `noise`, each window hears a past with mistakes of its own; the targets have none.
HarmonyBatch make_batch(const std::vector<Piece>& pieces, std::span<const PieceWindow> windows,
                        int64 steps, const HarmonyFormat& format, const PastNoise* noise = nullptr);

}  // namespace gradus
