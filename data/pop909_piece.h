// A song of POP909 as a piece: on a grid of 4 or 16 steps a quarter, from a bar line on, or (16)
// exactly as the papers cut it, from the first note on.
#pragma once

#include "data/context.h"
#include "data/pop909_song.h"

namespace gradus {

enum class PopBegin : std::uint8_t { bar_line, first_note };

/// Onsets go to the nearest step; labels are those of a step's first tick. Padding (in front to the
/// bar line, and behind to whole bars) has no chord and the phrase 'x'. ConfigError where a quarter
/// has other than 4 or 16 steps, or 4 and no bar line to begin with.
Piece make_piece(const PopSong& song, int steps_per_quarter, PopBegin begin);
std::uint32_t chord_code(const PopChord& chord);

}  // namespace gradus
