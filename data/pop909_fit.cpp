#include "data/pop909_fit.h"

#include <algorithm>
#include <cstdlib>

namespace gradus {

namespace {

constexpr int64 kMostShift = 16 * 4 * kPopTicks, kNear = 2;

// How many pairs of a melody label and an onset of its pitch lie each number of ticks apart; entry
// kMostShift + kNear is no distance.
std::vector<int64> distances(const PopSong& song) {
  constexpr int64 kMost = kMostShift + kNear;
  std::array<std::vector<int64>, kPitches> onsets;
  for (const Note& n : song.tracks[0]) onsets[static_cast<std::size_t>(n.pitch)].push_back(n.start);
  std::vector<int64> pairs(2 * kMost + 1);
  int64 tick = song.start;
  for (const PopMelodyNote& m : song.labels.melody) {
    if (m.pitch > 0)
      for (int64 onset : onsets[static_cast<std::size_t>(m.pitch)])
        if (std::abs(onset - tick) <= kMost)
          ++pairs[static_cast<std::size_t>(onset - tick + kMost)];
    tick += m.sixteenths * (kPopTicks / 4);
  }
  return pairs;
}

}  // namespace

PopFit melody_fit(const PopSong& song) {
  const std::vector<int64> pairs = distances(song);
  const auto notes = std::count_if(song.labels.melody.begin(), song.labels.melody.end(),
                                   [](const PopMelodyNote& m) { return m.pitch > 0; });
  PopFit fit{0, 0, song.position};
  if (notes == 0) return fit;
  int64 best_weight = -1;
  // From 0 outwards: of equal shifts the smallest wins.
  for (int64 i = 0; i <= 2 * kMostShift; ++i) {
    const int64 shift = i % 2 ? -(i + 1) / 2 : i / 2;
    int64 met = 0, weight = 0;
    for (int64 d = -kNear; d <= kNear; ++d) {
      const int64 n = pairs[static_cast<std::size_t>(shift + d + kMostShift + kNear)];
      met += n;
      weight += n * (kNear + 1 - std::abs(d));  // an exact meeting counts most
    }
    const double share = std::min(1.0, static_cast<double>(met) / static_cast<double>(notes));
    if (shift == 0) fit.share = share;
    if (weight > best_weight) {
      best_weight = weight;
      fit.best_share = share;
      fit.best_position = song.position + shift;
    }
  }
  return fit;
}

}  // namespace gradus
