// Reader of Standard MIDI Files. Every length is checked against the bytes that are there before
// anything is kept, so that no lying header can ask for memory.
#include <algorithm>
#include <array>
#include <deque>
#include <map>

#include "data/midi.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace gradus {

namespace {

constexpr std::uint64_t kFileLimit = std::uint64_t{64} << 20;
constexpr int64 kLastTick = int64{1} << 40;  // far beyond music; keeps later products in 64 bits

/// A position in the bytes; every read says what it expects.
class Bytes {
 public:
  Bytes(std::string_view all, const std::string& name) : all_(all), name_(name), end_(all.size()) {}

  std::size_t at() const { return at_; }
  bool done() const { return at_ >= end_; }
  std::size_t left() const { return end_ - at_; }

  template <class... A>
  [[noreturn]] void fail_at(std::size_t offset, fmt::format_string<A...> text, A&&... args) const {
    fail<IoError>("{}: byte {}: {}", name_, offset, fmt::format(text, std::forward<A>(args)...));
  }
  /// The next `count` bytes.
  std::string_view take(std::size_t count, std::string_view what) {
    if (count > left())
      fail_at(at_, "expected {} ({} bytes), but {} ends after {} more", what, count,
              inside_ ? "the chunk" : "the file", left());
    at_ += count;
    return all_.substr(at_ - count, count);
  }
  unsigned byte(std::string_view what) { return static_cast<unsigned char>(take(1, what)[0]); }
  unsigned peek() const { return static_cast<unsigned char>(all_[at_]); }
  /// Most significant byte first.
  std::uint32_t number(std::size_t bytes, std::string_view what) {
    std::uint32_t n = 0;
    for (char c : take(bytes, what)) n = n << 8 | static_cast<unsigned char>(c);
    return n;
  }
  /// A variable-length quantity: seven bits a byte, at most four bytes.
  std::uint32_t quantity(std::string_view what) {
    const std::size_t begin = at_;
    std::uint32_t n = 0;
    for (int i = 0; i < 4; ++i) {
      const unsigned b = byte(what);
      n = n << 7 | (b & 0x7F);
      if (b < 0x80) return n;
    }
    fail_at(begin, "expected {}, but it has more than four bytes", what);
  }
  /// Limits reading to the next `count` bytes; returns the old limit for leave().
  std::size_t enter(std::size_t count) {
    const std::size_t old = end_;
    end_ = at_ + count;
    inside_ = true;
    return old;
  }
  /// Goes to the end of what enter() opened.
  void leave(std::size_t old) {
    at_ = end_;
    end_ = old;
    inside_ = false;
  }

