// Floors: what each rule plays, note by note, on both grids, and where it has nothing to go by.
#include "train/floors.h"

#include <doctest/doctest.h>

#include <set>

#include "tensor/error.h"
#include "train/harmony_metrics.h"

using namespace gradus;

namespace {

Note note(int64 start, int64 end, int pitch) { return {start, end, pitch, 64, 0}; }

KnownMusic known_quarters(int64 quarters, int steps_per_quarter = 16) {
  KnownMusic known;
  known.steps = quarters * steps_per_quarter;
  known.steps_per_quarter = steps_per_quarter;
  return known;
}
KnownMusic with_chords(const std::vector<std::string>& symbols, int steps_per_quarter = 16) {
  KnownMusic known = known_quarters(static_cast<int64>(symbols.size()), steps_per_quarter);
  for (const std::string& s : symbols)
    known.chords.insert(known.chords.end(), static_cast<std::size_t>(steps_per_quarter),
                        parse_chord(s));
  return known;
}
/// The pitches that begin at a step.
std::set<int> struck(const std::vector<Note>& notes, int64 step) {
  std::set<int> pitches;
  for (const Note& n : notes)
    if (n.start == step) pitches.insert(n.pitch);
  return pitches;
}

}  // namespace

TEST_CASE("the table: four floors by name, the nearest spelling for the rest") {
  std::vector<std::string_view> names;
  for (const Floor& f : floors()) {
    names.push_back(f.name);
    CHECK(&find_floor(f.name) == &f);
    CHECK_FALSE(f.says.empty());
  }
  CHECK(names ==
        std::vector<std::string_view>{"silent", "all-twelve", "heard-lately", "block-chords"});
  CHECK_THROWS_WITH_AS(find_floor("block-chord"),
                       "unknown floor 'block-chord'; known: silent, all-twelve, heard-lately, "
                       "block-chords; did you mean 'block-chords'?",
                       ConfigError);
  CHECK_THROWS_AS(find_floor(""), ConfigError);
}

TEST_CASE("every floor: no steps, no note; whole quarters, a quarter that the window cuts") {
  for (const Floor& f : floors()) {
    CAPTURE(f.name);
    KnownMusic known = with_chords({"C", "F", "G"});
    known.heard = {note(0, 48, 60)};
    const std::vector<Note> whole = f.play(known);
    known.steps = 37;
    known.chords.resize(37);
    const std::vector<Note> cut = f.play(known);
    CHECK(cut.size() == whole.size());
    for (const Note& n : cut) {
      CHECK(n.start % 16 == 0);
      CHECK(n.end == (n.start == 32 ? 37 : n.start + 15));
    }
    KnownMusic none;
    none.heard = {note(-16, 0, 60)};
    CHECK(f.play(none).empty());
    none.steps = -1;
    CHECK_THROWS_AS(f.play(none), ConfigError);
    none.steps = 4;
    none.steps_per_quarter = 0;
    CHECK_THROWS_AS(f.play(none), ConfigError);
  }
}

TEST_CASE("silent and all-twelve") {
  const KnownMusic known = known_quarters(3);
  CHECK(play_silent(known).empty());
  const std::vector<Note> notes = play_all_twelve(known);
  CHECK(notes.size() == 36);
  for (const int64 step : {0, 16, 32}) {
    const std::set<int> pitches = struck(notes, step);
    CHECK(pitches.size() == 12);
    CHECK(*pitches.begin() == 60);
    CHECK(*pitches.rbegin() == 71);
  }
}

TEST_CASE("on the 16th grid chords are struck anew each quarter and held to the next") {
  const KnownMusic known = known_quarters(2, 4);
  const std::vector<Note> notes = play_all_twelve(known);
  CHECK(notes.size() == 24);
  for (const Note& n : notes) CHECK(n.end == n.start + 4);
  CHECK(roll_notes(make_roll(notes, 0, known.steps)) == notes);
}

