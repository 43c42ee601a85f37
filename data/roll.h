// Piano rolls on a grid of steps (sixteenths by default). A note's onset goes to the nearest step;
// it sounds to the step in which its last tick lies, and in its onset's step at least. Onsets and
// sustain are two rolls, so that repeated notes stay apart and notes can be read back.
#pragma once

#include <vector>

#include "data/midi.h"
#include "tensor/array.h"

namespace gradus {

inline constexpr int kPitches = 128;
inline constexpr int kStepsPerQuarter = 4;

/// The notes in steps instead of ticks, by the rule above.
std::vector<Note> to_steps(std::vector<Note> notes, int ticks_per_quarter,
                           int steps_per_quarter = kStepsPerQuarter);
/// The notes in ticks again; ConfigError where a step is no whole number of ticks.
std::vector<Note> to_ticks(std::vector<Note> notes, int ticks_per_quarter,
                           int steps_per_quarter = kStepsPerQuarter);

/// Column p is pitch lowest + p.
struct Roll {
  Tensor onset, sustain;  ///< u8 [steps, pitches], 0 or 1; sustain includes onset
  int lowest = 0;
};

/// The part [begin, begin + steps) of notes in steps, all 128 pitches. A note that began before has
/// sustain and no onset.
Roll make_roll(const std::vector<Note>& notes, int64 begin, int64 steps);
/// The columns of pitches low to high - 1, as a view.
Roll pitch_range(const Roll& roll, int low, int high);
/// Reads notes back: an onset begins one, it lasts while sustain holds and no other onset of its
/// pitch comes. Sustain without an onset before it is silent.
std::vector<Note> roll_notes(const Roll& roll, int velocity = 64, int channel = 0);

/// One voice: of notes that begin together the highest stays, and a note ends where the next
/// begins.
std::vector<Note> monophonic(std::vector<Note> notes);

}  // namespace gradus
