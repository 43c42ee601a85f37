// Songs of POP909 as pieces: bar lines, grids, padding, labels, windows.
#include "data/pop909_piece.h"

#include <doctest/doctest.h>

#include "data/pop909.h"
#include "tests/data/pop909_clones.h"

using namespace gradus;

namespace {

/// The song of the clones, 641 ticks, with its labels so many ticks behind its first note.
PopSong song(const PopClones& clones, int64 position) {
  clones.list("startpos.csv", fmt::format("ID,Position\n1,{}\n", position));
  return read_pop909(clones.root()).songs.at(0);
}

}  // namespace

TEST_CASE("from the first note on: the roll and its labels as they are") {
  const PopClones clones;
  for (int64 position : {-20, 0, 8, 100}) {
    const PopSong s = song(clones, position);
    const Piece p = make_piece(s, 16, PopBegin::first_note);
    CHECK(p.length() == s.ticks);
    CHECK(p.steps_per_bar == 64);
    CHECK(p.name == "001");
    CHECK((p.key.tonic == 7 && !p.key.minor));
    CHECK(p.melody.to_vector() == s.tracks[0]);
    CHECK(p.bridge.to_vector() == s.tracks[1]);
    CHECK(p.accompaniment.to_vector() == s.tracks[2]);
    for (int64 t = 0; t < s.ticks; ++t) {
      const StepLabels& l = p.steps[static_cast<std::size_t>(t)];
      REQUIRE(l.chord == s.chord(t).chord);
      REQUIRE(l.tones == s.chord(t).tones);
      REQUIRE(l.bar == s.bar(t));
      REQUIRE(l.cell == s.tick_in_bar(t));
      REQUIRE(l.phrase == s.phrase_at[static_cast<std::size_t>(t)]);
      REQUIRE(l.melody == s.melody_at[static_cast<std::size_t>(t)]);
    }
  }
}

TEST_CASE("from a bar line on: step 0 begins a bar, on both grids at the same place") {
  const PopClones clones;
  for (int64 position : {-20, 0, 8, 64, 100}) {
    const PopSong s = song(clones, position);
    const Piece fine = make_piece(s, 16, PopBegin::bar_line);
    const Piece coarse = make_piece(s, 4, PopBegin::bar_line);
    CHECK(coarse.steps_per_bar == 16);
    CHECK(fine.bars() == coarse.bars());
    CHECK(fine.length() % 64 == 0);
    CHECK(4 * coarse.length() == fine.length());
    const int64 lead = (64 - s.start % 64) % 64;
    for (std::size_t i = 0; i < fine.steps.size(); ++i) {
      REQUIRE(fine.steps[i].cell == static_cast<int>(i % 64));
      REQUIRE(fine.steps[i].bar == static_cast<int>(i / 64));
      REQUIRE(coarse.steps[i / 4].chord == fine.steps[i / 4 * 4].chord);
      REQUIRE(coarse.steps[i / 4].cell == static_cast<int>(i / 4 % 16));
    }
    REQUIRE(fine.melody.size() == s.tracks[0].size());
    CHECK(fine.melody[0].start == s.tracks[0][0].start + lead);
    CHECK(fine.melody.to_vector() == to_steps(fine.melody.to_vector(), 16, 16));
    // Onsets to the nearest sixteenth.
    for (std::size_t i = 0; i < fine.accompaniment.size(); ++i)
      CHECK(coarse.accompaniment[i].start == (fine.accompaniment[i].start + 2) / 4);
    // Padding has no chord and belongs to no phrase.
    if (lead > 0) CHECK((fine.steps[0].chord.is_none() && fine.steps[0].section == 26 + 23));
    CHECK(fine.steps.back().chord.is_none());
    // The labels begin on a bar line: the first chord is C.
    const auto first = static_cast<std::size_t>(s.start + lead);
    CHECK(to_string(fine.steps[first].chord) == "C");
    CHECK(first % 64 == 0);
  }
}

TEST_CASE("the papers' windows over pieces, and grids that do not fit") {
  const PopClones clones;
  const PopSong s = song(clones, 0);
  const std::vector<Piece> pieces = {make_piece(s, 16, PopBegin::first_note)};
  CHECK(paper_windows(pieces, Split::train, 512) == std::vector<PieceWindow>{{0, 0, 512}});
  CHECK(paper_windows(pieces, Split::train, 1024).empty());
  CHECK(paper_windows(pieces, Split::test, 512).empty());
  const std::vector<Piece> coarse = {make_piece(s, 4, PopBegin::bar_line)};
  CHECK(rule_of([&] { paper_windows(coarse, Split::train, 512); }) ==
        "the papers' windows stand on a grid of 16 steps a quarter, '001' has 4");
  CHECK(rule_of([&] { make_piece(s, 4, PopBegin::first_note); }) ==
        "POP909 is read on a grid of 4 (from bar lines on) or 16 steps a quarter, got 4");
  CHECK(rule_of([&] { make_piece(s, 8, PopBegin::bar_line); }) ==
        "POP909 is read on a grid of 4 (from bar lines on) or 16 steps a quarter, got 8");
}
