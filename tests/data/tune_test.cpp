// The tune format of data/README.md: what it means, and the place and rule in every message.
#include <doctest/doctest.h>

#include <filesystem>

#include "data/tune.h"
#include "tensor/error.h"
#include "tensor/file.h"

using namespace gradus;

namespace {

const std::string kHeader =
    "title: T\ncomposer: C\norigin: O\nkey: G minor\nmeter: 3/4\ntempo: 90\nstyle: waltz\n";
const std::string kSection = "section A\nmelody: c'4 d' e' | f'2. |\nchords: C | F\n";

std::string error_of(const std::string& text) {
  try {
    parse_tune(text, "t.txt");
  } catch (const IoError& e) {
    return e.rule();
  }
  return "no error";
}
/// The error of a melody line; it begins at line 9.
std::string melody_error(const std::string& melody) {
  return error_of(kHeader + "section A\nmelody: " + melody + "\nchords: C\n");
}
std::vector<Note> melody_of(const std::string& melody, const std::string& chords) {
  return parse_tune(kHeader + "section A\nmelody: " + melody + "\nchords: " + chords, "t").melody;
}

}  // namespace

TEST_CASE("a whole tune") {
  const Tune t =
      parse_tune("# comment\n\n" + kHeader + "pickup: g'8 a'\nform: A B A\n" + kSection +
                     "section B\nstyle: hymn # another comment\nmelody: r4 c''~ c''8 b'16 a' |\n"
                     "chords: N . Dm7/C\n",
                 "t");
  CHECK(t.title == "T");
  CHECK(t.composer == "C");
  CHECK(t.origin == "O");
  CHECK(to_string(t.key) == "G minor");
  CHECK((t.beats == 3 && t.unit == 4 && t.tempo == 90));
  CHECK(t.cells_per_bar() == 12);
  CHECK(t.has_pickup);
  CHECK(t.bars() == 6);
  CHECK(t.cells() == 72);
  REQUIRE(t.sections.size() == 3);
  CHECK((t.sections[0].name == "A" && t.sections[0].first_bar == 0 && t.sections[0].bars == 3));
  CHECK((t.sections[1].name == "B" && t.sections[1].first_bar == 3 && t.sections[1].bars == 1));
  CHECK((t.sections[2].name == "A" && t.sections[2].first_bar == 4 && t.sections[2].bars == 2));
  CHECK((t.sections[0].style == Style::waltz && t.sections[1].style == Style::hymn));
  CHECK((t.sections[0].label() == 0 && t.sections[1].label() == 1));
  CHECK(&t.section_at(0) == &t.sections[0]);
  CHECK(&t.section_at(5) == &t.sections[2]);
  CHECK_THROWS_AS(t.section_at(6), IndexError);
  CHECK(to_string(t.chords) == "N | C | F | N N Dm7/C | C | F");
  CHECK(to_string(t.chord_at(47)) == "Dm7/C");
  const std::vector<Note> expected = {
      {8, 10, 67, 90, 0},  {10, 12, 69, 90, 0},                       // pickup
      {12, 16, 60, 90, 0}, {16, 20, 62, 90, 0}, {20, 24, 64, 90, 0},  // A
      {24, 36, 65, 90, 0},                                            //
      {40, 46, 72, 90, 0}, {46, 47, 71, 90, 0}, {47, 48, 69, 90, 0},  // B
      {48, 52, 60, 90, 0}, {52, 56, 62, 90, 0}, {56, 60, 64, 90, 0},  // A
      {60, 72, 65, 90, 0}};
  CHECK(t.melody == expected);
}

TEST_CASE("notes: letters, accidentals, octaves, durations, ties over bars and lines") {
  CHECK(melody_of("c4 bb'' b#'''", "C")[0].pitch == 48);
  CHECK(melody_of("c4 bb'' b#'''", "C")[1].pitch == 82);
  CHECK(melody_of("c4 bb'' b#'''", "C")[2].pitch == 96);
  CHECK(melody_of("eb'4 f#,'4 f'4", "C")[1].pitch == 54);
  CHECK(melody_of("c'4.. c'16 r4", "C") == std::vector<Note>{{0, 7, 60, 90, 0}, {7, 8, 60, 90, 0}});
  CHECK(melody_of("c'2.~ | c'2.~\nmelody: c'4 r2", "C | C | C") ==
        std::vector<Note>{{0, 28, 60, 90, 0}});
  CHECK(melody_of("r2.", "C").empty());
}

