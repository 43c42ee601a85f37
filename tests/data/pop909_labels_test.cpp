// The label files of POP909: their grammar, each trap of the real files, broken lines.
#include "data/pop909_labels.h"

#include <doctest/doctest.h>

#include "tensor/error.h"
#include "tests/data/pop909_clones.h"

using namespace gradus;

namespace {

/// Tones above C of a quality, as a list.
std::vector<int> tones(const std::string& name) {
  std::vector<int> out;
  for (int p = 0; p < 12; ++p)
    if (parse_pop_chord_name(name).tones >> p & 1) out.push_back(p);
  return out;
}
PopChordLabels chords(const std::string& text) { return parse_pop_chords(text, "c.txt"); }
std::string chord_error(const std::string& text) {
  return rule_of([&] { chords(text); });
}

using Tones = std::vector<int>;

}  // namespace

TEST_CASE("root and tones are the name's, the bass is the number behind the list") {
  const PopChordLabels l = chords("B:maj [3, 6, 11] 11 2 \nC:maj/3 [0, 4, 7] 4 16  \n");
  REQUIRE(l.spans.size() == 2);
  CHECK(l.spans[0].chord.chord == Chord{11, Quality::major, 11});
  CHECK(l.spans[0].quarters == 2);
  CHECK(l.spans[1].chord.chord == Chord{0, Quality::major, 4});
  CHECK(l.quarters() == 18);
  CHECK(l.odd_lines + l.cut_names + l.wrong_lists == 0);
}

TEST_CASE("a foreign bass is no tone of the chord") {
  const PopChordLabels l = chords("C:maj/b7 [0, 4, 7] 10 2\nC:maj/4 [0, 4, 7] 5 2");
  CHECK(l.spans[0].chord.tones == 0b000010010001);
  CHECK(l.spans[1].chord.tones == 0b000010010001);
  CHECK(l.spans[1].chord.chord.bass == 5);
}

TEST_CASE("lists that contradict the name do not count") {
  const PopChordLabels l = chords(
      "B:maj7 [3, 6, 9, 11] 11 1\nC:maj9 [0, 2, 4, 7, 10] 0 1\nC:hdim7 [0, 3, 6, 9] 0 1\n"
      "F:sus4(b7) [0, 5, 10] 5 2\nC:maj [0, 4, 7] 0 1\n");
  CHECK(l.wrong_lists == 4);
  CHECK(l.spans[0].chord.tones == ((1u << 11) | (1u << 3) | (1u << 6) | (1u << 10)));
  CHECK(l.spans[0].chord.chord.quality == Quality::major7);
  CHECK(l.spans[1].chord.tones == (1u | 1u << 2 | 1u << 4 | 1u << 7 | 1u << 11));
  CHECK(l.spans[2].chord.tones == (1u | 1u << 3 | 1u << 6 | 1u << 10));
  CHECK(l.spans[3].chord.chord == Chord{5, Quality::dominant7_sus4, 5});
}

