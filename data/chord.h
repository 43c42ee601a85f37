// Chord symbols: a root, a quality, a bass. Both lead-sheet symbols (`F#m7/C#`) and the syntax of
// Harte et al. 2005 (`F#:min7/5`) are read; printing gives the lead-sheet symbol. The table of
// qualities stands in data/README.md and, with aliases, in chord.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

enum class Quality : std::uint8_t {
  major,
  minor,
  dominant7,
  major7,
  minor7,
  minor_major7,
  diminished,
  diminished7,
  half_diminished7,
  augmented,
  augmented7,
  fifth,
  sus2,
  sus4,
  dominant7_sus4,
  major6,
  minor6,
  dominant9,
  major9,
  minor9,
  add9,
  dominant7_flat9,
};

/// Pitch classes count from C = 0. No chord: root and bass are -1.
struct Chord {
  int root = -1;
  Quality quality = Quality::major;
  int bass = -1;  ///< equal to root where nothing else is written
  bool is_none() const { return root < 0; }
  bool operator==(const Chord&) const = default;
};

/// Reads one symbol; ConfigError names the nearest quality and all that are known.
Chord parse_chord(std::string_view symbol);
/// "C", "F#m7/C#", "N". parse_chord(to_string(c)) == c.
std::string to_string(const Chord& chord);
/// Bit p is set where pitch class p sounds: the tones of the quality and the bass. N: 0.
std::uint16_t pitch_classes(const Chord& chord);
/// The pitch classes in the order they are stacked from the root; a foreign bass is not among them.
std::vector<int> chord_tones(const Chord& chord);
Chord transposed(const Chord& chord, int semitones);
/// The names of all qualities as to_string writes them behind a root; major is "".
std::vector<std::string> quality_names();

/// "C", "Db", ..., "B"; any integer, taken modulo 12.
std::string pitch_class_name(int pitch_class);
/// The pitch class of a letter A-G with '#' or 'b' behind it; -1 where the text is none. `used`
/// says how many bytes belong to it.
int parse_pitch_class(std::string_view text, std::size_t& used);

}  // namespace gradus
