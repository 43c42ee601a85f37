#include "train/note_matches.h"

#include <algorithm>
#include <span>
#include <tuple>

#include "tensor/error.h"

namespace gradus {

namespace {

constexpr int64 kSixteenths = 4;

/// The sixteenth that is nearest to a step, as to_steps rounds.
int64 nearest_sixteenth(int64 step, int64 steps_per_quarter) {
  const int64 a = 2 * kSixteenths * step + steps_per_quarter, b = 2 * steps_per_quarter;
  return a / b - (a % b < 0);
}

struct GridNote {
  int64 sixteenth = 0;
  int pitch = 0;
  int64 start = 0, end = 0;
  auto key() const { return std::tie(sixteenth, pitch, end, start); }
  bool same_onset(const GridNote& o) const { return sixteenth == o.sixteenth && pitch == o.pitch; }
};

/// Sorted by onset, those of one onset by their end.
std::vector<GridNote> grid_notes(const std::vector<Note>& notes, int steps_per_quarter) {
  std::vector<GridNote> result;
  result.reserve(notes.size());
  for (const Note& n : notes)
    result.push_back({nearest_sixteenth(n.start, steps_per_quarter), n.pitch, n.start, n.end});
  std::sort(result.begin(), result.end(),
            [](const GridNote& a, const GridNote& b) { return a.key() < b.key(); });
  return result;
}

using NoteSpan = std::span<const GridNote>;

/// How many pairs can be made of notes of one onset whose ends are near enough. Each true note
/// allows an interval of ends; a predicted end takes the one that closes first of those still free,
/// which is best when the ends come in order.
int64 end_matches(NoteSpan predicted, NoteSpan target, int64 steps_per_quarter) {
  // In twentieths of a step both tolerances are whole numbers.
  struct Ends {
    int64 first, last;
    bool free;
  };
  std::vector<Ends> allowed;
  for (const GridNote& n : target) {
    const int64 tolerance = std::max(5 * steps_per_quarter, 4 * (n.end - n.start));
    allowed.push_back({20 * n.end - tolerance, 20 * n.end + tolerance, true});
  }
  int64 pairs = 0;
  for (const GridNote& n : predicted) {
    Ends* best = nullptr;
    for (Ends& a : allowed)
      if (a.free && a.first <= 20 * n.end && 20 * n.end <= a.last && (!best || a.last < best->last))
        best = &a;
    if (!best) continue;
    best->free = false;
    ++pairs;
  }
  return pairs;
}

}  // namespace

NoteMatches& NoteMatches::operator+=(const NoteMatches& o) {
  onsets += o.onsets;
  notes += o.notes;
  return *this;
}

NoteMatches match_notes(const std::vector<Note>& predicted, const std::vector<Note>& target,
                        int steps_per_quarter) {
  check<ConfigError>(steps_per_quarter >= 1, "steps per quarter must be positive, got {}",
                     steps_per_quarter);
  const std::vector<GridNote> p = grid_notes(predicted, steps_per_quarter);
  const std::vector<GridNote> t = grid_notes(target, steps_per_quarter);
  const auto group_end = [](const std::vector<GridNote>& notes, std::size_t begin) {
    std::size_t end = begin;
    while (end < notes.size() && notes[end].same_onset(notes[begin])) ++end;
    return end;
  };
  NoteMatches m;
  m.onsets.predicted = m.notes.predicted = static_cast<int64>(p.size());
  m.onsets.target = m.notes.target = static_cast<int64>(t.size());
  std::size_t i = 0, j = 0;
  while (i < p.size() && j < t.size()) {
    if (!p[i].same_onset(t[j])) {
      p[i].key() < t[j].key() ? ++i : ++j;
      continue;
    }
    const std::size_t i_end = group_end(p, i), j_end = group_end(t, j);
    m.onsets.hits += static_cast<int64>(std::min(i_end - i, j_end - j));
    m.notes.hits += end_matches(NoteSpan(p).subspan(i, i_end - i),
                                NoteSpan(t).subspan(j, j_end - j), steps_per_quarter);
    i = i_end;
    j = j_end;
  }
  return m;
}

}  // namespace gradus