TEST_CASE("every quality of the data set") {
  CHECK(tones("C:min7") == Tones{0, 3, 7, 10});
  CHECK(tones("C:sus2") == Tones{0, 2, 7});
  CHECK(tones("C:7") == Tones{0, 4, 7, 10});
  CHECK(tones("C:dim") == Tones{0, 3, 6});
  CHECK(tones("C:dim7") == Tones{0, 3, 6, 9});
  CHECK(tones("C:aug") == Tones{0, 4, 8});
  CHECK(tones("C:aug(b7)") == Tones{0, 4, 8, 10});
  CHECK(tones("C:9") == Tones{0, 2, 4, 7, 10});
  CHECK(tones("C:9(13)") == Tones{0, 2, 4, 7, 9, 10});
  CHECK(tones("C:maj(9)/5") == Tones{0, 2, 4, 7});
  CHECK(tones("C:maj(2)/2") == Tones{0, 2, 4, 7});
  CHECK(tones("C:maj(4)/4") == Tones{0, 4, 5, 7});
  CHECK(tones("C:maj9(13)") == Tones{0, 2, 4, 7, 9, 11});
  CHECK(tones("C:maj6(9)") == Tones{0, 2, 4, 7, 9});
  CHECK(tones("C:maj6(7)") == Tones{0, 4, 7, 9, 11});
  CHECK(tones("C:maj6(b7)") == Tones{0, 4, 7, 9, 10});
  CHECK(tones("C:min(9)") == Tones{0, 2, 3, 7});
  CHECK(tones("C:min6(7)") == Tones{0, 3, 7, 9, 11});
  CHECK(tones("C:min11/b7") == Tones{0, 2, 3, 5, 7, 10});
  CHECK(tones("C:min7(11)") == Tones{0, 3, 5, 7, 10});
  CHECK(tones("C:minmaj7") == Tones{0, 3, 7, 11});
  CHECK(tones("C:sus4(9)") == Tones{0, 2, 5, 7});
  CHECK(tones("C:sus4(b7,9)") == Tones{0, 2, 5, 7, 10});
  CHECK(tones("N").empty());
  CHECK(tones("B:sus4(b7)") == Tones{4, 6, 9, 11});
}

TEST_CASE("names that were cut short, and the byte behind them") {
  const PopChordLabels l = chords(
      "F#:sus4(b7 [1, 6, 11] 6 2\nB:sus4(b7, [1, 3, 6, 9, 11] 11 1\nC#:min(2)/ [1, 3, 4, 8] 3 2\n"
      "F:sus4(b7)\x01 [0, 5, 10] 5 2\nF:sus4(b7,\x01 [0, 3, 5, 7, 9] 5 1\n"
      "Ab:maj6(b7\x01 [0, 3, 5, 6, 8] 8 2\nC:maj(2)/2\x01 [0, 2, 4, 7] 2 2\n");
  CHECK(l.cut_names == 7);
  CHECK(l.spans[0].chord.tones == parse_pop_chord_name("F#:sus4(b7)").tones);
  CHECK(l.spans[1].chord.tones == parse_pop_chord_name("B:sus4(b7)").tones);
  CHECK(l.spans[2].chord.tones == parse_pop_chord_name("C#:min(2)").tones);
  CHECK(l.spans[2].chord.chord.bass == 3);
  CHECK(l.spans[3].chord.tones == parse_pop_chord_name("F:sus4(b7)").tones);
  CHECK(l.spans[4].chord.tones == l.spans[3].chord.tones);
  CHECK(l.spans[5].chord.tones == parse_pop_chord_name("Ab:maj6(b7)").tones);
  CHECK(l.spans[6].chord.chord.bass == 2);
}

TEST_CASE("no chord, with and without a list, and a number too many") {
  const PopChordLabels l =
      chords("N 3\nN []  32 \nN [10] 18 2\n\nAb:maj [0, 3, 8] 8 4 2\r\nEb:min [3, 6, 10] 3 2");
  REQUIRE(l.spans.size() == 5);
  CHECK(l.spans[0].chord == PopChord{});
  CHECK(l.spans[1].quarters == 32);
  CHECK(l.spans[2].quarters == 2);
  CHECK(l.spans[2].chord.chord.is_none());
  CHECK(l.spans[3].quarters == 4);
  CHECK(l.spans[4].quarters == 2);
  CHECK(l.odd_lines == 3);
}

