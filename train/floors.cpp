#include "train/floors.h"

#include <algorithm>
#include <array>
#include <string>

#include "data/arranger.h"
#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace {

constexpr int kTicks = 16;  // a quarter of the papers' grid, on which the gap is one tick
constexpr int kLowestTone = 60, kVelocity = 64;
constexpr std::size_t kTones = 4;

void check_known(const KnownMusic& known) {
  check<ConfigError>(
      known.steps >= 0 && known.steps_per_quarter >= 1 && known.quarters_per_bar >= 1,
      "a floor plays in a window of 0 or more steps, 1 or more a quarter and 1 or "
      "more quarters a bar, got {}, {} and {}",
      known.steps, known.steps_per_quarter, known.quarters_per_bar);
}

/// The last quarter may be cut short by the window's end.
int64 quarters(const KnownMusic& known) {
  return (known.steps + known.steps_per_quarter - 1) / known.steps_per_quarter;
}

void strike(std::vector<Note>& ticks, int64 quarter, unsigned pitch_class_bits) {
  const int64 begin = quarter * kTicks;
  for (int p = kLowestTone; p < kLowestTone + 12; ++p)
    if (pitch_class_bits >> (p % 12) & 1)
      ticks.push_back({begin, begin + kTicks - 1, p, kVelocity, 0});
}

std::vector<Note> in_window(const std::vector<Note>& ticks, const KnownMusic& known) {
  std::vector<Note> notes = to_steps(ticks, kTicks, known.steps_per_quarter);
  for (Note& n : notes) n.end = std::min(n.end, known.steps);
  return notes;
}

}  // namespace

std::vector<Note> play_silent(const KnownMusic& known) {
  check_known(known);
  return {};
}

std::vector<Note> play_all_twelve(const KnownMusic& known) {
  check_known(known);
  std::vector<Note> ticks;
  for (int64 q = 0; q < quarters(known); ++q) strike(ticks, q, 0xfff);
  return in_window(ticks, known);
}

std::vector<Note> play_heard_lately(const KnownMusic& known, int bars) {
  check_known(known);
  check<ConfigError>(bars >= 1, "heard-lately listens to one bar at least, got {}", bars);
  const int64 quarter = known.steps_per_quarter;
  std::vector<Note> ticks;
  for (int64 q = 0; q < quarters(known); ++q) {
    const int64 end = (q + 1) * quarter, begin = end - bars * known.quarters_per_bar * quarter;
    std::array<int64, 12> heard = {};
    for (const Note& n : known.heard) {
      check<ConfigError>(n.pitch >= 0, "a note has pitch 0 or higher, got {}", n.pitch);
      heard[static_cast<std::size_t>(n.pitch % 12)] +=
          std::max<int64>(std::min(n.end, end) - std::max(n.start, begin), 0);
    }
    unsigned bits = 0;
    for (std::size_t i = 0; i < kTones; ++i) {
      const auto most = std::max_element(heard.begin(), heard.end());  // the first of equals
      if (*most == 0) break;
      bits |= 1u << (most - heard.begin());
      *most = 0;
    }
    strike(ticks, q, bits);
  }
  return in_window(ticks, known);
}

std::vector<Note> play_block_chords(const KnownMusic& known) {
  check_known(known);
  check_shape(static_cast<int64>(known.chords.size()) == known.steps,
              "block-chords needs a chord for each of the {} steps, got {}", known.steps,
              known.chords.size());
  return in_window(block_chords(known.chords, known.steps_per_quarter, kTicks, known.tones), known);
}

std::span<const Floor> floors() {
  static constexpr Floor kFloors[] = {
      {"silent", "nothing", play_silent},
      {"all-twelve", "every pitch class once a quarter", play_all_twelve},
      {"heard-lately",
       "once a quarter the four pitch classes of melody and bridge heard most in the last two bars",
       [](const KnownMusic& known) { return play_heard_lately(known); }},
      {"block-chords", "the known chord once a quarter", play_block_chords},
  };
  return kFloors;
}

const Floor& find_floor(std::string_view name) {
  std::vector<std::string> names;
  for (const Floor& f : floors()) {
    if (f.name == name) return f;
    names.emplace_back(f.name);
  }
  fail<ConfigError>("unknown floor '{}'; known: {}{}", name, join(names),
                    did_you_mean(name, names));
}

}  // namespace gradus
