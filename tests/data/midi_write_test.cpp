// The MIDI writer: its bytes for a small song, and songs that are read back as they were.
#include <doctest/doctest.h>

#include <filesystem>

#include "data/midi.h"
#include "tensor/error.h"
#include "tensor/random.h"

using namespace gradus;

TEST_CASE("the bytes of a small song") {
  Song song;
  song.ticks_per_quarter = 96;
  song.tempos = {{0, 500000}};
  song.tracks = {{"p", 1, {{0, 200, 60, 64, 2}}}};
  const unsigned char expected[] = {
      'M',  'T',  'h',  'd', 0,    0,    0,    6,    0,    1,    0,  2,  0, 96,  // header
      'M',  'T',  'r',  'k', 0,    0,    0,    11,                               // tempos
      0,    0xFF, 0x51, 3,   0x07, 0xA1, 0x20, 0,    0xFF, 0x2F, 0,              //
      'M',  'T',  'r',  'k', 0,    0,    0,    21,                               // notes
      0,    0xFF, 3,    1,   'p',  0,    0xC2, 1,    0,    0x92, 60, 64,         //
      0x81, 0x48, 0x82, 60,  64,   0,    0xFF, 0x2F, 0};
  CHECK(midi_bytes(song) == std::string(reinterpret_cast<const char*>(expected), sizeof expected));
}

TEST_CASE("an empty song and all maps are read back") {
  CHECK(parse_midi(midi_bytes(Song{})) == Song{});
  Song song;
  song.ticks_per_quarter = 32767;
  song.title = "Title \xC3\xA4";
  song.tempos = {{0, 1}, {5, 0xFFFFFF}};
  song.time_signatures = {{0, 3, 4}, {300, 12, 8}, {100000000, 255, 64}};
  song.key_signatures = {{0, -7, true}, {7, 7, false}};
  song.tracks = {{"same name", 0, {{1, 2, 0, 1, 0}}}, {"same name", 127, {{0, 1, 127, 127, 15}}}};
  CHECK(parse_midi(midi_bytes(song)) == song);
}

TEST_CASE("random songs with overlapping, repeated and touching notes come back note for note") {
  Rng rng(3);
  for (int round = 0; round < 20; ++round) {
    Song song;
    song.tracks.resize(2);
    for (int t = 0; t < 2; ++t) {
      SongTrack& track = song.tracks[static_cast<std::size_t>(t)];
      track.program = 10 * t;
      for (int i = 0; i < 60; ++i) {
        const int64 start = integer_number(rng, 40);
        track.notes.push_back({start, start + 1 + integer_number(rng, 10),
                               60 + static_cast<int>(integer_number(rng, 3)),
                               1 + static_cast<int>(integer_number(rng, 127)), t});
      }
      sort_notes(track.notes);
    }
    // Nested notes become crossed ones on the first way through; from then on nothing changes.
    const Song once = parse_midi(midi_bytes(song));
    CHECK(once.tracks[0].notes.size() == 60);
    CHECK(once.end() == song.end());
    CHECK(parse_midi(midi_bytes(once)) == once);
  }
}

TEST_CASE("numbers that a MIDI file cannot hold") {
  const auto error_of = [](const Song& song) -> std::string {
    try {
      midi_bytes(song);
    } catch (const ConfigError& e) {
      return e.rule();
    }
    return "no error";
  };
  const auto with_note = [](const Note& n) {
    Song song;
    song.tracks = {{"t", 0, {n}}};
    return song;
  };
  CHECK(error_of(with_note({0, 1, 128, 64, 0})).find("no MIDI note in track 't': pitch 128") == 0);
  CHECK(error_of(with_note({0, 1, 60, 0, 0})) != "no error");
  CHECK(error_of(with_note({0, 1, 60, 64, 16})) != "no error");
  CHECK(error_of(with_note({1, 1, 60, 64, 0})) != "no error");
  CHECK(error_of(with_note({-1, 1, 60, 64, 0})) != "no error");
  CHECK(error_of(with_note({int64{1} << 28, (int64{1} << 28) + 1, 60, 64, 0})) ==
        "a MIDI file holds steps of 0 to 268435455 ticks, got 268435456");
  Song song;
  song.ticks_per_quarter = 32768;
  CHECK(error_of(song) == "a MIDI file has 1 to 32767 ticks per quarter, got 32768");
  song = Song{};
  song.tempos = {{0, 0}};
  CHECK(error_of(song) == "a tempo is 1 to 16777215 microseconds a quarter, got 0");
  song = Song{};
  song.time_signatures = {{0, 4, 3}};
  CHECK(error_of(song).find("got 4/3") != std::string::npos);
  song = Song{};
  song.key_signatures = {{0, 8, false}};
  CHECK(error_of(song) == "a key has -7 to 7 sharps, got 8");
  song = Song{};
  song.tracks = {{"t", 128, {}}};
  CHECK(error_of(song) == "a program is 0 to 127, got 128 in track 't'");
}

TEST_CASE("a file is written, read back, and kept where writing fails") {
  const auto folder = std::filesystem::temp_directory_path() / "gradus_midi_write_test";
  std::filesystem::create_directories(folder);
  const auto path = folder / "song.mid";
  Song song;
  song.tracks = {{"piano", 0, {{0, 480, 60, 64, 0}}}};
  write_midi(path, song);
  CHECK(read_midi(path) == song);
  Song wrong = song;
  wrong.tracks[0].program = -1;
  CHECK_THROWS_AS(write_midi(path, wrong), ConfigError);
  CHECK(read_midi(path) == song);
  CHECK_THROWS_AS(write_midi(folder / "no" / "song.mid", song), IoError);
  std::filesystem::remove_all(folder);
}

TEST_CASE("other ticks: times are rounded, notes stay a tick long, one change a tick") {
  Song song;
  song.ticks_per_quarter = 480;
  song.tempos = {{0, 1}, {10, 2}};
  song.tracks = {{"t", 0, {{119, 121, 60, 64, 0}, {480, 960, 60, 64, 0}}}};
  const Song cells = with_ticks(song, 4);
  CHECK(cells.ticks_per_quarter == 4);
  CHECK(cells.tracks[0].notes == std::vector<Note>{{1, 2, 60, 64, 0}, {4, 8, 60, 64, 0}});
  CHECK(cells.tempos == std::vector<TempoChange>{{0, 2}});
  CHECK(with_ticks(song, 960).tracks[0].notes[1] == Note{960, 1920, 60, 64, 0});
}
