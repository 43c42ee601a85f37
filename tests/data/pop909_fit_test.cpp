// Where labels lie against the notes: wrong positions are found and, where asked for, corrected.
#include "data/pop909_fit.h"

#include <doctest/doctest.h>

#include "data/pop909.h"
#include "tests/data/pop909_clones.h"

using namespace gradus;

namespace {

/// A song whose melody and melody.txt agree when the labels begin at tick `position`.
void write_song(const PopClones& clones, int64 position) {
  Song song = PopClones::midi_song(60);
  song.tracks[0].notes.clear();
  std::string labels;
  int64 sixteenth = 0;
  for (int i = 0; i < 24; ++i) {
    const int pitch = 60 + i * 5 % 7, length = 2 + i * i % 5;
    const int64 tick = kPopTicks + position + 4 * sixteenth;  // the first note is a quarter in
    song.tracks[0].notes.push_back({30 * tick, 30 * (tick + 4), pitch, 80, 0});
    labels += fmt::format("{} {}\n", pitch, length);
    sixteenth += length;
  }
  write_midi(clones.midi(1), song);
  clones.label(1, "melody.txt", labels);
}
PopFit fit_at(const PopClones& clones, int64 position) {
  clones.list("startpos.csv", fmt::format("ID,Position\n1,{}\n", position));
  return melody_fit(read_pop909(clones.root()).song(1));
}

}  // namespace

TEST_CASE("the position that fits is found from any other, and is left alone") {
  const PopClones clones;
  for (int64 right : {0, 5, 64}) {
    write_song(clones, right);
    for (int64 wrong : {-40, 0, 5, 64, 300}) {
      const PopFit fit = fit_at(clones, wrong);
      CHECK(fit.best_position == right);
      CHECK(fit.best_share == 1);
      if (wrong == right) CHECK(fit.share == 1);
      if (wrong != right) CHECK(fit.share < 0.5);
    }
  }
}

TEST_CASE("the set is aligned by the melody only where that is asked for") {
  const PopClones clones;
  write_song(clones, 12);
  fit_at(clones, -4);
  const PopSet papers = read_pop909(clones.root());
  CHECK(papers.song(1).position == -4);
  CHECK(papers.song(1).start == 0);
  const PopSet melody = read_pop909(clones.root(), PopAlignment::melody);
  CHECK(melody.song(1).position == 12);
  CHECK(melody.song(1).start == 12);
  CHECK(melody.song(1).ticks == papers.song(1).ticks - 4);  // no padding in front
  CHECK(melody.song(1).melody_at[12] == 60);
  CHECK(parse_pop_alignment("melody") == PopAlignment::melody);
  CHECK(rule_of([] {
          parse_pop_alignment("melodies");
        }).starts_with("unknown alignment 'melodies'; known: papers, melody"));
}

TEST_CASE("nothing to compare: a share of 0 and the position as it is") {
  const PopClones clones;
  clones.label(1, "melody.txt", "0 160\n");
  PopFit fit = fit_at(clones, 8);
  CHECK(fit.share == 0);
  CHECK(fit.best_position == 8);
  clones.label(1, "melody.txt", "1 160\n");  // a pitch that no note has
  fit = fit_at(clones, 8);
  CHECK(fit.best_share == 0);
  CHECK(fit.best_position == 8);
}
