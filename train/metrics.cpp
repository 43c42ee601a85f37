#include "train/metrics.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "data/arranger.h"

namespace gradus {

OnsetScore& OnsetScore::operator+=(const OnsetScore& o) {
  predicted += o.predicted;
  target += o.target;
  hits += o.hits;
  return *this;
}

OnsetScore onset_score(std::span<const Note> predicted, std::span<const Note> target) {
  const auto onsets = [](std::span<const Note> notes) {
    std::set<std::pair<int64, int>> set;
    for (const Note& n : notes) set.emplace(n.start, n.pitch);
    return set;
  };
  const auto p = onsets(predicted), t = onsets(target);
  OnsetScore s{static_cast<int64>(p.size()), static_cast<int64>(t.size()), 0};
  for (const auto& onset : p) s.hits += static_cast<int64>(t.count(onset));
  return s;
}

namespace {

/// Rows of [..., steps, P] with the mask of each row.
struct MaskedRows {
  MaskedRows(const Tensor& values, const Tensor& mask)
      : width(values.size(-1)), count(mask.numel()) {
    Shape steps = values.shape();
    steps.erase(steps.rank() - 1);
    check_shape(steps == mask.shape(), "rolls {} need a mask {}, got {}", values.shape(), steps,
                mask.shape());
  }
  int64 width, count;
};

}  // namespace

std::vector<Note> block_chord_steps(const Piece& piece) {
  constexpr int kTicks = 16;  // a quarter of the papers' grid; fine enough for the gap of one tick
  std::vector<std::uint16_t> tones;
  for (const StepLabels& labels : piece.steps) tones.push_back(labels.tones);
  return to_steps(block_chords(piece.chords(), piece.steps_per_quarter, kTicks, tones), kTicks,
                  piece.steps_per_quarter);
}

void MeanPredictor::learn(const Tensor& target, const Tensor& mask) {
  const MaskedRows rows(target, mask);
  const Tensor t = contiguous(target), m = contiguous(mask);
  const auto tv = t.values<float>();
  const auto mv = m.values<std::uint8_t>();
  check_shape(ones_.empty() || rows.width == static_cast<int64>(ones_.size()),
              "the mean was learned for {} outputs, not {}", ones_.size(), rows.width);
  ones_.resize(static_cast<std::size_t>(rows.width), 0.0);
  for (int64 r = 0; r < rows.count; ++r) {
    if (!mv[static_cast<std::size_t>(r)]) continue;
    ++steps_;
    for (int64 j = 0; j < rows.width; ++j)
      ones_[static_cast<std::size_t>(j)] +=
          static_cast<double>(tv[static_cast<std::size_t>(r * rows.width + j)]);
  }
}

MeanPredictor::Loss MeanPredictor::loss(const Tensor& target, const Tensor& mask) const {
  const MaskedRows rows(target, mask);
  check_shape(rows.width == static_cast<int64>(ones_.size()),
              "the mean was learned for {} outputs, not {}", ones_.size(), rows.width);
  std::vector<double> log_p, log_q;
  for (double n : ones_) {
    // Half a count keeps an output that never sounded in training from an infinite loss.
    const double p = (n + 0.5) / (static_cast<double>(steps_) + 1);
    log_p.push_back(std::log(p));
    log_q.push_back(std::log1p(-p));
  }
  const Tensor t = contiguous(target), m = contiguous(mask);
  const auto tv = t.values<float>();
  const auto mv = m.values<std::uint8_t>();
  Loss sum;
  for (int64 r = 0; r < rows.count; ++r) {
    if (!mv[static_cast<std::size_t>(r)]) continue;
    for (int64 j = 0; j < rows.width; ++j) {
      const auto c = static_cast<std::size_t>(j);
      const double y = static_cast<double>(tv[static_cast<std::size_t>(r * rows.width + j)]);
      sum.total -= y * log_p[c] + (1 - y) * log_q[c];
    }
    sum.count += rows.width;
  }
  return sum;
}

}  // namespace gradus
