// A piece as models see it: melody and accompaniment on the 16th grid, and for each step the chord,
// the section, the place in the bar. Made from bundled tunes, transposed for variety, or from a
// melody that waits for its accompaniment. Step 0 is a bar line.
#pragma once

#include <string>
#include <vector>

#include "data/roll.h"
#include "data/tune.h"
#include "tensor/random.h"

namespace gradus {

enum class Split : std::uint8_t { train, validation };

/// What is known of one step.
struct StepLabels {
  Chord chord;
  int section = 0;  ///< 0 for A, 1 for B, ...
  int bar = 0;      ///< counted from the begin of the piece
  int cell = 0;     ///< steps since the bar line
  int melody = -1;  ///< pitch, -1 for silence
  Style style = Style::block;
};

struct Piece {
  std::string name;  ///< "twinkle", or "twinkle+3" three semitones higher
  Key key;
  int steps_per_bar = 16;
  std::vector<Note> melody, accompaniment;  ///< in steps
  std::vector<StepLabels> steps;            ///< whole bars
  Split split = Split::train;

  int64 length() const { return static_cast<int64>(steps.size()); }
  int64 bars() const { return length() / steps_per_bar; }
  /// The chord of each step, for block_chords.
  std::vector<Chord> chords() const;
};

/// A tune in another key, with the accompaniment arranged anew in that key.
Piece make_piece(const Tune& tune, int semitones = 0);
/// A melody (in steps) without accompaniment, padded to whole bars. `chords` may be empty: no
/// chord anywhere; otherwise it is repeated, or cut, to the length of the melody.
Piece make_piece(const std::string& name, std::vector<Note> melody, int beats, int unit,
                 const Progression& chords = {}, Style style = Style::block);

struct PieceOptions {
  int lowest_shift = -5, highest_shift = 6;  ///< semitones, for training pieces
  double validation_share = 0.15;            ///< of the tunes; one at least, and one stays to train
};
/// All tunes as pieces. Whole tunes go to validation, in their own key only; `rng` says which.
std::vector<Piece> make_pieces(const std::vector<Tune>& tunes, const PieceOptions& options,
                               const Rng& rng);

}  // namespace gradus
