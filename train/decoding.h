// Decoding: from the probabilities of a window to notes, by rules that can be chosen one by one,
// each a small function of its own. In order: cells whose onset is probable enough begin notes; a
// quarter or a pitch that is expected to have more gets more; a note is held while sustain stays
// probable; gaps are closed, short notes left out, and no more notes sound at once than allowed. A
// model without onsets gives the sounding cells themselves, and their beginnings are the onsets.
#pragma once

#include "train/harmonizer.h"

namespace gradus {

/// Until when a note lasts: while the probability of sustain is at least sustain_threshold times
/// the probability with which the note began (given_onset), or times the threshold of onsets
/// (given_threshold).
enum class SustainRule : std::uint8_t { given_onset, given_threshold };

struct Decoding {
  double threshold = 0.5;  ///< of onsets; without onsets, of sounding cells
  double sustain_threshold = 0.5;
  SustainRule sustain = SustainRule::given_onset;
  bool expected_counts = false, expected_chroma = false, fill_quarters = false;
  int64 merge = 0, min_length = 1;
  int polyphony = 0;  ///< 0: any number
};
/// The rules of an experiment; ConfigError where they need onsets that its model does not have.
Decoding make_decoding(const Experiment& experiment, double threshold);
/// "threshold 0.15, sustain 0.5 of the onset's probability, expected counts".
std::string to_string(const Decoding& decoding);

/// Steps of a quarter and of a bar; step 0 begins both.
struct BarGrid {
  int steps_per_quarter = kStepsPerQuarter, steps_per_bar = 16;
};
inline BarGrid bar_grid(const Piece& piece) {
  return {piece.steps_per_quarter, piece.steps_per_bar};
}

/// Notes in steps, sorted. NonFiniteError or ConfigError where a probability is none.
std::vector<Note> decode(const HarmonyProbabilities& p, const Decoding& decoding,
                         const BarGrid& grid = {});

// The rules. Cells are u8 [steps, pitches], 0 or 1, probabilities f32 of the same shape.

/// 1 where the probability is at least the threshold.
Tensor cells_from(const Tensor& probability, double threshold);
/// A quarter without a cell whose chance to have one, 1 - prod(1 - p), is at least 1/2 gets its
/// most probable one (of equals the earliest, then the lowest).
Tensor fill_quarters(const Tensor& cells, const Tensor& probability, int steps_per_quarter);
/// In each half of a bar, every pitch gets at least as many cells as the sum of its probabilities
/// says, rounded: the most probable ones (of equals the earliest).
Tensor fill_expected(const Tensor& cells, const Tensor& probability, int steps_per_bar);
/// The same for every pitch class: pitches that are unlikely each may be expected together.
Tensor fill_expected_chroma(const Tensor& cells, const Tensor& probability, int steps_per_bar);

struct ProbableNote {
  Note note;
  double probability = 0;  ///< with which it began
};
/// One note for each onset, held by the rule of `decoding`, until the next onset of its pitch at
/// most. By pitch, then in time, as are those of the functions below.
std::vector<ProbableNote> held_notes(const Tensor& onsets, const HarmonyProbabilities& p,
                                     const Decoding& decoding);
/// One note for each unbroken row of sounding cells.
std::vector<ProbableNote> sounding_notes(const Tensor& cells, const HarmonyProbabilities& p);
/// A gap of at most `steps` between two notes of a pitch is closed: the first lasts to the second.
/// `join`: they become one note, as where gaps of a roll without onsets are filled.
enum class Join : std::uint8_t { no, yes };
std::vector<ProbableNote> close_gaps(std::vector<ProbableNote> notes, int64 steps, Join join);
std::vector<ProbableNote> without_short(std::vector<ProbableNote> notes, int64 min_length);
/// Where more than `most` notes sound, the least probable ones end, or do not begin (of equals, the
/// later one, then the higher one).
std::vector<ProbableNote> with_polyphony(std::vector<ProbableNote> notes, int most);

}  // namespace gradus
