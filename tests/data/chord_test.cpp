// Chord symbols: every quality and alias, both syntaxes, printing, transposition, messages.
#include <doctest/doctest.h>

#include <set>

#include "data/chord.h"
#include "tensor/error.h"

using namespace gradus;

namespace {

std::string printed(std::string_view symbol) { return to_string(parse_chord(symbol)); }
/// The pitch classes as digits and letters: C is 0, B is b.
std::string tones(std::string_view symbol) {
  std::string text;
  for (unsigned p = 0; p < 12; ++p)
    if (pitch_classes(parse_chord(symbol)) >> p & 1) text += "0123456789ab"[p];
  return text;
}
std::string error_of(std::string_view symbol) {
  try {
    parse_chord(symbol);
  } catch (const ConfigError& e) {
    return e.rule();
  }
  return "no error";
}

}  // namespace

TEST_CASE("roots, accidentals, bass notes") {
  CHECK(parse_chord("C") == Chord{0, Quality::major, 0});
  CHECK(parse_chord("Db") == parse_chord("C#"));
  CHECK(parse_chord("Cb").root == 11);
  CHECK(parse_chord("B#").root == 0);
  CHECK(parse_chord("Ebb").root == 2);
  CHECK(parse_chord("F♯m").root == 6);
  CHECK(parse_chord("B♭m") == parse_chord("A#-"));
  CHECK(parse_chord("G7/F") == Chord{7, Quality::dominant7, 5});
  CHECK(printed("G7/B") == "G7/B");
  CHECK(printed("C/C") == "C");
}

TEST_CASE("no chord") {
  CHECK(parse_chord("N").is_none());
  CHECK(printed("N") == "N");
  CHECK(tones("N").empty());
  CHECK(chord_tones(parse_chord("N")).empty());
  CHECK(transposed(Chord{}, 5) == Chord{});
}

TEST_CASE("pitch classes of every quality, and the aliases") {
  const struct {
    const char *symbols, *tones, *printed;
  } rows[] = {
      {"C Cmaj CM C:maj", "047", "C"},
      {"Cm Cmin C- Cmi C:min", "037", "Cm"},
      {"C7 Cdom7 C:7", "047a", "C7"},
      {"Cmaj7 CM7 CΔ CΔ7 Cma7 C:maj7", "047b", "Cmaj7"},
      {"Cm7 Cmin7 C-7 Cmi7 C:min7", "037a", "Cm7"},
      {"CmM7 Cminmaj7 Cm(maj7) C-M7 C:minmaj7", "037b", "CmM7"},
      {"Cdim Co C° C:dim", "036", "Cdim"},
      {"Cdim7 Co7 C°7 C:dim7", "0369", "Cdim7"},
      {"Cm7b5 Chdim7 Cø Cø7 C-7b5 Cmin7b5 C:hdim7", "036a", "Cm7b5"},
      {"Caug C+ C:aug", "048", "Caug"},
      {"Caug7 C+7 C7#5", "048a", "Caug7"},
      {"C5 C:5", "07", "C5"},
      {"Csus2 C:sus2", "027", "Csus2"},
      {"Csus4 Csus C:sus4", "057", "Csus4"},
      {"C7sus4 C7sus Csus4(b7) C:sus4(b7)", "057a", "C7sus4"},
      {"C6 Cmaj6 C:maj6", "0479", "C6"},
      {"Cm6 Cmin6 C-6 C:min6", "0379", "Cm6"},
      {"C9 C:9", "0247a", "C9"},
      {"Cmaj9 CM9 C:maj9", "0247b", "Cmaj9"},
      {"Cm9 Cmin9 C-9 C:min9", "0237a", "Cm9"},
      {"Cadd9 Cmaj(9) Cadd2", "0247", "Cadd9"},
      {"C7b9", "0147a", "C7b9"},
  };
  CHECK(std::size(rows) == quality_names().size());
  for (const auto& row : rows) {
    const std::string_view all = row.symbols;
    for (std::size_t begin = 0; begin < all.size();) {
      const std::size_t end = std::min(all.find(' ', begin), all.size());
      const std::string symbol(all.substr(begin, end - begin));
      CAPTURE(symbol);
      CHECK(tones(symbol) == row.tones);
      CHECK(printed(symbol) == row.printed);
      begin = end + 1;
    }
  }
}

TEST_CASE("a foreign bass sounds, but is no tone of the chord") {
  CHECK(tones("C/D") == "0247");
  CHECK(chord_tones(parse_chord("C/D")) == std::vector<int>{0, 4, 7});
  CHECK(chord_tones(parse_chord("A9")) == std::vector<int>{9, 1, 4, 7, 11});
}

TEST_CASE("degrees behind the colon syntax") {
  CHECK(printed("B:maj/3") == "B/Eb");
  CHECK(printed("B:maj/5") == "B/F#");
  CHECK(printed("F#:min7/b7") == "F#m7/E");
  CHECK(printed("C:maj/b3") == "C/Eb");
  CHECK(printed("C:maj/9") == "C/D");
  CHECK(printed("C:7/D") == "C7/D");
}

TEST_CASE("printing and parsing are inverse for every root, quality and bass") {
  std::set<std::string> texts;
  for (std::size_t q = 0; q < quality_names().size(); ++q)
    for (int root = 0; root < 12; ++root)
      for (int bass = 0; bass < 12; ++bass) {
        const Chord chord{root, static_cast<Quality>(q), bass};
        texts.insert(to_string(chord));
        CHECK(parse_chord(to_string(chord)) == chord);
      }
  CHECK(texts.size() == quality_names().size() * 144);
}

TEST_CASE("transposition wraps around and rotates the pitch classes") {
  CHECK(to_string(transposed(parse_chord("A7/G"), 5)) == "D7/C");
  CHECK(to_string(transposed(parse_chord("C/E"), -13)) == "B/Eb");
  CHECK(transposed(parse_chord("F"), 12) == parse_chord("F"));
}

TEST_CASE("messages name the nearest quality and what is allowed") {
  CHECK(error_of("Cmja7").find(
            "unknown chord quality 'mja7' in 'Cmja7'; did you mean 'maj7'?; known: nothing "
            "(major), maj M m min") == 0);
  CHECK(error_of("H").find("'H' is no chord: a root (C, C#, Db, D, ..., B) comes first") == 0);
  CHECK(error_of("").find("'' is no chord") == 0);
  CHECK(error_of("c").find("'c' is no chord") == 0);
  CHECK(error_of("C/") == "'' is no bass of the chord 'C/': a note (C, Eb, ...) stands behind '/'");
  CHECK(error_of("C/3") ==
        "'3' is no bass of the chord 'C/3': a note (C, Eb, ...) stands behind '/'");
  CHECK(error_of("C:maj/14").find("a note (C, Eb, ...) or a degree (3, 5, b7, ...)") !=
        std::string::npos);
  CHECK(error_of("C/Ex").find("'Ex' is no bass") == 0);
}
