// A piece as models see it: melody, bridge and accompaniment on a grid of 4 or 16 steps a quarter,
// and for each step the chord, the section, the place in the bar. Made from bundled tunes,
// transposed for variety, from songs of POP909 (pop909_piece.h), or from a melody that waits for
// its accompaniment.
#pragma once

#include <string>
#include <vector>

#include "data/roll.h"
#include "data/shared_array.h"
#include "data/tune.h"
#include "tensor/random.h"

namespace gradus {

enum class Split : std::uint8_t { train, validation, test };
/// "train", "validation", "test".
std::string to_string(Split split);
/// ConfigError names the nearest.
Split parse_split(const std::string& text);

/// What is known of one step. Files of prepared data hold it as it stands in memory.
struct StepLabels {
  Chord chord;
  std::uint16_t tones = 0;   ///< pitch classes of the chord without a foreign bass, bit 0 is C
  std::int16_t section = 0;  ///< letter: 0 to 25 for A to Z, 26 to 51 for a to z
  std::int16_t phrase = 0;   ///< sections as played, counted from 0
  std::int16_t cell = 0;     ///< steps since the bar line
  int bar = 0;               ///< counted from the begin of the piece
  std::int16_t melody = 0;   ///< pitch, 0 for silence
  Style style = Style::block;
  bool operator==(const StepLabels&) const = default;
};

struct Piece {
  std::string name;  ///< "twinkle", or "twinkle+3" three semitones higher; "001"
  Key key;
  int steps_per_quarter = kStepsPerQuarter, steps_per_bar = 16;
  SharedArray<Note> melody, bridge, accompaniment;  ///< in steps
  /// Whole bars from a bar line on, but for the papers' rolls, which begin with the first note.
  SharedArray<StepLabels> steps;
  Split split = Split::train;

  int64 length() const { return static_cast<int64>(steps.size()); }
  int64 bars() const { return length() / steps_per_bar; }
  /// The chord of each step, for block_chords.
  std::vector<Chord> chords() const;
};
/// "melody", "bridge", "piano": the tracks of a piece by the names that experiments use.
const SharedArray<Note>& track(const Piece& piece, std::string_view name);

/// A tune in another key, with the accompaniment arranged anew in that key.
Piece make_piece(const Tune& tune, int semitones = 0);
/// A melody (in steps) without accompaniment, padded to whole bars. `chords` may be empty: no
/// chord anywhere; otherwise it is repeated, or cut, to the length of the melody.
Piece make_piece(const std::string& name, std::vector<Note> melody, int beats, int unit,
                 const Progression& chords = {}, Style style = Style::block,
                 int steps_per_quarter = kStepsPerQuarter);
/// The labels of a chord: itself and its tones.
void set_chord(StepLabels& labels, const Chord& chord);
/// The same piece on a grid `factor` times as fine.
Piece finer(const Piece& piece, int factor);

struct PieceOptions {
  int lowest_shift = -5, highest_shift = 6;  ///< semitones, for training pieces
  double validation_share = 0.15;            ///< of the tunes; one at least, and one stays to train
};
/// Which of so many pieces are held out for validation: a share of them, one at least where the
/// share is above 0, but never all.
std::vector<bool> held_out(std::size_t count, double share, const Rng& rng);
/// All tunes as pieces. Whole tunes go to validation, in their own key only; `rng` says which.
std::vector<Piece> make_pieces(const std::vector<Tune>& tunes, const PieceOptions& options,
                               const Rng& rng);

}  // namespace gradus
