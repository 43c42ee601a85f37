#include "data/voicing.h"

#include <algorithm>
#include <cstdlib>

#include "tensor/error.h"

namespace gradus {

namespace {

int interval(int from, int to) { return ((to - from) % 12 + 12) % 12; }

// The pitch of a pitch class in [low, high] that is nearest to `target`; the lower one of two.
int nearest_pitch(int pitch_class, int target, int low, int high) {
  int best = -1;
  for (int p = low; p <= high; ++p)
    if (p % 12 == pitch_class && (best < 0 || std::abs(p - target) < std::abs(best - target)))
      best = p;
  return best;
}

int fifth_of(const Chord& chord) {
  for (int t : chord_tones(chord))
    if (interval(chord.root, t) >= 6 && interval(chord.root, t) <= 8) return t;
  return chord.root;
}

// At most three pitch classes for the upper voices, ascending from the root: what the bass has is
// dropped first, then the fifth, then the root.
std::vector<int> upper_classes(const Chord& chord) {
  std::vector<int> tones = chord_tones(chord);
  for (int dropped : {chord.bass, fifth_of(chord), chord.root})
    if (tones.size() > 3)
      tones.erase(std::remove(tones.begin(), tones.end(), dropped), tones.end());
  std::sort(tones.begin(), tones.end(),
            [&](int a, int b) { return interval(chord.root, a) < interval(chord.root, b); });
  return tones;
}

}  // namespace

Voicing VoiceLeader::next(const Chord& chord, int ceiling) {
  check<ConfigError>(!chord.is_none(), "no chord (N) has no voicing");
  constexpr int kCentre = 61;  // of the upper voices
  const std::vector<int> classes = upper_classes(chord);
  Voicing best;
  int best_cost = -1;
  for (int bottom = kLowestUpper; bottom < kLowestUpper + 12; ++bottom) {
    const auto found = std::find(classes.begin(), classes.end(), bottom % 12);
    if (found == classes.end()) continue;
    // Each voice is the next tone of the chord above the voice below it.
    std::array<int, 3> upper = {bottom, 0, 0};
    auto tone = static_cast<std::size_t>(found - classes.begin());
    for (std::size_t v = 1; v < 3; ++v) {
      tone = (tone + 1) % classes.size();
      const int up = interval(upper[v - 1], classes[tone]);
      upper[v] = upper[v - 1] + (up == 0 ? 12 : up);
    }
    if (upper[2] > kHighestUpper) continue;
    int movement = 0, sum = 0;
    for (std::size_t v = 0; v < 3; ++v) {
      movement += std::abs(upper[v] - last_.upper[v]);
      sum += upper[v];
    }
    const int cost =
        6 * movement + std::abs(sum - 3 * kCentre) + 24 * std::max(0, upper[2] - ceiling);
    if (best_cost < 0 || cost < best_cost) {
      best_cost = cost;
      best.upper = upper;
    }
  }
  best.bass = nearest_pitch(chord.bass, last_.bass, kLowestBass, kHighestBass);
  const int other = chord.bass == fifth_of(chord) ? chord.root : fifth_of(chord);
  best.other_bass = nearest_pitch(other, best.bass, kLowestBass, kHighestBass);
  last_ = best;
  return best;
}

}  // namespace gradus
