#include "train/threshold.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tensor/parallel.h"
#include "train/note_matches.h"

namespace gradus {

namespace {

constexpr double kLowest = 0.01, kHighest = 0.95;
constexpr int kThresholds = 48;
constexpr double kMostRatio = 2;

/// How many times too many or too few onsets, as a logarithm; 0 within the bounds.
double ratio_excess(const OnsetScore& s) {
  if (s.target == 0) return 0;
  if (s.predicted == 0) return std::numeric_limits<double>::infinity();
  const double ratio = static_cast<double>(s.predicted) / static_cast<double>(s.target);
  return std::max(std::abs(std::log(ratio)) - std::log(kMostRatio), 0.0);
}

}  // namespace

std::vector<PieceWindow> spread_windows(const std::vector<PieceWindow>& windows, int64 count) {
  check<ConfigError>(count >= 1, "at least one window must be left, got {}", count);
  const auto all = static_cast<int64>(windows.size());
  if (all <= count) return windows;
  std::vector<PieceWindow> some;
  for (int64 i = 0; i < count; ++i)
    some.push_back(windows[static_cast<std::size_t>((2 * i + 1) * all / (2 * count))]);
  return some;
}

std::vector<double> thresholds() {
  std::vector<double> all;
  for (int i = 0; i < kThresholds; ++i)
    all.push_back(kLowest * std::pow(kHighest / kLowest, i / (kThresholds - 1.0)));
  return all;
}

ThresholdChoice best_of(std::span<const double> thresholds, std::span<const OnsetScore> scores) {
  check_shape(!scores.empty() && thresholds.size() == scores.size(),
              "{} thresholds need as many scores, got {}", thresholds.size(), scores.size());
  std::size_t best = 0;
  for (std::size_t i = 1; i < scores.size(); ++i) {
    const double excess = ratio_excess(scores[i]), least = ratio_excess(scores[best]);
    if (excess < least || (excess == least && scores[i].f1() > scores[best].f1())) best = i;
  }
  return {thresholds[best], scores[best]};
}

ThresholdChoice choose_threshold(const Harmonizer& harmonizer, const std::vector<Piece>& pieces,
                                 std::span<const PieceWindow> windows, const Decoding& decoding) {
  check<ConfigError>(!windows.empty(), "a threshold needs validation windows, got none");
  const std::vector<double> tried = thresholds();
  std::vector<OnsetScore> scores(tried.size());
  const auto batch = static_cast<std::size_t>(harmonizer.experiment().train.batch);
  for (std::size_t begin = 0; begin < windows.size(); begin += batch) {
    const auto part = windows.subspan(begin, std::min(batch, windows.size() - begin));
    const std::vector<HarmonyProbabilities> p = harmonizer.probabilities(pieces, part);
    std::vector<std::vector<Note>> targets;
    for (const PieceWindow& w : part)
      targets.push_back(
          roll_notes(make_roll(pieces[w.piece].accompaniment.to_vector(), w.begin, w.length)));
    parallel_for(0, static_cast<int64>(tried.size()), 1, [&](int64 b, int64 e) {
      Decoding d = decoding;
      for (auto k = static_cast<std::size_t>(b); k < static_cast<std::size_t>(e); ++k) {
        d.threshold = tried[k];
        for (std::size_t i = 0; i < part.size(); ++i) {
          const Piece& piece = pieces[part[i].piece];
          scores[k] +=
              match_notes(decode(p[i], d, bar_grid(piece)), targets[i], piece.steps_per_quarter)
                  .onsets;
        }
      }
    });
  }
  return best_of(tried, scores);
}

}  // namespace gradus
