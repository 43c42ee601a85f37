#include "train/harmony_metrics.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tensor/matmul.h"

namespace gradus {

namespace {

constexpr int64 kSixteenths = 4, kEighthsOfQuarter = 8;

void check_steps_per_quarter(int64 steps) {
  check<ConfigError>(steps == kSixteenths || (steps > 0 && steps % kEighthsOfQuarter == 0),
                     "harmony metrics know grids of 4 steps per quarter, or of a multiple of 8, "
                     "got {}",
                     steps);
}

void check_cells(const Tensor& cells, int lowest) {
  check_shape(cells.defined() && cells.rank() == 2, "a roll is [steps, pitches], got {}",
              cells.defined() ? text(cells.shape()) : "no tensor");
  check_dtype(cells.dtype() == DType::u8, "a roll is u8, got {}", name(cells.dtype()));
  check<ConfigError>(lowest >= 0, "a roll begins with pitch 0 or higher, got {}", lowest);
}

void check_roll(const Roll& roll) {
  check_cells(roll.onset, roll.lowest);
  check_cells(roll.sustain, roll.lowest);
  check_shape(roll.onset.shape() == roll.sustain.shape(),
              "onsets are {}, sustain {}: a roll has both in one shape", roll.onset.shape(),
              roll.sustain.shape());
}

/// Checks a window and returns its steps.
int64 window_steps(const Roll& predicted, const Roll& target, const HarmonyGrid& grid) {
  check_steps_per_quarter(grid.steps_per_quarter);
  check_roll(predicted);
  check_roll(target);
  const int64 steps = target.onset.size(0);
  check_shape(predicted.onset.size(0) == steps, "the prediction has {} steps, the target {}",
              predicted.onset.size(0), steps);
  check_shape(steps >= 1, "a window to be judged has one step at least, got {}",
              text(target.onset.shape()));
  return steps;
}

int64 divide_up(int64 a, int64 b) { return (a + b - 1) / b; }

/// u8 0 or 1: sustain, and onsets beside it.
Tensor sounding(const Roll& roll) {
  const Tensor onset = contiguous(roll.onset), sustain = contiguous(roll.sustain);
  const auto on = onset.values<std::uint8_t>(), held = sustain.values<std::uint8_t>();
  Tensor cells = Tensor::empty(onset.shape(), DType::u8);
  auto* out = cells.writable<std::uint8_t>();
  for (std::size_t i = 0; i < on.size(); ++i) out[i] = on[i] || held[i];
  return cells;
}

/// How many cells of all pitches are not 0 in each stretch of so many steps.
std::vector<int64> counts(const Tensor& cells, int64 steps_per_count) {
  const Tensor c = contiguous(cells);
  const auto* cell = c.data<std::uint8_t>();
  const int64 steps = c.size(0), pitches = c.size(1);
  std::vector<int64> n(static_cast<std::size_t>(divide_up(steps, steps_per_count)), 0);
  for (int64 t = 0; t < steps; ++t) {
    int64 sum = 0;
    for (int64 p = 0; p < pitches; ++p) sum += cell[t * pitches + p] != 0;
    n[static_cast<std::size_t>(t / steps_per_count)] += sum;
  }
  return n;
}

/// Each row divided by its length; rows of zeros stay.
Tensor unit_rows(const Tensor& rows) {
  const Tensor r = contiguous(rows);
  const auto* in = r.data<double>();
  const int64 n = r.size(0), d = r.size(1);
  Tensor unit = Tensor::empty({n, d}, DType::f64);
  auto* out = unit.writable<double>();
  for (int64 i = 0; i < n; ++i) {
    double squares = 0;
    for (int64 j = 0; j < d; ++j) squares += in[i * d + j] * in[i * d + j];
    const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
    for (int64 j = 0; j < d; ++j) out[i * d + j] = in[i * d + j] * scale;
  }
  return unit;
}

/// What SSMD compares, one unit vector a row.
Tensor similarity_rows(const Roll& roll, const HarmonyGrid& grid) {
  const int64 quarter = grid.steps_per_quarter;
  if (grid.ssmd == Ssmd::text)
    return unit_rows(chroma_counts(roll.onset, roll.lowest, 2 * quarter));
  // A sixteenth is two eighths of a quarter, which would give each row and column twice.
  const int64 frame = std::max<int64>(quarter / kEighthsOfQuarter, 1);
  return unit_rows(chroma_counts(sounding(roll), roll.lowest, frame));
}

}  // namespace

Roll plain_roll(const Tensor& sounding, int lowest) {
  check_cells(sounding, lowest);
  const Tensor s = contiguous(sounding);
  const auto* cell = s.data<std::uint8_t>();
  const int64 pitches = s.size(1), cells = s.numel();
  Roll roll{Tensor::empty(s.shape(), DType::u8), Tensor::empty(s.shape(), DType::u8), lowest};
  auto* onset = roll.onset.writable<std::uint8_t>();
  auto* sustain = roll.sustain.writable<std::uint8_t>();
  for (int64 i = 0; i < cells; ++i) {
    sustain[i] = cell[i] != 0;
    onset[i] = cell[i] && (i < pitches || !cell[i - pitches]);
  }
  return roll;
}

Roll finer(const Roll& roll, int64 factor) {
  check_roll(roll);
  check<ConfigError>(factor >= 1, "a grid is made finer by a factor of 1 or more, got {}", factor);
  const Tensor on = contiguous(roll.onset), held = sounding(roll);
  const int64 steps = on.size(0), pitches = on.size(1);
  const auto* on_in = on.data<std::uint8_t>();
  const auto* held_in = held.data<std::uint8_t>();
  Roll result{zeros({steps * factor, pitches}, DType::u8),
              Tensor::empty({steps * factor, pitches}, DType::u8), roll.lowest};
  auto* onset = result.onset.writable<std::uint8_t>();
  auto* sustain = result.sustain.writable<std::uint8_t>();
  for (int64 t = 0; t < steps; ++t) {
    std::copy_n(on_in + t * pitches, pitches, onset + t * factor * pitches);
    for (int64 k = 0; k < factor; ++k)
      std::copy_n(held_in + t * pitches, pitches, sustain + (t * factor + k) * pitches);
  }
  return result;
}

Roll without_padding(const Roll& roll, const Tensor& mask) {
  check_roll(roll);
  check_shape(mask.rank() == 1 && mask.size(0) == roll.onset.size(0),
              "a roll of {} steps needs a mask of as many, got {}", roll.onset.size(0),
              mask.shape());
  const Tensor m = contiguous(mask);
  const auto mv = m.values<std::uint8_t>();
  const auto end = std::find(mv.begin(), mv.end(), std::uint8_t{0});
  const auto hole = std::find_if(end, mv.end(), [](std::uint8_t v) { return v != 0; });
  check_shape(hole == mv.end(), "step {} is padding, step {} is not: padding stands at the end",
              end - mv.begin(), hole - mv.begin());
  const int64 steps = end - mv.begin();
  return {slice(roll.onset, 0, 0, steps), slice(roll.sustain, 0, 0, steps), roll.lowest};
}

Tensor chroma_counts(const Tensor& cells, int lowest, int64 steps_per_row) {
  check_cells(cells, lowest);
  check<ConfigError>(steps_per_row >= 1, "chroma is counted over one step or more, got {}",
                     steps_per_row);
  const Tensor c = contiguous(cells);
  const auto* cell = c.data<std::uint8_t>();
  const int64 steps = c.size(0), pitches = c.size(1);
  Tensor chroma = zeros({divide_up(steps, steps_per_row), 12}, DType::f64);
  auto* out = chroma.writable<double>();
  for (int64 t = 0; t < steps; ++t)
    for (int64 p = 0; p < pitches; ++p)
      if (cell[t * pitches + p]) out[t / steps_per_row * 12 + (lowest + p) % 12] += 1;
  return chroma;
}

Tensor self_similarity(const Tensor& rows) {
  check_shape(rows.rank() == 2, "self-similarity takes rows [N, D], got {}", rows.shape());
  const Tensor unit = unit_rows(cast(rows, DType::f64));
  return matmul(unit, transpose(unit));
}

double chroma_similarity(const Roll& predicted, const Roll& target, const HarmonyGrid& grid) {
  window_steps(predicted, target, grid);
  const int64 half = 2 * grid.steps_per_quarter;
  const Tensor p = unit_rows(chroma_counts(predicted.onset, predicted.lowest, half));
  const Tensor t = unit_rows(chroma_counts(target.onset, target.lowest, half));
  const auto pv = p.values<double>(), tv = t.values<double>();
  double sum = 0;
  for (std::size_t i = 0; i < pv.size(); ++i) sum += pv[i] * tv[i];
  return 100 * sum / static_cast<double>(t.size(0));
}

double ssm_distance(const Roll& predicted, const Roll& target, const HarmonyGrid& grid) {
  constexpr int64 kBlock = 64;  // rows of both matrices that stay in the cache
  window_steps(predicted, target, grid);
  const Tensor p = similarity_rows(predicted, grid), t = similarity_rows(target, grid);
  const int64 n = t.size(0);
  double sum = 0;
  for (int64 begin = 0; begin < n; begin += kBlock) {
    const int64 end = std::min(begin + kBlock, n);
    const Tensor pb = matmul(slice(p, 0, begin, end), transpose(p));
    const Tensor tb = matmul(slice(t, 0, begin, end), transpose(t));
    const auto pv = pb.values<double>(), tv = tb.values<double>();
    for (std::size_t i = 0; i < pv.size(); ++i) sum += std::abs(tv[i] - pv[i]);
  }
  return grid.ssmd_scale * sum / (static_cast<double>(n) * static_cast<double>(n));
}

double grooving_similarity(const Roll& predicted, const Roll& target, const HarmonyGrid& grid) {
  window_steps(predicted, target, grid);
  const std::vector<int64> p = counts(predicted.onset, grid.steps_per_quarter);
  const std::vector<int64> t = counts(target.onset, grid.steps_per_quarter);
  int64 equal = 0;
  for (std::size_t i = 0; i < t.size(); ++i) equal += (p[i] > 0) == (t[i] > 0);
  return 100 * static_cast<double>(equal) / static_cast<double>(t.size());
}

NoteDensityDistance note_density_distance(const Roll& predicted, const Roll& target,
                                          const HarmonyGrid& grid) {
  window_steps(predicted, target, grid);
  const int64 sixteenth = grid.steps_per_quarter / kSixteenths;
  const std::vector<int64> p = counts(sounding(predicted), sixteenth);
  const std::vector<int64> t = counts(sounding(target), sixteenth);
  NoteDensityDistance ndd;
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (t[i] == 0) continue;
    const auto missing = static_cast<double>(t[i] - p[i]), there = static_cast<double>(t[i]);
    ndd.missing += std::max(missing, 0.0) / there;
    ndd.two_sided += std::abs(missing) / there;
  }
  const double scale = 100 / static_cast<double>(t.size());
  return {scale * ndd.missing, scale * ndd.two_sided};
}

