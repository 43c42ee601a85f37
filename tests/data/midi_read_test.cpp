// The MIDI reader on files written byte by byte: rules of the format, and refusal of broken input.
#include <doctest/doctest.h>

#include "data/midi.h"
#include "tensor/error.h"
#include "tensor/file.h"

using namespace gradus;

namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string s;
  for (int v : values) s += static_cast<char>(v);
  return s;
}
std::string big(std::size_t n, int count) {
  std::string s;
  for (int i = count - 1; i >= 0; --i) s += static_cast<char>(n >> (8 * i) & 0xFF);
  return s;
}
std::string header(int format, int tracks, int division) {
  return "MThd" + big(6, 4) + big(static_cast<std::size_t>(format), 2) +
         big(static_cast<std::size_t>(tracks), 2) + big(static_cast<std::size_t>(division), 2);
}
std::string chunk(const std::string& body, const std::string& type = "MTrk") {
  return type + big(body.size(), 4) + body;
}
const std::string kEnd = bytes({0, 0xFF, 0x2F, 0});
/// A file of one track.
std::string file(const std::string& events) { return header(0, 1, 96) + chunk(events + kEnd); }
std::vector<Note> notes_of(const std::string& events) {
  const Song song = parse_midi(file(events));
  return song.tracks.empty() ? std::vector<Note>{} : song.tracks[0].notes;
}
std::string error_of(const std::string& all) {
  try {
    parse_midi(all, "x.mid");
  } catch (const IoError& e) {
    return e.rule();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a note, with running status and a note-on of velocity 0 as its end") {
  const std::vector<Note> two = {{0, 96, 60, 80, 0}, {96, 97, 62, 81, 0}};
  CHECK(notes_of(bytes({0, 0x90, 60, 80, 96, 60, 0, 0, 62, 81, 1, 0x80, 62, 0})) == two);
  CHECK(notes_of(bytes({0, 0x90, 60, 80, 96, 0x80, 60, 64, 0, 0x90, 62, 81, 1, 62, 0})) == two);
}

TEST_CASE("meta events and sysex end running status; channel events of other kinds do not matter") {
  CHECK(
      error_of(file(bytes({0, 0x90, 60, 80, 0, 0xFF, 1, 1, 'x', 9, 60, 0}))) ==
      "x.mid: byte 32: expected a status byte (0x80 to 0xff), got 0x3c; meta events and sysex end "
      "running status");
  CHECK(
      error_of(file(bytes({0, 0x90, 60, 80, 0, 0xF0, 1, 0xF7, 9, 60, 0}))).find("running status") !=
      std::string::npos);
  CHECK(error_of(file(bytes({0, 60, 80}))).find("byte 23: expected a status byte") !=
        std::string::npos);
  CHECK(notes_of(bytes({0,    0xB0, 7, 100,  0,    10, 64, 0,    0xE0, 0,  64,   0,
                        0xD0, 5,    0, 0xA0, 1,    2,  0,  0xF0, 2,    1,  0xF7, 0,
                        0xF7, 1,    5, 0,    0x90, 60, 80, 0x81, 0x00, 60, 0})) ==
        std::vector<Note>{{0, 128, 60, 80, 0}});
}

TEST_CASE("overlapping notes of one pitch end first in, first out") {
  CHECK(notes_of(bytes({0, 0x90, 60, 1, 10, 60, 2, 10, 60, 0, 10, 60, 0})) ==
        std::vector<Note>{{0, 20, 60, 1, 0}, {10, 30, 60, 2, 0}});
}

TEST_CASE("hanging notes last to the end of the track, ends without a note are ignored") {
  const std::string events = bytes({0, 0x80, 60, 0, 5, 0x90, 60, 1, 5, 61, 1});
  CHECK(parse_midi(header(0, 1, 96) + chunk(events + bytes({90, 0xFF, 0x2F, 0}))).tracks[0].notes ==
        std::vector<Note>{{5, 100, 60, 1, 0}, {10, 100, 61, 1, 0}});
  // Every note lasts a tick at least, also one that begins with the last tick.
  CHECK(notes_of(bytes({5, 0x90, 60, 1})) == std::vector<Note>{{5, 6, 60, 1, 0}});
  CHECK(notes_of(bytes({5, 0x90, 60, 1, 0, 60, 0})) == std::vector<Note>{{5, 6, 60, 1, 0}});
}

TEST_CASE("tracks are split by channel; the program is the one in force at the first note") {
  const Song song =
      parse_midi(file(bytes({0,    0xFF, 3, 2,    'a', 'b', 0, 0xC3, 5, 0, 0x93, 60, 9, 0,
                             0xC3, 7,    0, 0x90, 61,  9,   1, 61,   0, 0, 0x83, 60, 0})));
  REQUIRE(song.tracks.size() == 2);
  CHECK(song.ticks_per_quarter == 96);
  CHECK(song.tracks[0] == SongTrack{"ab", 0, {{0, 1, 61, 9, 0}}});
  CHECK(song.tracks[1] == SongTrack{"ab", 5, {{0, 1, 60, 9, 3}}});
  CHECK(song.title.empty());
}

TEST_CASE("tempo, time signature and key maps; the last change of a tick holds") {
  const std::string first =
      bytes({0,    0xFF, 3,    1,    'T', 0,    0xFF, 0x51, 3,    7,    0xA1, 0x20, 0,
             0xFF, 0x51, 3,    1,    0,   0,    0,    0xFF, 0x58, 4,    6,    3,    24,
             8,    96,   0xFF, 0x59, 2,   0xFE, 1,    0,    0xFF, 0x7E, 1,    9}) +
      kEnd;
  const Song song = parse_midi(header(1, 2, 96) + chunk(first) + chunk("hello", "XFIH") +
                               chunk(bytes({0, 0x95, 60, 9, 9, 60, 0}) + kEnd));
  CHECK(song.title == "T");
  CHECK(song.tempos == std::vector<TempoChange>{{0, 65536}});
  CHECK(song.time_signatures == std::vector<TimeSignature>{{0, 6, 8}});
  CHECK(song.key_signatures == std::vector<KeySignature>{{96, -2, true}});
  REQUIRE(song.tracks.size() == 1);
  CHECK(song.tracks[0].notes == std::vector<Note>{{0, 9, 60, 9, 5}});
  CHECK(song.end() == 9);
}

TEST_CASE("no tracks and no notes are no errors of the format") {
  CHECK(parse_midi(header(1, 0, 1)).tracks.empty());
  CHECK(parse_midi(file("")).tracks.empty());
  CHECK(parse_midi(file("")).end() == 0);
  // A longer header and a track without its end event are read.
  CHECK(parse_midi("MThd" + big(7, 4) + big(1, 2) + big(1, 2) + big(9, 2) + "?" +
                   chunk(bytes({0, 0x90, 60, 1, 4, 60, 0})))
            .tracks.size() == 1);
}

TEST_CASE("what is not supported or impossible is refused with place and reason") {
  CHECK(error_of("RIFF") == "x.mid: byte 0: expected 'MThd': this is no MIDI file");
  CHECK(error_of("") ==
        "x.mid: byte 0: expected 'MThd', the begin of a MIDI file (4 bytes), but the file ends "
        "after 0 more");
  CHECK(error_of(header(2, 1, 96)) ==
        "x.mid: byte 8: format 2 is not supported, only 0 (one track) and 1 (tracks played "
        "together)");
  CHECK(error_of(header(1, 1, 0xE728)) ==
        "x.mid: byte 12: SMPTE time (25 frames a second) is not supported; export the file with "
        "ticks per quarter note");
  CHECK(error_of(header(1, 1, 0)) ==
        "x.mid: byte 12: 0 ticks per quarter note; expected 1 to 32767");
  CHECK(error_of(header(0, 2, 96)).find("byte 10: a file of format 0 has one track") !=
        std::string::npos);
  CHECK(error_of("MThd" + big(5, 4) + "12345").find("byte 4: the header says 5 bytes") !=
        std::string::npos);
  CHECK(error_of(header(1, 1, 96)) == "x.mid: byte 14: expected track 1 of 1, but the file ends");
  CHECK(error_of(header(1, 1, 96) + "MTrk" + big(0xFFFFFFFF, 4) + "abc") ==
        "x.mid: byte 18: the chunk says 4294967295 bytes, but the file ends after 3 more");
  CHECK(error_of(file(bytes({0, 0x90, 60, 0x90}))) ==
        "x.mid: byte 25: expected a second data byte (0 to 127), got 0x90");
  CHECK(error_of(file(bytes({0, 0xF3, 60}))).find("0xf3 does not belong") != std::string::npos);
  CHECK(error_of(file(bytes({0x80, 0x80, 0x80, 0x80, 0}))) ==
        "x.mid: byte 22: expected a delta time, but it has more than four bytes");
  CHECK(error_of(file(bytes({0, 0xFF, 1, 0xFF, 0xFF, 0xFF, 0x7F}))) ==
        "x.mid: byte 29: expected the bytes of a meta event (268435455 bytes), but the chunk ends "
        "after 4 more");
  CHECK(error_of(file(bytes({0, 0xF0, 99}))).find("the bytes of a sysex event") !=
        std::string::npos);
  CHECK(error_of(file(bytes({0, 0xFF, 0x51, 2, 1, 1}))).find("a tempo has 2 bytes, expected 3") !=
        std::string::npos);
  CHECK(error_of(file(bytes({0, 0xFF, 0x51, 3, 0, 0, 0}))).find("a tempo of 0") !=
        std::string::npos);
  CHECK(error_of(file(bytes({0, 0xFF, 0x58, 4, 4, 200, 24, 8}))).find("time signature 4/2^200") !=
        std::string::npos);
  CHECK(error_of(file(bytes({0, 0xFF, 0x59, 2, 100, 0}))).find("key signature of 100 sharps") !=
        std::string::npos);
}

TEST_CASE("a file cut at any byte is an IoError with path and byte; no byte can break the reader") {
  Song song;
  song.title = "cut";
  song.tempos = {{0, 400000}};
  song.tracks = {{"a", 3, {{0, 500, 60, 64, 0}, {500, 900, 62, 64, 0}}},
                 {"b", 4, {{0, 10000, 40, 64, 1}}}};
  const std::string all = midi_bytes(song);
  for (std::size_t n = 0; n < all.size(); ++n) {
    const std::string error = error_of(all.substr(0, n));
    CAPTURE(n);
    CHECK(error.find("x.mid: byte ") == 0);
    CHECK(error.find("the file ends") + error.find("expected") != 2 * std::string::npos);
  }
  CHECK(error_of(all + "rest") == "no error");
  int errors = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    for (int value : {0, 0x7F, 0x80, 0xFF}) {
      std::string changed = all;
      changed[i] = static_cast<char>(value);
      errors += error_of(changed) != "no error";
    }
  CHECK(errors > 50);
}

TEST_CASE("errors of files say their path") {
  CHECK_THROWS_AS(read_midi("/nowhere/x.mid"), IoError);
}
