// Notes against notes: how many predicted ones meet a true one, by their onset and by onset and
// end. The onsets of two notes agree where their pitch is the same and the same sixteenth is
// nearest; the ends agree where they lie at most a sixteenth, or 20 % of the true note's length,
// apart.
#pragma once

#include <vector>

#include "train/metrics.h"

namespace gradus {

/// A hit is a pair, and a note stands in one pair at most: a note struck twice where the target has
/// it once is one hit and one note too many. `hits` is the largest number of pairs.
struct NoteMatches {
  OnsetScore onsets;  ///< onsets agree
  OnsetScore notes;   ///< onsets and ends agree
  NoteMatches& operator+=(const NoteMatches& o);
};
/// Notes in steps, any number of steps a quarter.
NoteMatches match_notes(const std::vector<Note>& predicted, const std::vector<Note>& target,
                        int steps_per_quarter);

}  // namespace gradus
