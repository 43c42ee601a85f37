// One song of POP909: ticks, alignment, labels laid over the roll, 3/4, and what makes it unusable.
#include "data/pop909_song.h"

#include <doctest/doctest.h>

#include "tests/data/pop909_clones.h"

using namespace gradus;

namespace {

PopSong read_song(const PopClones& clones, int64 start = 0, int number = 1) {
  const PopFolders folders = find_pop909(clones.root());
  return read_pop_song(folders, number, read_pop_labels(folders, number), start, PopSplit::train);
}
std::string letters(const PopSong& s, std::initializer_list<int64> ticks) {
  std::string out;
  for (int64 t : ticks) out += s.phrase(t).letter;
  return out;
}

}  // namespace

TEST_CASE("the roll begins with the first note of any track and ends a tick behind the last") {
  const PopClones clones;
  const PopSong s = read_song(clones);
  CHECK(s.name == "001");
  CHECK(s.ticks == 40 * kPopTicks + 1);
  REQUIRE(s.tracks[0].size() == 40);
  CHECK(s.tracks[0][0] == Note{0, 8, 72, 80, 0});
  CHECK(s.tracks[1] == std::vector<Note>{{16, 32, 64, 80, 1}});
  CHECK(s.tracks[2].back().end == 40 * kPopTicks);
}

TEST_CASE("times go to the nearest tick, halves to the even one; every note lasts a tick") {
  const PopClones clones;
  Song song = PopClones::midi_song(3);
  song.tracks[0].notes = {{0, 15, 60, 80, 0}, {15, 44, 62, 80, 0}, {45, 46, 64, 80, 0}};
  song.tracks[1].notes.clear();
  write_midi(clones.midi(1), song);
  const PopSong s = read_song(clones);
  CHECK(s.tracks[0] == std::vector<Note>{{0, 1, 60, 80, 0}, {0, 1, 62, 80, 0}, {2, 3, 64, 80, 0}});
  CHECK(s.tracks[1].empty());  // a bridge may be silent
}

TEST_CASE("a start of 0: labels begin with the roll and are padded to its end") {
  const PopClones clones;
  clones.label(1, "finalized_chord.txt", "C:maj/3 [0, 4, 7] 4 4\nN 2\nG:7 [2, 5, 7, 11] 7 30\n");
  clones.label(1, "human_label1.txt", "i2A4B3\n");
  clones.label(1, "melody.txt", "0 4\n60 8\n");
  const PopSong s = read_song(clones);
  CHECK(s.start == 0);
  CHECK(s.labels.beats_per_bar == 4);
  CHECK(s.chord(0).chord == Chord{0, Quality::major, 4});
  CHECK(s.chord(63).chord.root == 0);
  CHECK(s.chord(64) == PopChord{});
  CHECK(s.chord(96).chord.root == 7);
  CHECK(s.chord(36 * 16 - 1).chord.root == 7);
  CHECK(s.chord(36 * 16) == PopChord{});
  CHECK(s.chords_past_roll() == doctest::Approx(-4 - 1.0 / 16));
  CHECK(letters(s, {0, 127, 128, 383, 384, 575, 576, 640}) == "iiAABBxx");
  CHECK(s.phrase_at[0] == 0);
  CHECK(s.phrase_at[640] == 3);
  CHECK(s.melody_at[15] == 0);
  CHECK(s.melody_at[16] == 60);
  CHECK(s.melody_at[47] == 60);
  CHECK(s.melody_at[48] == 0);
  CHECK(s.bar(63) == 0);
  CHECK(s.bar(64) == 1);
  CHECK(s.tick_in_bar(65) == 1);
}

