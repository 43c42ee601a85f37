// Floors: accompaniments that need no learning, made of what is known of a window before the piano
// plays. A number that one of them reaches shows nothing about a model. All but `silent` strike
// once a quarter, from step 0 on, and let go a sixteenth of a quarter before the next.
#pragma once

#include <span>
#include <string_view>

#include "data/chord.h"
#include "data/roll.h"

namespace gradus {

/// What is known of a window. Times are steps, step 0 is its first and begins a quarter.
struct KnownMusic {
  int64 steps = 0;
  int steps_per_quarter = 16, quarters_per_bar = 4;
  std::vector<Note> heard;  ///< melody and bridge; what was heard before step 0 may stand here too
  std::vector<Chord> chords;  ///< one a step; read by block-chords alone, else it may be empty
  std::vector<std::uint16_t> tones;  ///< of each step's chord, bit 0 is C; empty: the chords' own
};

/// Bars that heard-lately listens to: the quarter that it plays in, and what comes before.
inline constexpr int kHeardBars = 2;

/// Nothing.
std::vector<Note> play_silent(const KnownMusic& known);
/// Every pitch class, between MIDI 60 and 71.
std::vector<Note> play_all_twelve(const KnownMusic& known);
/// Of the pitch classes that `heard` holds in the last `bars` bars, up to the end of the quarter
/// being played, the four that sounded longest (of equals, the lower one), between MIDI 60 and 71.
/// Fewer where fewer were heard.
std::vector<Note> play_heard_lately(const KnownMusic& known, int bars = kHeardBars);
/// The chord at the quarter's first step: one tone for each pitch class between MIDI 55 and 66, the
/// root again between 36 and 47 (block_chords of data/arranger.h). Rests where there is no chord.
std::vector<Note> play_block_chords(const KnownMusic& known);

struct Floor {
  std::string_view name, says;
  /// Notes in steps, sorted, none beyond the window; make_roll(notes, 0, known.steps) draws them.
  std::vector<Note> (*play)(const KnownMusic& known) = nullptr;
};
/// silent, all-twelve, heard-lately, block-chords.
std::span<const Floor> floors();
/// ConfigError names the nearest floor and all that are known.
const Floor& find_floor(std::string_view name);

}  // namespace gradus
