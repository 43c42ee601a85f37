// Chord progressions: bars, shares, '.', '%', comments, files, and the place in every message.
#include <doctest/doctest.h>

#include <filesystem>

#include "data/progression.h"
#include "tensor/error.h"
#include "tensor/file.h"

using namespace gradus;

namespace {

/// One symbol a beat.
std::string beats(std::string_view text, int per_bar) {
  std::string out;
  for (const Chord& c : parse_progression(text, per_bar).beats)
    out += (out.empty() ? "" : " ") + to_string(c);
  return out;
}
std::string error_of(std::string_view text, int per_bar) {
  try {
    parse_progression(text, per_bar, "x");
  } catch (const ConfigError& e) {
    return e.rule();
  }
  return "no error";
}

}  // namespace

TEST_CASE("symbols of a bar share its beats") {
  CHECK(beats("C", 1) == "C");
  CHECK(beats("C", 3) == "C C C");
  CHECK(beats("C | F G | C", 4) == "C C C C F F G G C C C C");
  CHECK(beats("|C|F G||C|", 2) == "C C F G C C");
  CHECK(beats("C . G", 3) == "C C G");
  CHECK(beats("C F . G | .", 4) == "C F F G G G G G");
  CHECK(beats("C F | % | % | N", 2) == "C F C F C F N N");
  CHECK(parse_progression("C|C|C", 6).bars() == 3);
}

TEST_CASE("lines end bars, '#' begins a comment where it is no accidental") {
  CHECK(beats("# a song\r\nC# F# # two sharps\r\n\r\n  | G#m/D# |\n%", 2) ==
        "Db F# Abm/Eb Abm/Eb Abm/Eb Abm/Eb");
}

TEST_CASE("the shortest text parses to the same progression") {
  for (const char* text : {"C", "C | F G | C", "C F G C", "N | C7/E", "C C C G", "C . | . F"}) {
    const Progression p = parse_progression(text, 4);
    CHECK(parse_progression(to_string(p), 4) == p);
  }
  CHECK(to_string(parse_progression("C C C C | C C F F | C . . G", 4)) == "C | C F | C C C G");
  CHECK(to_string(parse_progression("C . G", 3)) == "C C G");
}

TEST_CASE("errors say where") {
  CHECK(error_of("", 4) == "x: no chord at all; write bars as in \"C | F G | C\"");
  CHECK(error_of("# only\n |", 4).find("no chord at all") != std::string::npos);
  CHECK(error_of("C | F G Am", 4) ==
        "x:1:5: 3 symbols cannot share a bar of 4 beats equally; go on with '.', as in 'C . G'");
  CHECK(error_of("C\nF | | G", 4) == "x:2:5: an empty bar: nothing stands before this '|'");
  CHECK(error_of("%", 4) == "x:1:1: '%' repeats the bar before, but there is none");
  CHECK(error_of(".", 4) == "x:1:1: '.' goes on with the chord before, but there is none");
  CHECK(error_of("C | % F", 4) == "x:1:5: '%' must stand alone in its bar");
  CHECK(error_of("CΔ | Fmajj7", 4)
            .find("x:1:6: unknown chord quality 'majj7' in 'Fmajj7'; did "
                  "you mean 'maj7'?") == 0);
  CHECK(error_of("C", 0) == "a bar has 1 to 64 beats, got 0");
}

TEST_CASE("a file of chords") {
  const auto path = std::filesystem::temp_directory_path() / "gradus_progression_test.txt";
  write_file(path, "# verse\nC | F G |\nC");
  CHECK(read_progression(path, 4) == parse_progression("C | F G | C", 4));
  write_file(path, "C | x");
  try {
    read_progression(path, 4);
    FAIL("no error");
  } catch (const ConfigError& e) {
    CHECK(e.rule().find(path.string() + ":1:5: 'x' is no chord") == 0);
  }
  std::filesystem::remove(path);
  CHECK_THROWS_AS(read_progression(path, 4), IoError);
}
