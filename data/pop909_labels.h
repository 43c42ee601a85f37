// The label files of hierarchical-structure-analysis (Dai, Zhang, Dannenberg 2020), one song each:
// chords, keys, phrases, melody, on the song's bar grid. What they hold differs from what their
// README says; data/README.md has the grammar as it is. Errors are IoErrors with file and line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/chord.h"
#include "tensor/dtype.h"

namespace gradus {

/// `tones` are the name's own, with every degree in parentheses and without a foreign bass; the
/// quality of `chord` is the nearest one without them.
struct PopChord {
  Chord chord;
  std::uint16_t tones = 0;
  bool operator==(const PopChord&) const = default;
};
struct PopChordSpan {
  PopChord chord;
  int64 quarters = 0;
  std::uint16_t listed = 0;  ///< the pitch classes beside the name, right or wrong
};
struct PopChordLabels {
  std::vector<PopChordSpan> spans;
  int odd_lines = 0;    ///< N with a list, a number too many
  int cut_names = 0;    ///< a parenthesis that nothing closes, a byte 0x01, a bass left out
  int wrong_lists = 0;  ///< the pitch classes beside the name are not those of the name
  int64 quarters() const;
};
/// finalized_chord.txt: `<name> [<pitch classes>] <bass> <quarters>` or `N <quarters>` a line. Root
/// and tones are the name's, the bass is the number behind the list.
PopChordLabels parse_pop_chords(std::string_view text, const std::string& where);
/// One name, say "F#:sus4(b7,9)/3" or one that the file cut short; ConfigError where it is none.
PopChord parse_pop_chord_name(std::string_view name);

struct PopKey {
  int tonic = 0;
  bool minor = false;
  bool operator==(const PopKey&) const = default;
};
/// analyzed_key.txt: `Gb:maj` a line. Further lines are modulations; nothing says when.
std::vector<PopKey> parse_pop_keys(std::string_view text, const std::string& where);

struct PopPhrase {
  char letter = 'x';  ///< capital: with melody, X matches no other; lower case: without
  int64 bars = 0;
  bool operator==(const PopPhrase&) const = default;
};
/// human_label1.txt and human_label2.txt: letters with their bars, "i4A4B8A4o3".
std::vector<PopPhrase> parse_pop_phrases(std::string_view text, const std::string& where);

struct PopMelodyNote {
  int pitch = 0;  ///< 0 is a rest
  int64 sixteenths = 0;
  bool operator==(const PopMelodyNote&) const = default;
};
/// melody.txt: `<pitch> <sixteenths>` a line.
std::vector<PopMelodyNote> parse_pop_melody(std::string_view text, const std::string& where);

}  // namespace gradus