 private:
  std::string_view all_;
  const std::string& name_;
  std::size_t at_ = 0, end_;
  bool inside_ = false;  // a chunk
};

/// One channel of one chunk while it is read.
struct ChannelState {
  int program = 0;
  SongTrack track;
  std::array<std::deque<std::size_t>, 128> open;  // notes that sound, oldest first
};

/// Changes by tick; of several at one tick the last one read holds.
template <class Change>
using ChangeMap = std::map<int64, Change>;

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& name) : in_(bytes, name) {}

  Song read() {
    const std::size_t count = read_header();
    for (std::size_t tracks = 0; tracks < count;) {
      const std::size_t begin = in_.at();
      if (in_.done())
        in_.fail_at(begin, "expected track {} of {}, but the file ends", tracks + 1, count);
      const std::string_view type = in_.take(4, "the type of a chunk");
      const std::uint32_t length = in_.number(4, "the length of a chunk");
      if (length > in_.left())
        in_.fail_at(begin + 4, "the chunk says {} bytes, but the file ends after {} more", length,
                    in_.left());
      const std::size_t old = in_.enter(length);
      if (type == "MTrk") read_track(tracks++ == 0);
      in_.leave(old);
    }
    for (const auto& [tick, change] : tempos_) song_.tempos.push_back(change);
    for (const auto& [tick, change] : meters_) song_.time_signatures.push_back(change);
    for (const auto& [tick, change] : keys_) song_.key_signatures.push_back(change);
    return std::move(song_);
  }

 private:
  std::size_t read_header() {
    if (in_.take(4, "'MThd', the begin of a MIDI file") != "MThd")
      in_.fail_at(0, "expected 'MThd': this is no MIDI file");
    const std::uint32_t length = in_.number(4, "the length of the header");
    if (length < 6 || length > in_.left())
      in_.fail_at(4, "the header says {} bytes, expected 6 and as many in the file", length);
    const std::size_t old = in_.enter(length);
    const std::uint32_t format = in_.number(2, "the format");
    if (format > 1)
      in_.fail_at(8,
                  "format {} is not supported, only 0 (one track) and 1 (tracks played together)",
                  format);
    const std::uint32_t count = in_.number(2, "the number of tracks");
    if (format == 0 && count != 1)
      in_.fail_at(10, "a file of format 0 has one track, this one says {}", count);
    const std::uint32_t division = in_.number(2, "the division");
    if (division & 0x8000)
      in_.fail_at(12,
                  "SMPTE time ({} frames a second) is not supported; export the file with ticks "
                  "per quarter note",
                  256 - (division >> 8));
    if (division == 0) in_.fail_at(12, "0 ticks per quarter note; expected 1 to 32767");
    song_.ticks_per_quarter = static_cast<int>(division);
    in_.leave(old);
    return count;
  }

  void read_track(bool first) {
    channels_.clear();
    chunk_name_.clear();
    tick_ = 0;
    unsigned status = 0;  // running status; 0: none
    for (bool ended = false; !in_.done() && !ended;) {
      tick_ += in_.quantity("a delta time");
      const std::size_t begin = in_.at();
      if (tick_ > kLastTick)
        in_.fail_at(begin, "tick {} is beyond the last one supported ({})", tick_, kLastTick);
      if (in_.done())
        in_.fail_at(begin, "expected an event after the delta time, but the track ends");
      if (in_.peek() >= 0x80) status = in_.byte("a status byte");
      if (status == 0)
        in_.fail_at(begin,
                    "expected a status byte (0x80 to 0xff), got 0x{:02x}; meta events and "
                    "sysex end running status",
                    in_.peek());
      if (status < 0xF0) {
        read_channel_event(status);
        continue;
      }
      if (status == 0xFF)
        ended = read_meta();
      else if (status == 0xF0 || status == 0xF7)
        in_.take(in_.quantity("the length of a sysex event"), "the bytes of a sysex event");
      else
        in_.fail_at(begin, "status byte 0x{:02x} does not belong into a MIDI file", status);
      status = 0;
    }
    finish_track(first);
  }

  unsigned data_byte(std::string_view what) {
    const unsigned b = in_.byte(what);
    if (b > 0x7F) in_.fail_at(in_.at() - 1, "expected {} (0 to 127), got 0x{:02x}", what, b);
    return b;
  }

  void read_channel_event(unsigned status) {
    const int channel = static_cast<int>(status & 0x0F);
    const unsigned kind = status >> 4;
    const unsigned first = data_byte(kind <= 0x9 ? "a pitch" : "a data byte");
    const unsigned second = kind == 0xC || kind == 0xD ? 0 : data_byte("a second data byte");
    if (kind != 0x8 && kind != 0x9 && kind != 0xC) return;
    ChannelState& state = channels_[channel];
    auto& notes = state.track.notes;
    if (kind == 0xC) {
      state.program = static_cast<int>(first);
    } else if (kind == 0x9 && second > 0) {
      if (notes.empty()) state.track.program = state.program;
      state.open[first].push_back(notes.size());
      notes.push_back({tick_, tick_, static_cast<int>(first), static_cast<int>(second), channel});
    } else if (auto& open = state.open[first]; !open.empty()) {
      notes[open.front()].end = std::max(tick_, notes[open.front()].start + 1);
      open.pop_front();
    }
  }

  // True for the end of the track.
  bool read_meta() {
    const unsigned type = in_.byte("the type of a meta event");
    const std::size_t begin = in_.at();
    const std::uint32_t length = in_.quantity("the length of a meta event");
    const std::size_t payload = in_.at();
    const std::string_view data = in_.take(length, "the bytes of a meta event");
    const auto value = [&](std::size_t i) { return static_cast<unsigned char>(data[i]); };
    const auto need = [&](std::string_view what, std::size_t bytes) {
      if (length != bytes) in_.fail_at(begin, "{} has {} bytes, expected {}", what, length, bytes);
    };
    if (type == 0x2F) {
      need("the end of track", 0);
      return true;
    } else if (type == 0x03) {
      if (chunk_name_.empty()) chunk_name_ = data;
    } else if (type == 0x51) {
      need("a tempo", 3);
      const int64 tempo = value(0) << 16 | value(1) << 8 | value(2);
      if (tempo == 0) in_.fail_at(payload, "a tempo of 0 microseconds a quarter note");
      tempos_[tick_] = {tick_, tempo};
    } else if (type == 0x58) {
      need("a time signature", 4);
      if (value(0) == 0 || value(1) > 6)
        in_.fail_at(payload, "time signature {}/2^{}; expected 1 to 255 over 2^0 to 2^6", value(0),
                    value(1));
      meters_[tick_] = {tick_, value(0), 1 << value(1)};
    } else if (type == 0x59) {
      need("a key signature", 2);
      const int sharps = static_cast<signed char>(value(0));
      if (sharps < -7 || sharps > 7 || value(1) > 1)
        in_.fail_at(payload,
                    "key signature of {} sharps, mode {}; expected -7 to 7 and mode 0 or 1", sharps,
                    value(1));
      keys_[tick_] = {tick_, sharps, value(1) == 1};
    }
    return false;
  }

  void finish_track(bool first) {
    bool any = false;
    for (auto& entry : channels_) {
      ChannelState& state = entry.second;
      if (state.track.notes.empty()) continue;
      any = true;
      for (auto& open : state.open)
        for (std::size_t i : open) {
          Note& n = state.track.notes[i];
          n.end = std::max(tick_, n.start + 1);
        }
      sort_notes(state.track.notes);
      state.track.name = chunk_name_;
      song_.tracks.push_back(std::move(state.track));
    }
    if (first && !any) song_.title = chunk_name_;
  }

  Bytes in_;
  Song song_;
  ChangeMap<TempoChange> tempos_;
  ChangeMap<TimeSignature> meters_;
  ChangeMap<KeySignature> keys_;
  // Of the chunk that is being read:
  std::map<int, ChannelState> channels_;
  std::string chunk_name_;
  int64 tick_ = 0;
};

}  // namespace

Song parse_midi(std::string_view bytes, const std::string& name) {
  return Reader(bytes, name).read();
}

Song read_midi(const std::filesystem::path& path) {
  return parse_midi(read_file(path, kFileLimit), path.string());
}

}  // namespace gradus