TEST_CASE("broken chord lines say file, line and grammar") {
  const std::string grammar = "expected '<name> [<pitch classes>] <bass> <quarters>', got ";
  CHECK(chord_error("") == "c.txt: holds no chord");
  CHECK(chord_error("C:maj [0, 4, 7] 0 2\n\nEb:maj [3, 7") ==
        "c.txt:3: " + grammar + "'Eb:maj [3, 7'");
  for (const char* line :
       {"Eb:maj [3, 7, 10] 3", "Eb:maj 3 2", "Eb:maj [3, 7, 10] 12 2", "Eb:maj [3, x] 3 2",
        "Eb:maj [3] 3 0", "Eb:maj [3] 3 -2", "Eb:maj ]3[ 3 2", "[3] 3 2", "Eb:maj [3] 3 10001"})
    CHECK(chord_error(line) == "c.txt:1: " + grammar + "'" + line + "'");
  CHECK(chord_error("N\n") == "c.txt:1: expected 'N <quarters>', got 'N'");
  CHECK(chord_error("N x") == "c.txt:1: expected 'N <quarters>', got 'N x'");
  CHECK(chord_error("N 0") == "c.txt:1: expected 'N <quarters>', got 'N 0'");
  CHECK(chord_error("\x02\x7f") == "c.txt:1: " + grammar + "'\\x02\\x7f'");
  CHECK(chord_error(std::string(90, 'C')).ends_with("CCC...'"));
  CHECK(chord_error("Cmaj [0, 4, 7] 0 2") ==
        "c.txt:1: 'Cmaj' is no chord name: a root, ':' and a quality, or N");
  CHECK(chord_error("C:maj(x) [0, 4, 7] 0 2") ==
        "c.txt:1: 'x' is no degree (2, b7, 9, 11, ...) in the chord name 'C:maj(x)'");
  CHECK(chord_error("C:mij [0, 4, 7] 0 2").starts_with("c.txt:1: unknown chord quality 'mij'"));
  CHECK(chord_error("H:maj [0, 4, 7] 0 2").starts_with("c.txt:1: 'H:maj' is no chord"));
}

TEST_CASE("keys: one, or modulations") {
  CHECK(parse_pop_keys("Gb:maj\n", "k") == std::vector<PopKey>{{6, false}});
  CHECK(parse_pop_keys("A:min\nC#:maj\n", "k") == std::vector<PopKey>{{9, true}, {1, false}});
  CHECK(rule_of([] { parse_pop_keys("\n", "k"); }) == "k: holds no key");
  CHECK(rule_of([] { parse_pop_keys("C:maj\nC:dor\n", "k"); }) ==
        "k:2: expected a key, '<tonic>:maj' or '<tonic>:min', got 'C:dor'");
  CHECK(rule_of([] { parse_pop_keys("C:ma", "k"); }).starts_with("k:1: expected a key"));
}

TEST_CASE("phrases: letters with bars") {
  CHECK(parse_pop_phrases("i4A16x1o12 \n", "p") ==
        std::vector<PopPhrase>{{'i', 4}, {'A', 16}, {'x', 1}, {'o', 12}});
  CHECK(rule_of([] { parse_pop_phrases("", "p"); }) == "p: holds no phrase");
  const std::string expected = "expected a letter and a number of bars, as in 'i4A8B8', got ";
  CHECK(rule_of([] { parse_pop_phrases("i4A", "p"); }) == "p:1:3: " + expected + "'A'");
  CHECK(rule_of([] { parse_pop_phrases("4A4", "p"); }) == "p:1:1: " + expected + "'4A4'");
  CHECK(rule_of([] { parse_pop_phrases("A4B0", "p"); }) == "p:1:3: " + expected + "'B0'");
  CHECK(rule_of([] { parse_pop_phrases("A4 B4", "p"); }) == "p:1:3: " + expected + "' B4'");
  CHECK(rule_of([] { parse_pop_phrases("A99999999999", "p"); }).starts_with("p:1:1: expected"));
}

TEST_CASE("melody: pitch or rest, and sixteenths") {
  CHECK(parse_pop_melody("0 60\n61 1\n", "m") == std::vector<PopMelodyNote>{{0, 60}, {61, 1}});
  const std::string expected = "expected '<pitch, or 0 for a rest> <sixteenths>', got ";
  CHECK(rule_of([] { parse_pop_melody("60 4\n61", "m"); }) == "m:2: " + expected + "'61'");
  CHECK(rule_of([] { parse_pop_melody("128 4", "m"); }) == "m:1: " + expected + "'128 4'");
  CHECK(rule_of([] { parse_pop_melody("60 0", "m"); }) == "m:1: " + expected + "'60 0'");
  CHECK(rule_of([] { parse_pop_melody(" ", "m"); }) == "m: holds no note");
}
