// The arranger: plays a tune's chords in the style of each section, as a piano would. It is
// deterministic, keeps to MIDI 36-72 and the 16th grid, and leads the voices closely (voicing.h).
// Its output is what models are trained to find; block_chords is the rule they have to beat.
#pragma once

#include "data/tune.h"

namespace gradus {

/// The accompaniment of a whole tune in cells (sixteenths). Silent where the chord is N.
std::vector<Note> accompaniment(const Tune& tune);

/// The tune as a song of two tracks, "melody" and "piano", with tempo, meter and key.
Song arrange(const Tune& tune, int ticks_per_quarter = 480);

/// The baseline that plays the known chord once a quarter: one tone for each pitch class between 55
/// and 66, the root again between 36 and 47, a gap of one tick before the next quarter.
/// `chords` has one chord a step; times are ticks. `tones` may be empty, else it has the pitch
/// classes of each step's chord, bit 0 is C: a label may have more than its quality, C:sus4(b7,9) a
/// D.
std::vector<Note> block_chords(const std::vector<Chord>& chords, int steps_per_quarter,
                               int ticks_per_quarter, const std::vector<std::uint16_t>& tones = {});

}  // namespace gradus
