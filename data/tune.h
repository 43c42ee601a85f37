// Bundled tunes: a melody with chords, section marks and accompaniment styles in the text format of
// data/README.md. Times are cells (sixteenths) counted from the first bar line; a pickup is the end
// of bar 0, whose front is silence.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/midi.h"
#include "data/progression.h"

namespace gradus {

inline constexpr int kCellsPerQuarter = 4;

/// How a section is accompanied; see data/README.md.
enum class Style : std::uint8_t { block, hymn, alberti, arpeggio, waltz, stride, ballad };
std::string to_string(Style style);
/// ConfigError names the nearest and all styles.
Style parse_style(std::string_view name);
std::vector<std::string> style_names();

struct Key {
  int tonic = 0;  ///< pitch class
  bool minor = false;
  bool operator==(const Key&) const = default;
};
/// "G major".
std::string to_string(const Key& key);

/// One section as played: bars [first_bar, first_bar + bars).
struct Section {
  std::string name;  ///< "A", "A2"
  Style style = Style::block;
  int64 first_bar = 0, bars = 0;
  /// The structure label: 0 for every A, 1 for every B, ...
  int label() const { return name[0] - 'A'; }
};

struct Tune {
  std::string name, title, composer, origin;
  Key key;
  int beats = 4, unit = 4;        ///< the meter, beats / unit
  int tempo = 120;                ///< quarters a minute
  bool has_pickup = false;        ///< bar 0 is a pickup: it belongs to the first section
  std::vector<Section> sections;  ///< in the order played, without gaps
  Progression chords;             ///< one chord a beat for every bar, N in the pickup bar
  std::vector<Note> melody;       ///< in cells, one voice

  int64 bars() const { return chords.bars(); }
  int cells_per_beat() const { return 16 / unit; }
  int cells_per_bar() const { return beats * cells_per_beat(); }
  int64 cells() const { return bars() * cells_per_bar(); }
  /// The chord that sounds in a cell.
  const Chord& chord_at(int64 cell) const {
    return chords.beats[static_cast<std::size_t>(cell / cells_per_beat())];
  }
  const Section& section_at(int64 bar) const;
};

/// The tune in another key: melody, chords and key move by so many semitones.
Tune transposed(const Tune& tune, int semitones);

/// Reads a tune; IoError says `name`, line, column and what is allowed there.
Tune parse_tune(std::string_view text, const std::string& name);
/// The same from a file; the tune is called like the file without its extension.
Tune read_tune(const std::filesystem::path& path);

/// All tunes that are built in, sorted by name.
const std::vector<Tune>& bundled_tunes();
/// One of them; ConfigError names the nearest.
const Tune& bundled_tune(std::string_view name);

/// A tune's text as the build embedded it.
struct TuneText {
  const char* name;
  const char* text;
};
/// The files of data/tunes as they were at build time, sorted by name.
const std::vector<TuneText>& bundled_tune_texts();

}  // namespace gradus