TEST_CASE("a start above 0 delays the labels behind no chord, a rest, phrase x") {
  const PopClones clones;
  const PopSong s = read_song(clones, 24);
  CHECK(s.ticks == 40 * kPopTicks + 1);
  CHECK(s.start == 24);
  CHECK(s.tracks[0][0].start == 0);
  CHECK(s.chord(23) == PopChord{});
  CHECK(s.chord(24).chord.root == 0);
  CHECK(s.melody_at[24 + 15] == 0);
  CHECK(s.melody_at[24 + 16] == 60);
  CHECK(letters(s, {0, 23, 24, 24 + 127, 24 + 128}) == "xxiiA");
  CHECK(s.phrase_at[24] == 1);
  // The labels, as long as the roll was, are cut.
  CHECK(s.chords_past_roll() == doctest::Approx(1.5 - 1.0 / 16));
  CHECK(s.chord(s.ticks - 1).chord.root == 7);
  CHECK(letters(s, {s.ticks - 1}) == "B");
  // The first bar line lies at tick 24; what is before it is the end of bar 0.
  CHECK(s.bar(0) == 0);
  CHECK(s.tick_in_bar(0) == 40);
  CHECK(s.bar(23) == 0);
  CHECK(s.bar(24) == 1);
  CHECK(s.tick_in_bar(24) == 0);
}

TEST_CASE("a start below 0 pads the roll") {
  const PopClones clones;
  const PopSong s = read_song(clones, -8);
  CHECK(s.ticks == 40 * kPopTicks + 1 + 8);
  CHECK(s.start == 0);
  CHECK(s.tracks[0][0].start == 8);
  CHECK(s.chord(0).chord.root == 0);
  CHECK(letters(s, {0, 128}) == "iA");
  CHECK(s.bar(0) == 0);
}

TEST_CASE("labels longer than the roll are cut") {
  const PopClones clones;
  write_midi(clones.midi(1), PopClones::midi_song(3));
  const PopSong s = read_song(clones);
  CHECK(s.ticks == 33);
  CHECK(s.chords_past_roll() == doctest::Approx(38 - 1.0 / 16));
  CHECK(s.chord_at.size() == 33);
  CHECK(letters(s, {0, 32}) == "ii");
}

TEST_CASE("a song is in 3/4 where that fits its chords") {
  const PopClones clones;
  clones.label(1, "human_label1.txt", "i1A6B6\n");
  const PopSong s = read_song(clones);
  CHECK(s.labels.beats_per_bar == 3);
  CHECK(s.labels.phrase_quarters() == 39);
  CHECK(s.ticks_per_bar() == 48);
  CHECK(letters(s, {47, 48, 48 * 7 - 1, 48 * 7}) == "iAAB");
  CHECK(s.bar(48) == 1);
}

TEST_CASE("a chord file cut short makes no 3/4 of a song in 4/4") {
  const PopClones clones;
  clones.label(1, "human_label1.txt", "i4A40B36\n");
  clones.label(1, "melody.txt", "0 4\n60 1276\n");
  const auto with_chords = [&](int quarters, int beats_per_bar) {
    clones.label(1, "finalized_chord.txt",
                 fmt::format("C:maj [0, 4, 7] 0 4\nN {}\n", quarters - 4));
    const std::string said = rule_of([&] { read_song(clones); });
    if (beats_per_bar == 0) {
      CHECK(said == clones.label(1, "finalized_chord.txt").string() +
                        fmt::format(": ends early: {} quarters of chords for 80 bars of phrases",
                                    quarters));
      return;
    }
    CHECK(said == "no error");
    CHECK(read_pop_labels(find_pop909(clones.root()), 1).beats_per_bar == beats_per_bar);
  };
  for (const int quarters : {5, 120, 227, 228, 240, 252, 253, 266}) with_chords(quarters, 0);
  for (const int quarters : {267, 279, 281, 320, 340, 400}) with_chords(quarters, 4);
  // Where the melody too is as short as in 3/4, it is 3/4.
  clones.label(1, "melody.txt", "0 4\n60 960\n");
  for (const int quarters : {228, 231, 240, 252}) with_chords(quarters, 3);
  for (const int quarters : {227, 253}) with_chords(quarters, 0);
  clones.label(1, "melody.txt", "60 1008\n");
  with_chords(240, 3);
  clones.label(1, "melody.txt", "60 1009\n");
  with_chords(240, 0);
}

TEST_CASE("songs 062 and 328 use the second labels, the others the first") {
  const PopClones clones;
  clones.add_song(2);
  for (int n : {62, 328}) {
    clones.add_song(n);
    CHECK(read_song(clones, 0, n).phrases.size() == 2);  // A10 and the padding
  }
  CHECK(read_song(clones, 0, 2).phrases.size() == 4);
}

