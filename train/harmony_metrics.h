// The measures by which the papers on structure-informed encodings judge a harmonization, and those
// that noise cannot meet. A window is a pair of rolls of equally many steps, prediction and target,
// on a grid of 4 (sixteenths), 8, 16 (the papers), 24, ... steps a quarter. With t for the target,
// p for the prediction:
//
//   CS    mean over half-measures of 100 cos(u_t, u_p); u: onsets of each of the 12 pitch classes
//   SSMD  scale * mean over i, j of |cos(v_ti, v_tj) - cos(v_pi, v_pj)|; v: see Ssmd
//   GS    100 * share of the quarters in which both have an onset, or neither has
//   NDD   100 * mean over sixteenths of max(0, n_t - n_p) / n_t (missing notes only) or
//         |n_t - n_p| / n_t (two-sided); n: sounding cells of all pitches; 0 where n_t = 0
//   onset F1, note F1, onset ratio: see note_matches.h
//
// A half-measure is two quarters (4/4), and the cosine with a zero vector is 0, so silence shared
// by both earns nothing in CS and costs nothing in SSMD. Where the steps do not fill the last
// half-measure, quarter or sixteenth, what is there counts as a whole one. No measure is ever NaN.
// Sources: CS, SSMD, GS, NDD: Agarwal, Wang, Richard, "F-StrIPE" (2025) and the paper on RoPEPool
// that follows it, section IV-F; windows of SSMD as in the code of "Structure-informed positional
// encoding for music generation" (2024).
#pragma once

#include <string>

#include "data/roll.h"
#include "train/note_matches.h"

namespace gradus {

/// The vectors that SSMD compares. `code` is what the papers' numbers show: sounding cells of each
/// pitch class in every eighth of a quarter (on the 16th grid each step: the same mean). `text` is
/// what the papers say: onsets of each pitch class in every half-measure.
enum class Ssmd : std::uint8_t { code, text };

struct HarmonyGrid {
  int steps_per_quarter = 16;
  Ssmd ssmd = Ssmd::code;
  double ssmd_scale = 100;  ///< 100 in the paper on F-StrIPE, 50 in the one on RoPEPool
};

/// A roll [steps, pitches] of sounding cells (u8) without onsets of its own: an onset is where a
/// cell sounds and the one before it does not (step 0 has silence before it), so that repeated
/// notes without a gap are one.
Roll plain_roll(const Tensor& sounding, int lowest = 0);
/// The same roll on a grid `factor` times as fine.
Roll finer(const Roll& roll, int64 factor);
/// The steps whose mask (u8 [steps]) is 1; ShapeError where padding stands before one of them.
Roll without_padding(const Roll& roll, const Tensor& mask);

// The rolls of a window may hold different pitches; only their steps must be equally many, and at
// least one. An onset sounds, whether sustain says so or not.

/// CS in percent, 0 to 100; higher is better. A silent half-measure on either side counts 0: a
/// perfect copy reaches 100 only if each half-measure of the target has an onset.
double chroma_similarity(const Roll& predicted, const Roll& target, const HarmonyGrid& grid = {});
/// SSMD, 0 to ssmd_scale; lower is better.
double ssm_distance(const Roll& predicted, const Roll& target, const HarmonyGrid& grid = {});
/// GS in percent; higher is better.
double grooving_similarity(const Roll& predicted, const Roll& target, const HarmonyGrid& grid = {});

/// Missing notes alone reward playing everything: the two numbers are always given together.
struct NoteDensityDistance {
  double missing = 0;    ///< percent, 0 to 100; lower is better
  double two_sided = 0;  ///< percent, 0 and up: notes too many cost as well
};
NoteDensityDistance note_density_distance(const Roll& predicted, const Roll& target,
                                          const HarmonyGrid& grid = {});
/// "12.3 / 45.6".
std::string to_string(const NoteDensityDistance& ndd);

/// The notes that begin in the window (roll_notes); those that its end cuts, end there.
NoteMatches match_notes(const Roll& predicted, const Roll& target, const HarmonyGrid& grid = {});

/// All measures of one window, or their summary over many.
struct HarmonyScore {
  double cs = 0, ssmd = 0, gs = 0;
  NoteDensityDistance ndd;
  NoteMatches matches;
  /// In percent; 0 where nothing is hit, also if there is nothing to hit.
  double onset_f1() const { return 100 * matches.onsets.f1(); }
  double note_f1() const { return 100 * matches.notes.f1(); }
  /// Predicted onsets over true ones; a target without onsets counts as one.
  double onset_ratio() const;
};
HarmonyScore harmony_score(const Roll& predicted, const Roll& target, const HarmonyGrid& grid = {});

/// The summary of windows: CS, SSMD, GS and NDD as means in which each window weighs the same,
/// onset and note counts as sums (so F1 and ratio are those of all notes together).
class HarmonyMean {
 public:
  void add(const HarmonyScore& window);
  /// As if the windows of both had been added here.
  void add(const HarmonyMean& other);
  int64 windows() const { return windows_; }
  /// All zeros where there is no window.
  HarmonyScore mean() const;

 private:
  HarmonyScore sum_;
  int64 windows_ = 0;
};

/// Counts of the cells that are not 0, f64 [ceil(steps / steps_per_row), 12]: how often each pitch
/// class occurs in every stretch of so many steps. cells u8 [steps, pitches].
Tensor chroma_counts(const Tensor& cells, int lowest, int64 steps_per_row);
/// Cosine of every row with every row, [N, D] -> [N, N]; 0 for rows of zeros.
Tensor self_similarity(const Tensor& rows);

}  // namespace gradus
