// Piano rolls: the grid rule at its edges, reading notes back, one voice, transposition.
#include <doctest/doctest.h>

#include "data/arranger.h"
#include "data/roll.h"
#include "tensor/error.h"
#include "tensor/random.h"

using namespace gradus;

namespace {

Note on_grid(int64 start, int64 end, int ticks_per_quarter) {
  return to_steps({{start, end, 60, 64, 0}}, ticks_per_quarter)[0];
}
Note steps(int64 start, int64 end) { return {start, end, 60, 64, 0}; }

}  // namespace

TEST_CASE("onsets go to the nearest step, notes sound to the step of their last tick") {
  CHECK(on_grid(0, 480, 480) == steps(0, 4));
  CHECK(on_grid(0, 479, 480) == steps(0, 4));
  CHECK(on_grid(0, 481, 480) == steps(0, 5));
  CHECK(on_grid(59, 480, 480) == steps(0, 4));
  CHECK(on_grid(60, 480, 480) == steps(1, 4));
  // Always a step long, also where the onset was moved behind the end.
  CHECK(on_grid(100, 101, 480) == steps(1, 2));
  CHECK(on_grid(110, 119, 480) == steps(1, 2));
  CHECK(on_grid(-10, 10, 480) == steps(0, 1));
  CHECK(on_grid(-300, -200, 480) == steps(-2, -1));
  // A grid finer than the ticks, and one tick a quarter.
  CHECK(on_grid(1, 2, 1) == steps(4, 5));
  CHECK(to_steps({{0, 96, 60, 64, 0}}, 96, 1)[0] == steps(0, 1));
  CHECK(to_steps({}, 96).empty());
}

TEST_CASE("steps to ticks") {
  CHECK(to_ticks({steps(1, 4)}, 480) == std::vector<Note>{steps(120, 480)});
  CHECK(to_ticks({steps(1, 4)}, 4) == std::vector<Note>{steps(1, 4)});
  CHECK_THROWS_WITH_AS(to_ticks({}, 6),
                       "6 ticks per quarter cannot hold 4 steps per quarter: a step would be no "
                       "whole number of ticks",
                       ConfigError);
  CHECK_THROWS_AS(to_ticks({}, 0), ConfigError);
  CHECK_THROWS_AS(to_steps({}, 480, 0), ConfigError);
}

TEST_CASE("a roll holds onsets and sustain of its part") {
  const Roll roll = make_roll({{2, 5, 60, 64, 0}, {4, 6, 127, 64, 0}, {9, 12, 0, 64, 0}}, 3, 4);
  CHECK(roll.onset.shape() == Shape{4, 128});
  CHECK(roll.onset.dtype() == DType::u8);
  CHECK(roll.onset.at({0, 60}) == 0);
  CHECK(roll.sustain.at({0, 60}) == 1);
  CHECK(roll.sustain.at({1, 60}) == 1);
  CHECK(roll.sustain.at({2, 60}) == 0);
  CHECK(roll.onset.at({1, 127}) == 1);
  CHECK(roll.sustain.at({2, 127}) == 1);
  int64 sum = 0;
  for (double v : roll.sustain.to_vector<double>()) sum += v > 0;
  CHECK(sum == 4);
  CHECK(make_roll({}, 0, 0).onset.shape() == Shape{0, 128});
  CHECK_THROWS_AS(make_roll({}, 0, -1), ConfigError);
  CHECK_THROWS_AS(make_roll({}, 0, int64{1} << 40), ConfigError);
  CHECK_THROWS_AS(make_roll({{0, 1, 128, 64, 0}}, 0, 1), ConfigError);
}

TEST_CASE("notes are read back, repeated notes stay apart") {
  const std::vector<Note> notes = {{0, 2, 60, 64, 0},
                                   {0, 8, 64, 64, 0},
                                   {2, 3, 60, 64, 0},
                                   {3, 4, 60, 64, 0},
                                   {6, 8, 60, 64, 0}};
  CHECK(roll_notes(make_roll(notes, 0, 8)) == notes);
  CHECK(roll_notes(pitch_range(make_roll(notes, 0, 8), 60, 65)) == notes);
  CHECK(roll_notes(pitch_range(make_roll(notes, 0, 8), 61, 64)).empty());
  CHECK(roll_notes(make_roll(notes, 0, 8), 99, 3)[0] == Note{0, 2, 60, 99, 3});
  CHECK(roll_notes(make_roll({}, 0, 0)).empty());
  // Sustain without an onset before it is silent; an onset without sustain sounds one step.
  Roll roll = make_roll(notes, 1, 7);
  CHECK(roll_notes(roll).size() == 3);
  roll.sustain = zeros({7, 128}, DType::u8);
  CHECK(roll_notes(roll)[0] == Note{1, 2, 60, 64, 0});
  roll.sustain = zeros({6, 128}, DType::u8);
  CHECK_THROWS_AS(roll_notes(roll), ShapeError);
  CHECK_THROWS_AS(pitch_range(make_roll({}, 0, 1), 60, 129), ConfigError);
}

TEST_CASE("every bundled accompaniment goes through ticks and rolls unchanged") {
  for (const Tune& t : bundled_tunes()) {
    CAPTURE(t.name);
    auto notes = accompaniment(t);
    for (Note& n : notes) n.velocity = 64;
    CHECK(roll_notes(make_roll(to_steps(to_ticks(notes, 480), 480), 0, t.cells())) == notes);
  }
}

TEST_CASE("random notes of one pitch that do not overlap survive a roll") {
  Rng rng(1);
  for (int round = 0; round < 20; ++round) {
    std::vector<Note> notes;
    for (int64 t = integer_number(rng, 3); t < 60;) {
      const int64 end = t + 1 + integer_number(rng, 4);
      notes.push_back({t, end, 40, 64, 0});
      t = end + integer_number(rng, 2);
    }
    CHECK(roll_notes(make_roll(notes, 0, 70)) == notes);
  }
}

TEST_CASE("one voice: the highest of a chord, cut where the next note begins") {
  CHECK(monophonic({{0, 4, 60, 64, 0}, {0, 9, 64, 64, 0}, {3, 5, 50, 64, 0}, {7, 8, 60, 64, 0}}) ==
        std::vector<Note>{{0, 3, 64, 64, 0}, {3, 5, 50, 64, 0}, {7, 8, 60, 64, 0}});
  CHECK(monophonic({}).empty());
}

TEST_CASE("transposition stays within MIDI") {
  CHECK(transposed(std::vector<Note>{{0, 4, 60, 64, 0}}, -5)[0].pitch == 55);
  CHECK_THROWS_WITH_AS(transposed(std::vector<Note>{{0, 4, 126, 64, 0}}, 2),
                       "pitch 126 moved by 2 semitones is 128; MIDI has 0 to 127", ConfigError);
}