std::string to_string(const NoteDensityDistance& ndd) {
  return fmt::format("{:.1f} / {:.1f}", ndd.missing, ndd.two_sided);
}

NoteMatches match_notes(const Roll& predicted, const Roll& target, const HarmonyGrid& grid) {
  window_steps(predicted, target, grid);
  return match_notes(roll_notes(predicted), roll_notes(target), grid.steps_per_quarter);
}

double HarmonyScore::onset_ratio() const {
  return static_cast<double>(matches.onsets.predicted) /
         static_cast<double>(std::max<int64>(matches.onsets.target, 1));
}

HarmonyScore harmony_score(const Roll& predicted, const Roll& target, const HarmonyGrid& grid) {
  return {chroma_similarity(predicted, target, grid), ssm_distance(predicted, target, grid),
          grooving_similarity(predicted, target, grid),
          note_density_distance(predicted, target, grid), match_notes(predicted, target, grid)};
}

namespace {
void add_to(HarmonyScore& sum, const HarmonyScore& s) {
  sum.cs += s.cs;
  sum.ssmd += s.ssmd;
  sum.gs += s.gs;
  sum.ndd.missing += s.ndd.missing;
  sum.ndd.two_sided += s.ndd.two_sided;
  sum.matches += s.matches;
}
}  // namespace

void HarmonyMean::add(const HarmonyScore& window) {
  add_to(sum_, window);
  ++windows_;
}

void HarmonyMean::add(const HarmonyMean& other) {
  add_to(sum_, other.sum_);
  windows_ += other.windows_;
}

HarmonyScore HarmonyMean::mean() const {
  HarmonyScore mean = sum_;
  const auto n = static_cast<double>(std::max<int64>(windows_, 1));
  for (double* v : {&mean.cs, &mean.ssmd, &mean.gs, &mean.ndd.missing, &mean.ndd.two_sided})
    *v /= n;
  return mean;
}

}  // namespace gradus
