// Voicings: a chord as a bass note and three close upper voices, chosen so that the voices move
// little from chord to chord (the classical rule of the nearest way, Fux 1725).
#pragma once

#include <array>

#include "data/chord.h"

namespace gradus {

inline constexpr int kLowestBass = 36, kHighestBass = 50, kLowestUpper = 52, kHighestUpper = 72;

struct Voicing {
  int bass = 0;                   ///< kLowestBass to kHighestBass
  int other_bass = 0;             ///< the fifth (or the root, where the bass is the fifth)
  std::array<int, 3> upper = {};  ///< ascending, kLowestUpper to kHighestUpper
  bool operator==(const Voicing&) const = default;
};

/// Remembers the last voicing and finds the nearest one for the next chord.
class VoiceLeader {
 public:
  /// The voicing of a chord that is not N. The upper voices stay at or below `ceiling` (a melody
  /// note, say) where that costs little movement.
  Voicing next(const Chord& chord, int ceiling = kHighestUpper);

 private:
  Voicing last_{43, 43, {57, 60, 64}};
};

}  // namespace gradus
