#include "data/midi.h"

#include <algorithm>
#include <tuple>

#include "tensor/error.h"

namespace gradus {

int64 Song::end() const {
  int64 last = 0;
  for (const SongTrack& t : tracks)
    for (const Note& n : t.notes) last = std::max(last, n.end);
  return last;
}

void sort_notes(std::vector<Note>& notes) {
  std::stable_sort(notes.begin(), notes.end(), [](const Note& a, const Note& b) {
    return std::tie(a.start, a.pitch, a.end, a.velocity) <
           std::tie(b.start, b.pitch, b.end, b.velocity);
  });
}

std::vector<Note> transposed(std::vector<Note> notes, int semitones) {
  for (Note& n : notes) {
    const int pitch = n.pitch + semitones;
    check<ConfigError>(pitch >= 0 && pitch <= 127,
                       "pitch {} moved by {} semitones is {}; MIDI has 0 to 127", n.pitch,
                       semitones, pitch);
    n.pitch = pitch;
  }
  return notes;
}

namespace {

// Of several changes at one tick the last one holds.
template <class Change, class F>
void move_changes(std::vector<Change>& changes, F&& scaled) {
  std::vector<Change> moved;
  for (Change c : changes) {
    c.tick = scaled(c.tick);
    if (!moved.empty() && moved.back().tick == c.tick) moved.pop_back();
    moved.push_back(c);
  }
  changes = std::move(moved);
}

}  // namespace

Song with_ticks(const Song& song, int ticks_per_quarter) {
  check<ConfigError>(ticks_per_quarter >= 1, "ticks per quarter must be positive, got {}",
                     ticks_per_quarter);
  const int64 from = song.ticks_per_quarter, to = ticks_per_quarter;
  const auto scaled = [&](int64 tick) { return (2 * tick * to + from) / (2 * from); };
  Song out = song;
  out.ticks_per_quarter = ticks_per_quarter;
  for (SongTrack& t : out.tracks) {
    for (Note& n : t.notes) {
      n.start = scaled(n.start);
      n.end = std::max(n.start + 1, scaled(n.end));
    }
    sort_notes(t.notes);
  }
  move_changes(out.tempos, scaled);
  move_changes(out.time_signatures, scaled);
  move_changes(out.key_signatures, scaled);
  return out;
}

}  // namespace gradus
