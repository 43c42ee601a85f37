#include "data/harmony_past.h"

#include <algorithm>

namespace gradus {

namespace {

struct Lag {
  const char* name;
  int64 (*steps)(int steps_per_quarter, int steps_per_bar);
};
constexpr Lag kLags[] = {
    {"past", [](int, int) -> int64 { return 1; }},
    {"past-quarter", [](int quarter, int) -> int64 { return quarter; }},
    {"past-half", [](int, int bar) -> int64 { return std::max(bar / 2, 1); }},
    {"past-bar", [](int, int bar) -> int64 { return bar; }},
};

/// A number in -12 .. 12 that is not 0.
int wrong_by(Rng& rng) {
  const auto n = static_cast<int>(integer_number(rng, 24));
  return n < 12 ? n - 12 : n - 11;
}

}  // namespace

int64 past_width(const HarmonyFormat& f) {
  return (f.onsets ? 2 : 1) * (f.target_high - f.target_low);
}

bool is_past(std::string_view input) {
  return std::any_of(std::begin(kLags), std::end(kLags),
                     [&](const Lag& l) { return l.name == input; });
}

std::vector<PastColumns> past_columns(const HarmonyFormat& f, int steps_per_bar) {
  std::vector<PastColumns> columns;
  for (const Lag& l : kLags)
    if (f.reads(l.name))
      columns.push_back({f.first_column(l.name), l.steps(f.steps_per_quarter, steps_per_bar)});
  return columns;
}

void write_past(const Piece& piece, const PieceWindow& w, const HarmonyFormat& f, PastNoise noise,
                float* input) {
  const std::vector<PastColumns> columns = past_columns(f, piece.steps_per_bar);
  if (columns.empty()) return;
  const int64 features = f.features();
  const int range = f.target_high - f.target_low;
  const auto write = [&](const Note& n, int pitch) {
    if (pitch < f.target_low || pitch >= f.target_high) return;
    const int64 end = std::min(n.end, w.begin + w.length);
    for (int64 t = std::max(n.start, w.begin); t < end; ++t)
      for (const PastColumns& c : columns) {
        const int64 row = t - w.begin + c.lag;
        if (row >= w.length) continue;
        float* first = input + row * features + c.first + (pitch - f.target_low);
        if (f.onsets && t == n.start) *first = 1;
        first[f.onsets ? range : 0] = 1;
      }
  };
  for (const Note& n : piece.accompaniment) {
    if (n.end <= w.begin || n.start >= w.begin + w.length) continue;
    const int pitch = n.pitch + w.semitones;
    if (noise.share <= 0) {
      write(n, pitch);
      continue;
    }
    // Each note takes its draws, so that one decision does not move the next.
    const double left_out = uniform_number(noise.rng), wrong = uniform_number(noise.rng);
    const int by = wrong_by(noise.rng);
    if (left_out >= noise.share) write(n, pitch);
    if (wrong < noise.share) write(n, pitch + by);
  }
}

}  // namespace gradus