TEST_CASE("sections without form are played in their order; letters are the labels") {
  const Tune t = parse_tune(kHeader + kSection + "section A2\nmelody: c'2.\nchords: C\n", "t");
  REQUIRE(t.sections.size() == 2);
  CHECK(t.sections[1].name == "A2");
  CHECK(t.sections[1].label() == t.sections[0].label());
  CHECK_FALSE(t.has_pickup);
}

TEST_CASE("meters") {
  const auto cells = [](const std::string& meter, const std::string& melody) {
    return parse_tune("title: T\ncomposer: C\norigin: O\nkey: Eb major\nmeter: " + meter +
                          "\ntempo: 90\nstyle: block\nsection A\nmelody: " + melody +
                          "\nchords: C\n",
                      "t")
        .cells();
  };
  CHECK(cells("4/4", "c'1") == 16);
  CHECK(cells("6/8", "c'4. c'") == 12);
  CHECK(cells("2/2", "c'1") == 16);
  CHECK(cells("1/8", "c'8") == 2);
  CHECK(cells("12/8", "c'1 c'2") == 24);
}

TEST_CASE("melody errors say line, column, rule") {
  CHECK(melody_error("c'4 d' | e'2.") ==
        "t.txt:9:9: bar 1 of this section lasts 8 sixteenths, the meter asks for 12");
  CHECK(melody_error("c'2. | c'1") ==
        "t.txt:9:16: bar 2 of this section lasts 16 sixteenths, the meter asks for 12");
  CHECK(melody_error("c' d' e'") ==
        "t.txt:9:9: 'c'' needs a duration: it is the first of its line, as in c'4");
  CHECK(
      melody_error("c'4 h'") ==
      "t.txt:9:13: 'h'' is neither a note (a to g) nor a rest (r); octaves are written with ' and "
      ", as in c'4");
  CHECK(melody_error("c'3") == "t.txt:9:9: no duration '3' in 'c'3'; known: 1, 2, 4, 8, 16");
  CHECK(melody_error("c'99999999999999999999").find("no duration '999") != std::string::npos);
  CHECK(melody_error("c'16.") ==
        "t.txt:9:9: 'c'16.' is no whole number of sixteenths; the shortest dotted note is 8.");
  CHECK(melody_error("c'''''4") ==
        "t.txt:9:9: 'c'''''4' is MIDI pitch 108; a melody lies between c (48) and c'''' (96)");
  CHECK(melody_error("c,4").find("MIDI pitch 36") != std::string::npos);
  CHECK(melody_error("c4'").find("'c4'' is not understood at '''; a note is letter") !=
        std::string::npos);
  CHECK(melody_error("r4~").find("not understood at '~'") != std::string::npos);
  CHECK(melody_error("c'2.~ | d'2.") ==
        "t.txt:9:17: 'd'2.' follows a tie (~) and must have the same pitch");
  CHECK(melody_error("c'2.~") == "t.txt:9:9: the last note is tied (~) to nothing");
  CHECK(melody_error("c'2. | | c'2.") ==
        "t.txt:9:16: an empty bar: nothing stands before this '|'");
  CHECK(
      melody_error("c'2. | c'2.") ==
      "t.txt:8:1: section A has 2 bars of melody and 1 bars of chords; both must be the same, and "
      "not 0");
}

