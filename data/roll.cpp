#include "data/roll.h"

#include <algorithm>

#include "tensor/error.h"

namespace gradus {

namespace {

constexpr int64 kMostSteps = int64{1} << 20;  // 65536 bars of 4/4: more is a broken file

int64 floor_divide(int64 a, int64 b) { return a / b - (a % b < 0); }

void check_grid(int ticks_per_quarter, int steps_per_quarter) {
  check<ConfigError>(ticks_per_quarter >= 1 && steps_per_quarter >= 1,
                     "ticks and steps per quarter must be positive, got {} and {}",
                     ticks_per_quarter, steps_per_quarter);
}

}  // namespace

std::vector<Note> to_steps(std::vector<Note> notes, int ticks_per_quarter, int steps_per_quarter) {
  check_grid(ticks_per_quarter, steps_per_quarter);
  const int64 ticks = ticks_per_quarter, steps = steps_per_quarter;
  for (Note& n : notes) {
    const int64 last = floor_divide((n.end - 1) * steps, ticks);
    n.start = floor_divide(2 * n.start * steps + ticks, 2 * ticks);
    n.end = std::max(n.start, last) + 1;
  }
  sort_notes(notes);
  return notes;
}

std::vector<Note> to_ticks(std::vector<Note> notes, int ticks_per_quarter, int steps_per_quarter) {
  check_grid(ticks_per_quarter, steps_per_quarter);
  check<ConfigError>(ticks_per_quarter % steps_per_quarter == 0,
                     "{} ticks per quarter cannot hold {} steps per quarter: a step would be no "
                     "whole number of ticks",
                     ticks_per_quarter, steps_per_quarter);
  for (Note& n : notes) {
    n.start *= ticks_per_quarter / steps_per_quarter;
    n.end *= ticks_per_quarter / steps_per_quarter;
  }
  return notes;
}

Roll make_roll(const std::vector<Note>& notes, int64 begin, int64 steps) {
  check<ConfigError>(steps >= 0 && steps <= kMostSteps, "a roll has 0 to {} steps, got {}",
                     kMostSteps, steps);
  Roll roll{zeros({steps, kPitches}, DType::u8), zeros({steps, kPitches}, DType::u8), 0};
  auto* onset = roll.onset.writable<std::uint8_t>();
  auto* sustain = roll.sustain.writable<std::uint8_t>();
  for (const Note& n : notes) {
    check<ConfigError>(n.pitch >= 0 && n.pitch < kPitches, "a roll has pitches 0 to 127, got {}",
                       n.pitch);
    const int64 first = std::max<int64>(n.start - begin, 0);
    const int64 last = std::min(n.end - begin, steps);
    if (n.start >= begin && first < steps) onset[first * kPitches + n.pitch] = 1;
    for (int64 t = first; t < last; ++t) sustain[t * kPitches + n.pitch] = 1;
  }
  return roll;
}

Roll pitch_range(const Roll& roll, int low, int high) {
  const int end = roll.lowest + static_cast<int>(roll.onset.size(1));
  check<ConfigError>(low >= roll.lowest && low <= high && high <= end,
                     "pitches {} to {} are not in a roll of {} to {}", low, high - 1, roll.lowest,
                     end - 1);
  return {slice(roll.onset, 1, low - roll.lowest, high - roll.lowest),
          slice(roll.sustain, 1, low - roll.lowest, high - roll.lowest), low};
}

std::vector<Note> roll_notes(const Roll& roll, int velocity, int channel) {
  check_shape(roll.onset.rank() == 2 && roll.onset.shape() == roll.sustain.shape(),
              "a roll has onsets and sustain [steps, pitches], got {} and {}",
              text(roll.onset.shape()), text(roll.sustain.shape()));
  const Tensor onset = contiguous(roll.onset), sustain = contiguous(roll.sustain);
  const auto on = onset.values<std::uint8_t>(), held = sustain.values<std::uint8_t>();
  const int64 steps = onset.size(0), pitches = onset.size(1);
  std::vector<Note> notes;
  for (int64 p = 0; p < pitches; ++p) {
    bool open = false;
    for (int64 t = 0; t < steps; ++t) {
      const auto i = static_cast<std::size_t>(t * pitches + p);
      if (on[i]) {
        notes.push_back({t, t + 1, roll.lowest + static_cast<int>(p), velocity, channel});
        open = true;
      } else if (open && held[i]) {
        notes.back().end = t + 1;
      } else {
        open = false;
      }
    }
  }
  sort_notes(notes);
  return notes;
}

std::vector<Note> monophonic(std::vector<Note> notes) {
  sort_notes(notes);
  std::vector<Note> voice;
  for (const Note& n : notes) {
    // Sorted by pitch within a start: the last one is the highest.
    if (!voice.empty() && voice.back().start == n.start) voice.pop_back();
    if (!voice.empty()) voice.back().end = std::min(voice.back().end, n.start);
    voice.push_back(n);
  }
  return voice;
}

}  // namespace gradus
