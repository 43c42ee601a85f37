// Notes against notes: the nearest sixteenth, ends near enough, one partner for each note.
#include "train/note_matches.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tensor/error.h"
#include "tensor/random.h"
#include "train/harmony_metrics.h"

using namespace gradus;

namespace {

Note note(int64 start, int64 end, int pitch = 60) { return {start, end, pitch, 64, 0}; }
using Notes = std::vector<Note>;

bool ends_agree(const Note& p, const Note& t, int64 quarter) {
  const auto apart = static_cast<double>(std::abs(p.end - t.end));
  return apart <= static_cast<double>(quarter) / 4 + 1e-9 ||
         apart <= 0.2 * static_cast<double>(t.end - t.start) + 1e-9;
}

/// The largest number of pairs, by trying all: predicted note i takes each free partner, or none.
int64 most_pairs(const Notes& p, const Notes& t, int64 quarter, bool ends, std::size_t i,
                 std::vector<bool>& taken) {
  if (i == p.size()) return 0;
  int64 best = most_pairs(p, t, quarter, ends, i + 1, taken);
  const Note a = to_steps({p[i]}, static_cast<int>(quarter)).front();
  for (std::size_t j = 0; j < t.size(); ++j) {
    const Note b = to_steps({t[j]}, static_cast<int>(quarter)).front();
    if (taken[j] || a.start != b.start || a.pitch != b.pitch) continue;
    if (ends && !ends_agree(p[i], t[j], quarter)) continue;
    taken[j] = true;
    best = std::max(best, 1 + most_pairs(p, t, quarter, ends, i + 1, taken));
    taken[j] = false;
  }
  return best;
}

}  // namespace

TEST_CASE("onsets meet in the nearest sixteenth, with the same pitch") {
  const Notes target{note(16, 32)};
  const auto hits = [&](int64 start, int pitch = 60) {
    return match_notes({note(start, 32, pitch)}, target, 16).onsets.hits;
  };
  CHECK(hits(16) == 1);
  CHECK(hits(14) == 1);  // half-way goes up
  CHECK(hits(17) == 1);
  CHECK(hits(13) == 0);
  CHECK(hits(18) == 0);
  CHECK(hits(20) == 0);
  CHECK(hits(16, 72) == 0);
  // Before the first step too.
  CHECK(match_notes({note(-2, 4)}, {note(0, 4)}, 16).onsets.hits == 1);
  CHECK(match_notes({note(-3, 4)}, {note(0, 4)}, 16).onsets.hits == 0);
}

TEST_CASE("ends: a sixteenth apart, or 20 % of the true length") {
  const auto hits = [](int64 predicted_end, int64 target_end, int quarter) {
    const NoteMatches m = match_notes({note(0, predicted_end)}, {note(0, target_end)}, quarter);
    CHECK(m.onsets.hits == 1);
    return m.notes.hits;
  };
  CHECK(hits(8, 8, 16) == 1);
  CHECK(hits(4, 8, 16) == 1);
  CHECK(hits(12, 8, 16) == 1);
  CHECK(hits(13, 8, 16) == 0);
  CHECK(hits(3, 8, 16) == 0);
  CHECK(hits(32, 40, 16) == 1);  // 8 of 40
  CHECK(hits(31, 40, 16) == 0);
  CHECK(hits(40, 32, 16) == 0);  // of the true length: 6.4
  CHECK(hits(1, 2, 4) == 1);
  CHECK(hits(1, 3, 4) == 0);
}

TEST_CASE("each note has one partner: repeats and doubles are too many") {
  // Struck three times within the sixteenth where the target has it once.
  NoteMatches m = match_notes({note(0, 1), note(1, 2), note(0, 16)}, {note(0, 16)}, 16);
  CHECK(m.onsets.predicted == 3);
  CHECK(m.onsets.target == 1);
  CHECK(m.onsets.hits == 1);
  CHECK(m.notes.hits == 1);
  // A greedy choice of the nearest end would lose a pair: 20 may only take 16, 16 takes 12.
  m = match_notes({note(0, 16), note(0, 20)}, {note(0, 12), note(0, 16)}, 16);
  CHECK(m.notes.hits == 2);
  m += m;
  CHECK(m.notes.hits == 4);
  CHECK(m.onsets.predicted == 4);
}

TEST_CASE("nothing against nothing, against something") {
  for (const NoteMatches& m : {match_notes(Notes{}, Notes{}, 16), match_notes({note(0, 4)}, {}, 16),
                               match_notes({}, {note(0, 4)}, 16)}) {
    CHECK(m.onsets.hits == 0);
    CHECK(m.notes.hits == 0);
    CHECK(m.onsets.f1() == 0);
  }
  CHECK_THROWS_AS(match_notes(Notes{}, Notes{}, 0), ConfigError);
}

TEST_CASE("as many pairs as trying all of them finds") {
  const Rng rng(11);
  for (int trial = 0; trial < 200; ++trial) {
    const int quarter = trial % 3 == 0 ? 4 : 16;
    const auto draw = [&](const char* name) {
      Rng stream = rng.stream(name + std::to_string(trial));
      const std::vector<double> u = uniform(stream, {5, 3}, 0, 1, DType::f64).to_vector<double>();
      Notes notes;
      for (std::size_t i = 0; i < u.size(); i += 3) {
        const auto start = static_cast<int64>(u[i] * 8);
        notes.push_back(note(start, start + 1 + static_cast<int64>(u[i + 1] * 30),
                             60 + static_cast<int>(u[i + 2] * 2)));
      }
      return notes;
    };
    const Notes p = draw("p"), t = draw("t");
    const NoteMatches m = match_notes(p, t, quarter);
    std::vector<bool> taken(t.size(), false);
    CHECK(m.onsets.hits == most_pairs(p, t, quarter, false, 0, taken));
    CHECK(m.notes.hits == most_pairs(p, t, quarter, true, 0, taken));
  }
}

TEST_CASE("rolls: what began before the window is no note, what outlasts it ends with it") {
  const Notes notes{note(-4, 4, 60), note(8, 40, 64)};
  const Roll roll = make_roll(notes, 0, 16);
  const NoteMatches m = match_notes(roll, make_roll({note(8, 16, 64)}, 0, 16));
  CHECK(m.onsets.predicted == 1);
  CHECK(m.notes.hits == 1);
}