TEST_CASE("only the first key is used; the others stay readable") {
  const PopClones clones;
  clones.label(1, "analyzed_key.txt", "G:maj\nA:min\n");
  CHECK(read_song(clones).labels.keys == std::vector<PopKey>{{7, false}, {9, true}});
}

TEST_CASE("rolls: onset and sustain of the three tracks side by side") {
  const PopClones clones;
  const PopSong s = read_song(clones);
  const Roll r = pop_roll(s, 16, 20);
  REQUIRE(r.sustain.shape() == Shape{20, 384});
  const auto on = r.onset.values<std::uint8_t>(), held = r.sustain.values<std::uint8_t>();
  const auto at = [](std::size_t t, std::size_t track, std::size_t pitch) {
    return t * 384 + track * 128 + pitch;
  };
  CHECK(on[at(0, 0, 72)] == 1);
  CHECK(on[at(1, 0, 72)] == 0);
  CHECK(held[at(7, 0, 72)] == 1);
  CHECK(held[at(8, 0, 72)] == 0);
  CHECK(on[at(0, 1, 64)] == 1);
  CHECK(held[at(15, 1, 64)] == 1);
  CHECK(held[at(16, 1, 64)] == 0);
  CHECK(on[at(16, 2, 48)] == 1);
  // A note that began before the range is held and has no onset.
  const Roll later = pop_roll(s, 18, 1);
  CHECK(later.onset.values<std::uint8_t>()[at(0, 2, 48)] == 0);
  CHECK(later.sustain.values<std::uint8_t>()[at(0, 2, 48)] == 1);
  CHECK(pop_roll(s, s.ticks, 0).onset.numel() == 0);
  CHECK(rule_of([&] { pop_roll(s, 600, 42); }) ==
        "ticks 600 to 642 are not in song 001, which has 641");
  CHECK(rule_of([&] { pop_roll(s, -1, 2); }).starts_with("ticks -1 to 1"));
}

TEST_CASE("songs that cannot be used say which file and why") {
  const PopClones clones;
  const std::string path = clones.midi(1).string();
  CHECK(rule_of([&] { read_song(clones, 641); }) ==
        path + ": ends after 641 ticks, before its labels begin (startpos.csv: 641)");
  Song song = PopClones::midi_song(4);
  song.tracks[1].name = "CHOIR";
  write_midi(clones.midi(1), song);
  CHECK(rule_of([&] { read_song(clones); }) ==
        path + ": unknown track 'CHOIR'; known: MELODY, BRIDGE, PIANO");
  song.tracks.erase(song.tracks.begin() + 1, song.tracks.end());
  write_midi(clones.midi(1), song);
  CHECK(rule_of([&] { read_song(clones); }) == path + ": no notes in a track named PIANO");
  song.tracks[0].notes.push_back({480 * 70000, 480 * 70001, 60, 80, 0});
  song.tracks.push_back({"PIANO", 0, {{480, 960, 60, 80, 1}}});
  write_midi(clones.midi(1), song);
  CHECK(rule_of([&] { read_song(clones); }) ==
        path + ": 70000 quarters long; at most 65536 are read");
  clones.write(clones.midi(1), read_file(clones.midi(1)).substr(0, 40));
  CHECK(rule_of([&] { read_song(clones); }).starts_with(path + ": byte "));
  clones.label(1, "melody.txt", "60\n");
  CHECK(rule_of([&] {
          read_song(clones);
        }).starts_with(clones.label(1, "melody.txt").string() + ":1: expected"));
  std::string many;
  for (int i = 0; i < 60001; ++i) many += "N 1\n";
  clones.label(1, "melody.txt", "60 4\n");
  clones.label(1, "finalized_chord.txt", many);
  CHECK(rule_of([&] { read_song(clones); }) ==
        "001: 60001 chords and 3 phrases; at most 60000 and 32000 are read");
  std::string phrases;
  for (int i = 0; i < 32001; ++i) phrases += "A1";
  clones.label(1, "human_label1.txt", phrases);
  clones.label(1, "finalized_chord.txt", many.substr(0, many.size() - 4));
  CHECK(rule_of([&] { read_song(clones); }) ==
        "001: 60000 chords and 32001 phrases; at most 60000 and 32000 are read");
}
