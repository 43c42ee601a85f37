// Data sets for harmonization: the bundled tunes, POP909, MIDI files; whatever the source, pieces
// in splits, and what was left out and why.
#pragma once

#include <filesystem>

#include "data/context.h"
#include "data/midi_set.h"
#include "data/pop909.h"

namespace gradus {

struct DataRequest {
  /// A folder with the clones of POP909, a MIDI file or a folder of them; empty: the bundled tunes.
  std::filesystem::path source;
  int steps_per_quarter = kStepsPerQuarter;       ///< 4 or 16
  PopAlignment alignment = PopAlignment::papers;  ///< POP909
  PopBegin begin = PopBegin::bar_line;            ///< POP909
  PieceOptions tunes;                             ///< the tunes' keys; the share held out
  Rng split = Rng(1);                             ///< says which are held out
  std::filesystem::path cache;                    ///< folder of prepared data; empty: none
};

/// True for a folder that holds a clone of POP909, false for a MIDI file or a folder with some.
/// IoError where the source is neither, ConfigError where it is one of these clones.
bool is_pop909(const std::filesystem::path& source);

struct HarmonyData {
  std::vector<Piece> pieces;
  ChordVocabulary chords;
  std::vector<LeftOut> left_out;
  bool has_styles = false;  ///< the style labels mean something
};
/// IoError or ConfigError say what is wrong with the source; songs that cannot be used never stop
/// the others.
HarmonyData read_harmony_data(const DataRequest& request);

}  // namespace gradus
