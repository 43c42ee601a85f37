// Standard MIDI Files, formats 0 and 1 (MIDI 1.0 specification, RP-001 1996): a Song in memory and
// its reader and writer. Each MTrk chunk is split by channel, so a Song's track has one channel and
// one program whichever format it came from. Times are ticks, ticks_per_quarter to a quarter note.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace gradus {

struct Note {
  int64 start = 0, end = 0;  ///< sounds in [start, end); end > start
  int pitch = 60, velocity = 64, channel = 0;
  bool operator==(const Note&) const = default;
};

struct SongTrack {
  std::string name;
  int program = 0;          ///< General MIDI number 0 to 127, in force at the first note
  std::vector<Note> notes;  ///< by start, then pitch, end, velocity
  bool operator==(const SongTrack&) const = default;
};

struct TempoChange {
  int64 tick = 0, microseconds_per_quarter = 500000;
  bool operator==(const TempoChange&) const = default;
};
struct TimeSignature {
  int64 tick = 0;
  int numerator = 4, denominator = 4;
  bool operator==(const TimeSignature&) const = default;
};
struct KeySignature {
  int64 tick = 0;
  int sharps = 0;  ///< -7 (flats) to 7
  bool minor = false;
  bool operator==(const KeySignature&) const = default;
};

/// Maps are sorted by tick with one entry a tick. Before the first entry MIDI's defaults hold: 120
/// quarters a minute, 4/4, no key.
struct Song {
  int ticks_per_quarter = 480;
  std::string title;  ///< the name of a first chunk without notes
  std::vector<SongTrack> tracks;
  std::vector<TempoChange> tempos;
  std::vector<TimeSignature> time_signatures;
  std::vector<KeySignature> key_signatures;
  /// The last tick at which a note sounds.
  int64 end() const;
  bool operator==(const Song&) const = default;
};

/// Reads a file. IoError says path, byte offset and what was expected there; format 2 and SMPTE
/// time are refused. Notes of one pitch that overlap are ended first in, first out; a note that
/// nothing ends lasts to the end of its track; every note lasts at least one tick. Tracks without
/// notes are dropped, their tempos and signatures kept.
Song read_midi(const std::filesystem::path& path);
/// The same from bytes; `name` stands for the path in errors.
Song parse_midi(std::string_view bytes, const std::string& name = "midi");

/// The bytes of a format 1 file: first a track of title, tempos and signatures, then one for each
/// track. What read_midi gave is given back by reading it again. ConfigError for numbers that a
/// MIDI file cannot hold.
std::string midi_bytes(const Song& song);
/// Writes them atomically.
void write_midi(const std::filesystem::path& path, const Song& song);

/// Sorts as SongTrack::notes wants it.
void sort_notes(std::vector<Note>& notes);
/// Every pitch so many semitones higher; ConfigError where one leaves 0 to 127.
std::vector<Note> transposed(std::vector<Note> notes, int semitones);
/// The notes of a song in other ticks, each time rounded to the nearest, at least one tick long.
Song with_ticks(const Song& song, int ticks_per_quarter);

}  // namespace gradus
