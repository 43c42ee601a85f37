// The piano's own past as an input of harmonization: what began and what sounded one step, a
// quarter, half a bar or a bar ago. In training that is the piano of the data, in generation what
// the model has played itself; step t never reads step t, nor what lies before its window.
#pragma once

#include <vector>

#include "data/harmony_set.h"

namespace gradus {

/// Columns first .. + past_width() of an input: the piano `lag` steps ago.
struct PastColumns {
  int64 first = 0, lag = 0;
};
/// Onsets (where the format has them), then sustain, of the piano's pitches.
int64 past_width(const HarmonyFormat& format);
/// True for the name of such an input.
bool is_past(std::string_view input);
/// Those that the format reads, in a piece whose bars have so many steps.
std::vector<PastColumns> past_columns(const HarmonyFormat& format, int steps_per_bar);

/// A past with mistakes: a note is left out with this probability, and with the same a wrong one
/// sounds beside it, up to an octave away.
struct PastNoise {
  double share = 0;
  Rng rng = Rng(1);
};
/// Writes the past of a window into its rows of the input, which are 0 there.
void write_past(const Piece& piece, const PieceWindow& window, const HarmonyFormat& format,
                PastNoise noise, float* input);

}  // namespace gradus