TEST_CASE("header and section errors say what is allowed") {
  CHECK(error_of("") == "t.txt: the field 'title' is missing");
  CHECK(error_of(kHeader) == "t.txt: no section; begin one with 'section A'");
  CHECK(error_of("titel: x")
            .find("t.txt:1:1: unknown field 'titel'; did you mean 'title'?; "
                  "before the first section stand: title, composer") == 0);
  CHECK(error_of("title: x\ntitle: y") == "t.txt:2:1: 'title' is given twice");
  CHECK(error_of("title:  ") == "t.txt:1:1: 'title' has no value");
  CHECK(error_of("some words") ==
        "t.txt:1:1: expected 'field: value' or 'section NAME', got 'some words'");
  CHECK(error_of(kHeader + "section a\n").find("t.txt:8:1: a section is called by a capital") == 0);
  CHECK(error_of(kHeader + kSection + kSection) ==
        "t.txt:11:9: section A is written twice; call the other one A2");
  CHECK(error_of(kHeader + "section A\nmelodie: c'4") ==
        "t.txt:9:1: unknown field 'melodie'; did you mean 'melody'?; in a section stand: style, "
        "melody, chords");
  CHECK(error_of(kHeader + "section A\nstyle: walz") ==
        "t.txt:9:8: unknown style 'walz'; did you mean 'waltz'?; known: block, hymn, alberti, "
        "arpeggio, waltz, stride, ballad");
  CHECK(error_of(kHeader + kSection + "style: hymn") ==
        "t.txt:11:1: a section has one style, before its melody");
  CHECK(error_of(kHeader + "form: A B\n" + kSection) ==
        "t.txt:8:9: the form names section 'B', which is not written; sections: A");
  CHECK(error_of(kHeader + "form: A\n" + kSection + "section B\n") ==
        "t.txt:12:1: section B is never played; the form is 'A'");
  CHECK(error_of(kHeader + "pickup: c'2.\n" + kSection) ==
        "t.txt:8:9: the pickup lasts 12 sixteenths, it must be shorter than a bar (12)");
  CHECK(error_of(kHeader + "pickup: c'4 | c'4\n" + kSection) ==
        "t.txt:8:13: a pickup has no bar line");
  CHECK(error_of(kHeader + "section A\nmelody: c'2.\nchords: Cx")
            .find("t.txt:10:9: unknown chord quality 'x' in 'Cx'") == 0);
  const auto with = [](std::string field, const std::string& value) {
    const auto at = kHeader.find(field + ": ") + field.size() + 2;
    std::string text = kHeader;
    return error_of(text.replace(at, text.find('\n', at) - at, value) + kSection);
  };
  CHECK(with("key", "G") == "t.txt:4:6: 'G' is no key; write 'G major' or 'F# minor'");
  CHECK(with("key", "H major").find("is no key") != std::string::npos);
  CHECK(with("meter", "4/3") ==
        "t.txt:5:8: '4/3' is no meter; write 1 to 12 over 2, 4 or 8, as in 3/4");
  CHECK(with("meter", "13/4").find("is no meter") != std::string::npos);
  CHECK(with("tempo", "10") == "t.txt:6:8: tempo must be a whole number from 20 to 300");
  CHECK(with("tempo", "fast").find("tempo must be") != std::string::npos);
  CHECK(with("tempo", "99999999999999999999").find("tempo must be") != std::string::npos);
  CHECK(with("tempo", "9 0").find("tempo must be") != std::string::npos);
  CHECK(with("style", "x").find("t.txt:7:8: unknown style 'x'") == 0);
  CHECK(
      error_of("title: T\ncomposer: C\norigin: O\nkey: C major\nmeter: 3/4\ntempo: 90\n" + kSection)
          .find("t.txt:7:1: section A has no style, and the header names none; known: block") == 0);
}

TEST_CASE("the tune of a file is called like the file") {
  const auto path = std::filesystem::temp_directory_path() / "gradus_tune_test.txt";
  write_file(path, kHeader + kSection);
  CHECK(read_tune(path).name == "gradus_tune_test");
  write_file(path, "x");
  try {
    read_tune(path);
    FAIL("no error");
  } catch (const IoError& e) {
    CHECK(e.rule().find(path.string() + ":1:1:") == 0);
  }
  std::filesystem::remove(path);
}
