// Windows and batches for melody harmonization: from the melody (and, if wanted, chord, style and
// place in the bar) to the accompaniment's onsets and sustain, all steps of a window at once.
// Windows begin on bar lines; what is left of a window behind the last whole bar is padding.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/piece.h"

namespace gradus {

/// Steps [begin, begin + length) of a piece.
struct PieceWindow {
  std::size_t piece = 0;
  int64 begin = 0, length = 0;
  bool operator==(const PieceWindow&) const = default;
};

/// All windows of the pieces of one split, each of as many whole bars as fit into `steps`, one
/// every `hop_bars` bars (0: half a window; at most a whole one). The last one of a piece reaches
/// its end.
std::vector<PieceWindow> cut_windows(const std::vector<Piece>& pieces, Split split, int64 steps,
                                     int64 hop_bars = 0);
/// The windows in random order, `batch_size` at a time; the last batch may be smaller.
std::vector<std::vector<PieceWindow>> shuffled_batches(const std::vector<PieceWindow>& windows,
                                                       int64 batch_size, Rng& rng);

/// How the values of a label behave: a point in time, one of so many tokens, or 0 and 1.
enum class LabelKind : std::uint8_t { time, token, bit };
struct LabelColumn {
  std::string name;
  LabelKind kind = LabelKind::token;
  int64 values = 0;  ///< number of tokens; 2 for bits, 0 for times
};
/// The names of all label tracks.
std::vector<std::string> label_names();
/// The columns of the named tracks, in order; "chroma" has twelve, each other one has one.
/// ConfigError names the nearest track.
std::vector<LabelColumn> label_columns(const std::vector<std::string>& tracks);

/// What goes into a batch. Melody notes outside their range are moved by octaves; notes of the
/// accompaniment outside theirs are left out.
struct HarmonyFormat {
  int melody_low = 43, melody_high = 103;  ///< pitches low to high - 1
  int target_low = 36, target_high = 73;
  bool beat_input = true;    ///< one-hot cell of the bar, and the bar's length
  bool chord_input = false;  ///< chroma bits and one-hot root
  bool style_input = false;  ///< one-hot style
  std::vector<std::string> labels = {"time"};

  /// Columns of the input: melody onsets, melody sustain, then what is switched on.
  int64 features() const;
  int64 pitches() const { return target_high - target_low; }
};

struct HarmonyBatch {
  Tensor input;           ///< f32 [B, N, features]
  Tensor onset, sustain;  ///< f32 [B, N, pitches], 0 or 1
  Tensor labels;          ///< f64 [B, N, columns]
  Tensor mask;            ///< u8 [B, N], 0 where a step is padding
};
HarmonyBatch make_batch(const std::vector<Piece>& pieces, std::span<const PieceWindow> windows,
                        int64 steps, const HarmonyFormat& format);

}  // namespace gradus
