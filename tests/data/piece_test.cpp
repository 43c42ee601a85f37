// Pieces: labels of every step, transposition, the split by tune, melodies without accompaniment.
#include <doctest/doctest.h>

#include <set>

#include "data/arranger.h"
#include "data/piece.h"
#include "tensor/error.h"

using namespace gradus;

TEST_CASE("a tune becomes a piece with labels on each step") {
  const Tune& t = bundled_tune("amazing_grace");
  const Piece p = make_piece(t);
  CHECK(p.name == "amazing_grace");
  CHECK(p.steps_per_bar == 12);
  CHECK(p.bars() == t.bars());
  CHECK(p.melody.to_vector() == t.melody);
  CHECK(p.accompaniment.to_vector() == accompaniment(t));
  CHECK(p.steps[0].chord.is_none());
  CHECK(p.steps[0].melody == 0);
  CHECK(p.steps[8].melody == 62);
  CHECK(to_string(p.steps[12].chord) == "G");
  CHECK((p.steps[12].bar == 1 && p.steps[12].cell == 0));
  CHECK((p.steps[23].bar == 1 && p.steps[23].cell == 11));
  CHECK((p.steps[0].section == 0 && p.steps[0].style == Style::waltz));
  CHECK((p.steps.back().section == 1 && p.steps.back().style == Style::ballad));
  CHECK(p.chords().size() == p.steps.size());
}

TEST_CASE("another key: melody, chords and key move, the accompaniment stays in its register") {
  const Tune& t = bundled_tune("twinkle");
  const Piece original = make_piece(t);
  for (int shift : {-5, 6}) {
    const Piece p = make_piece(t, shift);
    CHECK(p.name == (shift < 0 ? "twinkle-5" : "twinkle+6"));
    CHECK(p.key.tonic == (12 + shift) % 12);
    REQUIRE(p.length() == original.length());
    for (std::size_t i = 0; i < p.steps.size(); ++i) {
      CHECK(p.steps[i].chord == transposed(original.steps[i].chord, shift));
      const int melody = original.steps[i].melody;
      CHECK(p.steps[i].melody == (melody == 0 ? 0 : melody + shift));
    }
    for (const Note& n : p.accompaniment) CHECK((n.pitch >= 36 && n.pitch <= 72));
  }
}

TEST_CASE("whole tunes are held out, in their own key, and the seed says which") {
  std::vector<Tune> tunes;
  for (int i = 0; i < 10; ++i) {
    tunes.push_back(bundled_tune("twinkle"));
    tunes.back().name = fmt::format("tune{}", i);
  }
  const auto names = [&](std::uint64_t seed, Split split) {
    std::set<std::string> found;
    for (const Piece& p : make_pieces(tunes, {}, Rng(seed)))
      if (p.split == split) found.insert(p.name.substr(0, 5));
    return found;
  };
  const auto pieces = make_pieces(tunes, {}, Rng(1));
  CHECK(pieces.size() == 8 * 12 + 2);
  CHECK(names(1, Split::validation).size() == 2);
  CHECK(names(1, Split::train).size() == 8);
  for (const std::string& name : names(1, Split::validation))
    CHECK(names(1, Split::train).count(name) == 0);
  CHECK(names(1, Split::validation) == names(1, Split::validation));
  std::set<std::set<std::string>> choices;
  for (std::uint64_t seed = 0; seed < 10; ++seed) choices.insert(names(seed, Split::validation));
  CHECK(choices.size() > 1);

  PieceOptions none{.lowest_shift = 0, .highest_shift = 0, .validation_share = 0};
  CHECK(make_pieces(tunes, none, Rng(1)).size() == 10);
  CHECK(make_pieces({}, {}, Rng(1)).empty());
  // A single tune stays in training.
  const auto one = make_pieces({tunes[0]}, {}, Rng(1));
  CHECK(one.size() == 12);
  CHECK(one[0].split == Split::train);
  none.validation_share = 1;
  CHECK_THROWS_AS(make_pieces(tunes, none, Rng(1)), ConfigError);
  CHECK_THROWS_AS(make_pieces(tunes, {.lowest_shift = 1}, Rng(1)), ConfigError);
}

TEST_CASE("a melody without accompaniment: whole bars, chords repeated or cut to its length") {
  const std::vector<Note> melody = {{0, 4, 60, 64, 0}, {30, 33, 62, 64, 0}};
  const Piece p = make_piece("mine", melody, 4, 4, parse_progression("C | F G", 4), Style::waltz);
  CHECK(p.bars() == 3);
  CHECK(p.length() == 48);
  CHECK(p.accompaniment.empty());
  CHECK(to_string(p.steps[0].chord) == "C");
  CHECK(to_string(p.steps[31].chord) == "G");
  CHECK(to_string(p.steps[47].chord) == "C");
  CHECK((p.steps[3].melody == 60 && p.steps[4].melody == 0 && p.steps[32].melody == 62));
  CHECK(p.steps[40].style == Style::waltz);
  CHECK(make_piece("mine", melody, 6, 8).bars() == 3);
  CHECK(make_piece("mine", melody, 6, 8).steps[0].chord.is_none());
  CHECK(make_piece("mine", {}, 4, 4).length() == 0);
  CHECK_THROWS_WITH_AS(make_piece("mine", melody, 3, 4, parse_progression("C", 4)),
                       "'mine': the chords have 4 beats a bar, the melody 3", ConfigError);
  CHECK_THROWS_AS(make_piece("mine", melody, 4, 32), ConfigError);
  CHECK_THROWS_AS(make_piece("mine", {{0, int64{1} << 40, 60, 64, 0}}, 4, 4), ConfigError);
}

TEST_CASE("a finer grid: times and places in the bar grow, nothing else changes") {
  const Piece coarse = make_piece(bundled_tune("amazing_grace"));
  const Piece p = finer(coarse, 4);
  CHECK(p.steps_per_quarter == 16);
  CHECK(p.steps_per_bar == 48);
  CHECK(p.bars() == coarse.bars());
  REQUIRE(p.melody.size() == coarse.melody.size());
  CHECK(p.melody[3].start == 4 * coarse.melody[3].start);
  CHECK(p.melody[3].end == 4 * coarse.melody[3].end);
  CHECK(p.accompaniment.back().end == 4 * coarse.accompaniment.back().end);
  for (int64 t = 0; t < p.length(); ++t) {
    StepLabels expected = coarse.steps[static_cast<std::size_t>(t / 4)];
    expected.cell = static_cast<std::int16_t>(t % 48);
    CHECK(p.steps[static_cast<std::size_t>(t)] == expected);
  }
  CHECK(finer(coarse, 1).steps == coarse.steps);
  CHECK_THROWS_AS(finer(coarse, 0), ConfigError);
  // The same melody, on the fine grid from the beginning.
  const Piece sixteen =
      make_piece("mine", {{0, 16, 60, 64, 0}}, 3, 4, parse_progression("C", 3), Style::block, 16);
  CHECK(sixteen.steps_per_bar == 48);
  CHECK(sixteen.length() == 48);
}

TEST_CASE("splits by name") {
  for (Split s : {Split::train, Split::validation, Split::test})
    CHECK(parse_split(to_string(s)) == s);
  CHECK_THROWS_WITH_AS(parse_split("tets"),
                       "unknown split 'tets'; known: train, validation, test; did you mean 'test'?",
                       ConfigError);
}
