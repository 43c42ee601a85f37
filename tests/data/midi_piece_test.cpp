// MIDI files as pieces: which track is what, meters, pickups, both grids, arranged targets.
#include <doctest/doctest.h>

#include "data/midi_piece.h"
#include "tests/data/scratch_files.h"
#include "tests/error_text.h"

using namespace gradus;
using testing::has;
using testing::message;

TEST_CASE("one note is a piece of one bar") {
  const MidiPiece m = midi_piece(song_of({scale("", 1)}), "one");
  CHECK(m.piece.length() == 16);
  CHECK(m.piece.melody.size() == 1);
  CHECK(m.lead == 0);
  CHECK(!m.has_target());
  CHECK(!m.has_chords);
  CHECK(!m.bridge_track);
  CHECK(m.piece.steps[3].melody == 60);
  CHECK(m.piece.steps[4].melody == 0);
  CHECK(has(message([] { midi_piece(Song{}, "none.mid"); }), "'none.mid' has no notes"));
  CHECK(has(message([] { midi_piece(song_of({scale("kit", 2, 36, 9)}), "kit.mid"); }),
            "'kit.mid' has drums only"));
}

TEST_CASE("tracks by name, whatever their order; drums belong to none") {
  const Song song = song_of({scale("kit", 9, 36, 9), scale("Strings", 3, 48, 1),
                             scale("a BRIDGE", 2, 64, 2), scale("Lead Vocals", 4, 72, 3),
                             scale("bridge 2", 5, 52, 4), scale("piano", 3, 48, 5)});
  const MidiPiece m = midi_piece(song, "song");
  CHECK(m.melody_track == 3);
  CHECK(m.bridge_track == 2);
  CHECK(m.piece.melody.front().pitch == 72);
  CHECK(m.piece.bridge.size() == 2);
  // The strings and the piano play the same three notes: they are one each.
  CHECK(m.piece.accompaniment.size() == 3 + 5);
  // Two bars: the accompaniment goes on for a quarter behind the melody's one bar; the drums, which
  // last nine quarters, do not count.
  CHECK(m.piece.bars() == 2);
  CHECK(m.piece.steps[31].bar == 1);
  CHECK(m.piece.steps[31].cell == 15);
  CHECK(midi_piece(song, "song", 4, "piano").melody_track == 5);
  CHECK(has(message([&] { midi_piece(song, "x.mid", 4, "pinao"); }), "did you mean 'piano'?"));
}

TEST_CASE("meters and both grids") {
  for (const int grid : {4, 16})
    for (const TimeSignature meter : {TimeSignature{0, 4, 4},
                                      {0, 3, 4},
                                      {0, 6, 8},
                                      {0, 7, 16},
                                      {0, 2, 2},
                                      {0, 1, 1},
                                      {0, 12, 8}}) {
      CAPTURE(grid);
      CAPTURE(meter.numerator);
      MidiPiece m = midi_piece(song_of({scale("melody", 13)}, meter), "m", grid);
      CHECK(m.piece.steps_per_quarter == grid);
      CHECK(m.piece.steps_per_bar == 4 * grid * meter.numerator / meter.denominator);
      CHECK(m.piece.length() % m.piece.steps_per_bar == 0);
      CHECK(m.piece.length() >= 13 * grid);
      CHECK(m.piece.melody[3] == Note{3 * grid, 4 * grid, 63, 80, 0});
      Progression chords{meter.numerator, {}};
      chords.beats.assign(static_cast<std::size_t>(meter.numerator), parse_chord("Am7"));
      set_chords(m, chords);
      CHECK(m.piece.steps[0].chord == parse_chord("Am7"));
      arrange_target(m, chords);
      CHECK(m.has_target());
      CHECK(m.arranged);
      for (const Note& n : m.piece.accompaniment) {
        CHECK(n.start % (grid / 4) == 0);
        CHECK(n.start < n.end);
        CHECK(n.end <= m.piece.length());
        CHECK((m.piece.steps[0].tones >> (n.pitch % 12) & 1) == 1);
      }
    }
  CHECK(has(message([] { midi_piece(song_of({scale("", 1)}, {0, 4, 64}), "x"); }), "4/64"));
}

TEST_CASE("the meter that holds longest is used; what lies before it ends the first bar") {
  Song s = song_of({scale("melody", 13)});
  s.time_signatures = {{0, 1, 4}, {480, 3, 4}};
  for (const int grid : {4, 16}) {
    MidiPiece m = midi_piece(s, "pickup", grid);
    CHECK(m.meter.numerator == 3);
    CHECK(m.lead == 2 * grid);
    CHECK(m.piece.bars() == 5);
    CHECK(m.piece.melody[0].start == 2 * grid);
    set_chords(m, parse_progression("C | G", 3));
    const auto chord_in = [&](int bar) {
      return m.piece.steps[static_cast<std::size_t>(bar * 3 * grid)].chord;
    };
    CHECK(chord_in(0).is_none());
    CHECK(chord_in(1) == parse_chord("C"));
    CHECK(chord_in(2) == parse_chord("G"));
    CHECK(chord_in(3) == parse_chord("C"));
    arrange_target(m, parse_progression("C | G", 3));
    CHECK(m.piece.accompaniment.front().start == 3 * grid);
  }
  // An introduction in 4/4, two bars long, before the 3/4.
  s.time_signatures = {{0, 4, 4}, {480 * 4, 3, 4}};
  CHECK(midi_piece(s, "introduction").lead == 8);
}

TEST_CASE("the key is the file's") {
  Song s = song_of({scale("melody", 2)});
  CHECK(midi_piece(s, "none").piece.key == Key{0, false});
  const auto key = [&](int sharps, bool minor) {
    s.key_signatures = {{0, sharps, minor}};
    return midi_piece(s, "key").piece.key;
  };
  CHECK(key(1, false) == Key{7, false});
  CHECK(key(-3, false) == Key{3, false});
  CHECK(key(0, true) == Key{9, true});
  CHECK(key(-7, true) == Key{8, true});
  CHECK(key(7, false) == Key{1, false});
}

TEST_CASE("what is too long is refused, whichever track it is") {
  Song s = song_of({scale("melody", 2), scale("piano", 2)});
  s.tracks[1].notes[1] = {int64{1} << 27, (int64{1} << 27) + 1, 60, 80, 1};
  CHECK(has(message([&] { midi_piece(s, "late.mid"); }), "'late.mid' lasts"));
  std::swap(s.tracks[0].notes, s.tracks[1].notes);
  CHECK(has(message([&] { midi_piece(s, "late.mid"); }), "'late.mid' lasts"));
}