TEST_CASE("heard-lately: the four pitch classes that sounded longest in the last two bars") {
  KnownMusic known = known_quarters(10);
  // Quarter 0: C for 10 ticks, D for 6, both octaves of a class count together.
  known.heard = {note(0, 5, 60), note(5, 10, 72), note(10, 16, 62),
                 // Quarter 1: E 8, F 5, G 3. Quarters 2 to 7: silence. Quarter 9: A.
                 note(16, 24, 64), note(24, 29, 65), note(29, 32, 67), note(144, 160, 69)};
  const std::vector<Note> notes = play_heard_lately(known);
  CHECK(struck(notes, 0) == std::set<int>{60, 62});
  CHECK(struck(notes, 16) == std::set<int>{60, 62, 64, 65});
  CHECK(struck(notes, 7 * 16) == std::set<int>{60, 62, 64, 65});
  CHECK(struck(notes, 8 * 16) == std::set<int>{64, 65, 67});  // quarter 0 is over two bars ago
  CHECK(struck(notes, 9 * 16) == std::set<int>{69});
  CHECK(find_floor("heard-lately").play(known) == notes);
  // One bar, and 3/4.
  CHECK(struck(play_heard_lately(known, 1), 4 * 16) == std::set<int>{64, 65, 67});
  CHECK(struck(play_heard_lately(known, 1), 5 * 16).empty());
  known.quarters_per_bar = 3;
  CHECK(struck(play_heard_lately(known, 1), 3 * 16) == std::set<int>{64, 65, 67});
  CHECK_THROWS_AS(play_heard_lately(known, 0), ConfigError);
}

TEST_CASE("heard-lately: what was heard before the window, ties, silence") {
  KnownMusic known = known_quarters(2);
  CHECK(play_heard_lately(known).empty());
  known.heard = {note(-20, 4, 61)};
  CHECK(struck(play_heard_lately(known), 0) == std::set<int>{61});
  CHECK(struck(play_heard_lately(known), 16) == std::set<int>{61});
  // Five equals: the four lowest pitch classes; B is left out.
  known.heard = {note(0, 4, 71), note(0, 4, 60), note(0, 4, 62), note(0, 4, 64), note(0, 4, 65)};
  CHECK(struck(play_heard_lately(known), 0) == std::set<int>{60, 62, 64, 65});
  known.heard = {note(0, 4, -1)};
  CHECK_THROWS_AS(play_heard_lately(known), ConfigError);
}

TEST_CASE("block-chords: one tone a pitch class, the root below, a gap of one tick") {
  const KnownMusic known = with_chords({"C", "C", "N", "Am7/G"});
  const std::vector<Note> notes = play_block_chords(known);
  CHECK(struck(notes, 0) == std::set<int>{36, 55, 60, 64});
  CHECK(struck(notes, 16) == struck(notes, 0));
  CHECK(struck(notes, 32).empty());
  CHECK(struck(notes, 48) == std::set<int>{45, 55, 57, 60, 64});
  CHECK(notes.size() == 13);
  for (const Note& n : notes) CHECK(n.end == n.start + 15);
  // A chord that comes within a quarter waits for the next one.
  KnownMusic late = with_chords({"C", "C"});
  for (std::size_t i = 3; i < late.chords.size(); ++i) late.chords[i] = parse_chord("G");
  CHECK(struck(play_block_chords(late), 0) == std::set<int>{36, 55, 60, 64});
  CHECK(struck(play_block_chords(late), 16) == std::set<int>{43, 55, 59, 62});
  // The label's tones, where they are more than the chord's.
  KnownMusic ninth = with_chords({"C", "C"});
  ninth.tones.assign(ninth.chords.size(), 0b000010010101);
  CHECK(struck(play_block_chords(ninth), 16) == std::set<int>{36, 55, 60, 62, 64});
  CHECK_THROWS_WITH_AS(play_block_chords(known_quarters(1)),
                       "block-chords needs a chord for each of the 16 steps, got 0", ShapeError);
}

TEST_CASE("a floor that plays the target is scored perfect, the others are not") {
  KnownMusic known = with_chords({"C", "F", "G", "C", "Am", "Dm", "G7", "C"});
  const Roll target = make_roll(play_block_chords(known), 0, known.steps);
  for (const Floor& f : floors()) {
    CAPTURE(f.name);
    const HarmonyScore s = harmony_score(make_roll(f.play(known), 0, known.steps), target);
    CHECK((s.note_f1() == 100) == (f.name == "block-chords"));
    CHECK((s.gs == 100) == (f.name == "block-chords" || f.name == "all-twelve"));
    CHECK((s.ndd.two_sided == 0) == (f.name == "block-chords"));
  }
}
