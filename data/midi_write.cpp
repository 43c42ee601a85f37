// Writer of Standard MIDI Files, format 1.
#include <algorithm>
#include <bit>

#include "data/midi.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace gradus {

namespace {

constexpr int64 kMaxQuantity = 0x0FFFFFFF;  // four bytes of seven bits

void put_number(std::string& out, std::uint32_t n, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(n >> (8 * i) & 0xFF);
}

void put_quantity(std::string& out, int64 n) {
  check<ConfigError>(n >= 0 && n <= kMaxQuantity,
                     "a MIDI file holds steps of 0 to {} ticks, got {}", kMaxQuantity, n);
  for (int shift = 21; shift > 0; shift -= 7)
    if (n >> shift) out += static_cast<char>(0x80 | (n >> shift & 0x7F));
  out += static_cast<char>(n & 0x7F);
}

struct Event {
  int64 tick = 0;
  int rank = 0;  // order within a tick
  std::string bytes;
};

std::string meta(int type, std::string_view payload) {
  std::string bytes = {'\xFF', static_cast<char>(type)};
  put_quantity(bytes, static_cast<int64>(payload.size()));
  return bytes += payload;
}

std::string message(int status, int channel, int first, int second = -1) {
  std::string bytes = {static_cast<char>(status | channel), static_cast<char>(first)};
  if (second >= 0) bytes += static_cast<char>(second);
  return bytes;
}

// Events that share tick and rank keep their order: with first-in first-out on reading, notes of
// one pitch find their own ends again.
std::string chunk(std::vector<Event> events) {
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return a.tick != b.tick ? a.tick < b.tick : a.rank < b.rank;
  });
  std::string body;
  int64 tick = 0;
  for (const Event& e : events) {
    put_quantity(body, e.tick - tick);
    body += e.bytes;
    tick = e.tick;
  }
  put_quantity(body, 0);
  body += meta(0x2F, "");
  check<ConfigError>(body.size() <= 0xFFFFFFFFu, "a MIDI track is smaller than 4 GiB");
  std::string out = "MTrk";
  put_number(out, static_cast<std::uint32_t>(body.size()), 4);
  return out += body;
}

std::string first_chunk(const Song& song) {
  std::vector<Event> events;
  if (!song.title.empty()) events.push_back({0, 0, meta(0x03, song.title)});
  for (const TempoChange& c : song.tempos) {
    check<ConfigError>(c.microseconds_per_quarter >= 1 && c.microseconds_per_quarter <= 0xFFFFFF,
                       "a tempo is 1 to 16777215 microseconds a quarter, got {}",
                       c.microseconds_per_quarter);
    std::string payload;
    put_number(payload, static_cast<std::uint32_t>(c.microseconds_per_quarter), 3);
    events.push_back({c.tick, 1, meta(0x51, payload)});
  }
  for (const TimeSignature& c : song.time_signatures) {
    const bool power = c.denominator >= 1 && c.denominator <= 64 &&
                       std::has_single_bit(static_cast<unsigned>(c.denominator));
    check<ConfigError>(power && c.numerator >= 1 && c.numerator <= 255,
                       "a time signature is 1 to 255 over a power of two up to 64, got {}/{}",
                       c.numerator, c.denominator);
    const int log2 = std::countr_zero(static_cast<unsigned>(c.denominator));
    const int click = std::max(1, 96 / c.denominator);  // MIDI clocks (24 a quarter) a beat
    const std::string payload = {static_cast<char>(c.numerator), static_cast<char>(log2),
                                 static_cast<char>(click), '\x08'};
    events.push_back({c.tick, 1, meta(0x58, payload)});
  }
  for (const KeySignature& c : song.key_signatures) {
    check<ConfigError>(c.sharps >= -7 && c.sharps <= 7, "a key has -7 to 7 sharps, got {}",
                       c.sharps);
    const std::string payload = {static_cast<char>(c.sharps), static_cast<char>(c.minor)};
    events.push_back({c.tick, 1, meta(0x59, payload)});
  }
  return chunk(std::move(events));
}

std::string track_chunk(const SongTrack& track) {
  std::vector<Event> events;
  if (!track.name.empty()) events.push_back({0, 0, meta(0x03, track.name)});
  check<ConfigError>(track.program >= 0 && track.program <= 127,
                     "a program is 0 to 127, got {} in track '{}'", track.program, track.name);
  unsigned channels = 0;
  for (const Note& n : track.notes) {
    check<ConfigError>(
        n.pitch >= 0 && n.pitch <= 127 && n.velocity >= 1 && n.velocity <= 127 && n.channel >= 0 &&
            n.channel <= 15 && n.start >= 0 && n.end > n.start,
        "no MIDI note in track '{}': pitch {} (0 to 127), velocity {} (1 to 127), channel {} (0 to "
        "15), from tick {} to {}",
        track.name, n.pitch, n.velocity, n.channel, n.start, n.end);
    if (!(channels >> n.channel & 1))
      events.push_back({0, 1, message(0xC0, n.channel, track.program)});
    channels |= 1u << n.channel;
  }
  std::vector<Note> notes = track.notes;
  sort_notes(notes);
  for (const Note& n : notes) {
    events.push_back({n.start, 3, message(0x90, n.channel, n.pitch, n.velocity)});
    // A note ends before another one of its pitch begins at the same tick.
    events.push_back({n.end, 2, message(0x80, n.channel, n.pitch, 64)});
  }
  return chunk(std::move(events));
}

}  // namespace

std::string midi_bytes(const Song& song) {
  check<ConfigError>(song.ticks_per_quarter >= 1 && song.ticks_per_quarter <= 32767,
                     "a MIDI file has 1 to 32767 ticks per quarter, got {}",
                     song.ticks_per_quarter);
  check<ConfigError>(song.tracks.size() < 65535, "a MIDI file has at most 65535 tracks, got {}",
                     song.tracks.size() + 1);
  std::string out = "MThd";
  put_number(out, 6, 4);
  put_number(out, 1, 2);
  put_number(out, static_cast<std::uint32_t>(song.tracks.size() + 1), 2);
  put_number(out, static_cast<std::uint32_t>(song.ticks_per_quarter), 2);
  out += first_chunk(song);
  for (const SongTrack& t : song.tracks) out += track_chunk(t);
  return out;
}

void write_midi(const std::filesystem::path& path, const Song& song) {
  write_file(path, midi_bytes(song));
}

}  // namespace gradus
