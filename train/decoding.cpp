#include "train/decoding.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace {

/// Probabilities [steps, pitches], each checked.
struct Grid {
  explicit Grid(const Tensor& t) : values(contiguous(t)) {
    check_shape(values.rank() == 2, "probabilities are [steps, pitches], got {}", values.shape());
    steps = values.size(0);
    pitches = values.size(1);
    p = values.data<float>();
  }
  double at(int64 t, int64 j) const { return static_cast<double>(p[t * pitches + j]); }
  Tensor values;
  int64 steps = 0, pitches = 0;
  const float* p = nullptr;
};

void check_probabilities(const Grid& g, const char* what, int lowest) {
  for (int64 t = 0; t < g.steps; ++t)
    for (int64 j = 0; j < g.pitches; ++j) {
      const double p = g.at(t, j);
      check<NonFiniteError>(std::isfinite(p),
                            "the probability of {} is {} at step {}, pitch {}: the model's "
                            "parameters or its input are not finite",
                            what, p, t, lowest + j);
      check<ConfigError>(p >= 0 && p <= 1, "the probability of {} is {} at step {}, pitch {}", what,
                         p, t, lowest + j);
    }
}

void check_decoding(const Decoding& d, const BarGrid& grid) {
  check<ConfigError>(d.threshold >= 0 && d.threshold <= 1,
                     "the threshold of decoding is 0 to 1, got {}", d.threshold);
  check<ConfigError>(d.sustain_threshold >= 0 && std::isfinite(d.sustain_threshold),
                     "the sustain threshold of decoding is 0 or more, got {}", d.sustain_threshold);
  check<ConfigError>(d.merge >= 0 && d.min_length >= 1 && d.polyphony >= 0,
                     "decoding closes gaps of 0 or more steps, keeps notes of 1 or more and lets 0 "
                     "(any number) or more sound, got {}, {} and {}",
                     d.merge, d.min_length, d.polyphony);
  check<ConfigError>(grid.steps_per_quarter >= 1 && grid.steps_per_bar >= 1,
                     "a quarter and a bar have 1 or more steps, got {} and {}",
                     grid.steps_per_quarter, grid.steps_per_bar);
}

/// A copy of cells that fit the probabilities, to be added to.
Tensor own_cells(const Tensor& cells, const Grid& g) {
  check_shape(cells.shape() == g.values.shape(),
              "cells {} need probabilities of the same shape, "
              "got {}",
              cells.shape(), g.values.shape());
  return copy(cells);
}

bool same_voice(const ProbableNote& a, const ProbableNote& b) {
  return a.note.pitch == b.note.pitch;
}

}  // namespace

Decoding make_decoding(const Experiment& e, double threshold) {
  const Experiment::Decode& d = e.decode;
  check<ConfigError>(e.data.onsets || !(d.expected_counts || d.expected_chroma || d.fill_quarters),
                     "decode.{} needs a model with onsets, but data.onsets = false",
                     d.expected_counts   ? "expected_counts"
                     : d.expected_chroma ? "expected_chroma"
                                         : "fill_quarters");
  Decoding decoding;
  decoding.threshold = threshold;
  decoding.sustain_threshold = d.sustain_threshold;
  decoding.expected_counts = d.expected_counts;
  decoding.expected_chroma = d.expected_chroma;
  decoding.fill_quarters = d.fill_quarters;
  decoding.merge = d.merge;
  decoding.min_length = d.min_length;
  decoding.polyphony = static_cast<int>(d.polyphony);
  return decoding;
}

std::string to_string(const Decoding& d) {
  std::vector<std::string> words = {
      fmt::format("threshold {:.4g}", d.threshold),
      fmt::format("sustain {:.4g} of the {}", d.sustain_threshold,
                  d.sustain == SustainRule::given_onset ? "onset's probability" : "threshold")};
  if (d.fill_quarters) words.emplace_back("quarters filled");
  if (d.expected_counts) words.emplace_back("expected counts");
  if (d.expected_chroma) words.emplace_back("expected counts of pitch classes");
  if (d.merge > 0) words.push_back(fmt::format("gaps of {} closed", d.merge));
  if (d.min_length > 1) words.push_back(fmt::format("notes of {} steps or more", d.min_length));
  if (d.polyphony > 0) words.push_back(fmt::format("{} notes at once", d.polyphony));
  return join(words);
}

Tensor cells_from(const Tensor& probability, double threshold) {
  const Grid g(probability);
  Tensor cells = Tensor::empty(g.values.shape(), DType::u8);
  auto* out = cells.writable<std::uint8_t>();
  for (int64 i = 0; i < g.steps * g.pitches; ++i) out[i] = static_cast<double>(g.p[i]) >= threshold;
  return cells;
}

Tensor fill_quarters(const Tensor& cells, const Tensor& probability, int steps_per_quarter) {
  const Grid g(probability);
  Tensor filled = own_cells(cells, g);
  auto* out = filled.writable<std::uint8_t>();
  const int64 quarter = steps_per_quarter * g.pitches;
  for (int64 begin = 0; begin < g.steps * g.pitches; begin += quarter) {
    const int64 end = std::min(begin + quarter, g.steps * g.pitches);
    if (std::find(out + begin, out + end, std::uint8_t{1}) != out + end) continue;
    double none = 1;
    for (int64 i = begin; i < end; ++i) none *= 1 - static_cast<double>(g.p[i]);
    if (none <= 0.5) out[std::max_element(g.p + begin, g.p + end) - g.p] = 1;
  }
  return filled;
}

namespace {

/// Pitches that lie `apart` are counted together; each stands for itself where all lie closer.
Tensor fill_together(const Tensor& cells, const Tensor& probability, int steps_per_bar,
                     int64 apart) {
  const Grid g(probability);
  Tensor filled = own_cells(cells, g);
  auto* out = filled.writable<std::uint8_t>();
  const auto fill = [&](int64 begin, int64 end, int64 first) {
    double sum = 0;
    int64 missing = 0;
    for (int64 t = begin; t < end; ++t)
      for (int64 j = first; j < g.pitches; j += apart)
        sum += g.at(t, j), missing -= out[t * g.pitches + j];
    for (missing += std::llround(sum); missing > 0; --missing) {
      double most = -1;
      int64 best = -1;
      for (int64 t = begin; t < end; ++t)
        for (int64 j = first; j < g.pitches; j += apart)
          if (!out[t * g.pitches + j] && g.at(t, j) > most)
            most = g.at(t, j), best = t * g.pitches + j;
      out[best] = 1;
    }
  };
  const int64 half = steps_per_bar / 2;
  for (int64 bar = 0; bar < g.steps; bar += steps_per_bar) {
    const int64 middle = std::min(bar + half, g.steps);
    const int64 end = std::min(bar + steps_per_bar, g.steps);
    for (int64 j = 0; j < std::min(apart, g.pitches); ++j)
      fill(bar, middle, j), fill(middle, end, j);
  }
  return filled;
}

}  // namespace

Tensor fill_expected(const Tensor& cells, const Tensor& probability, int steps_per_bar) {
  return fill_together(cells, probability, steps_per_bar,
                       std::max<int64>(Grid(probability).pitches, 1));
}

Tensor fill_expected_chroma(const Tensor& cells, const Tensor& probability, int steps_per_bar) {
  constexpr int64 kOctave = 12;
  return fill_together(cells, probability, steps_per_bar, kOctave);
}

std::vector<ProbableNote> held_notes(const Tensor& onsets, const HarmonyProbabilities& p,
                                     const Decoding& decoding) {
  const Grid onset(p.onset), sustain(p.sustain);
  const Tensor cells = own_cells(onsets, onset);
  const auto* on = cells.data<std::uint8_t>();
  std::vector<ProbableNote> notes;
  for (int64 j = 0; j < onset.pitches; ++j) {
    bool sounds = false;
    double needed = 0;
    for (int64 t = 0; t < onset.steps; ++t) {
      const double o = onset.at(t, j), s = sustain.at(t, j);
      if (on[t * onset.pitches + j]) {
        notes.push_back({{t, t + 1, p.lowest + static_cast<int>(j)}, o});
        sounds = true;
        needed =
            decoding.sustain_threshold *
            (decoding.sustain == SustainRule::given_onset ? std::max(o, s) : decoding.threshold);
      } else if (sounds && s >= needed) {
        notes.back().note.end = t + 1;
      } else {
        sounds = false;
      }
    }
  }
  return notes;
}

std::vector<ProbableNote> sounding_notes(const Tensor& cells, const HarmonyProbabilities& p) {
  const Grid sustain(p.sustain);
  const Tensor own = own_cells(cells, sustain);
  const auto* on = own.data<std::uint8_t>();
  std::vector<ProbableNote> notes;
  for (int64 j = 0; j < sustain.pitches; ++j)
    for (int64 t = 0; t < sustain.steps; ++t) {
      if (!on[t * sustain.pitches + j]) continue;
      if (t > 0 && on[(t - 1) * sustain.pitches + j])
        notes.back().note.end = t + 1;
      else
        notes.push_back({{t, t + 1, p.lowest + static_cast<int>(j)}, sustain.at(t, j)});
    }
  return notes;
}

std::vector<ProbableNote> close_gaps(std::vector<ProbableNote> notes, int64 steps, Join join) {
  std::vector<ProbableNote> closed;
  for (const ProbableNote& n : notes) {
    if (!closed.empty() && same_voice(closed.back(), n) &&
        n.note.start - closed.back().note.end <= steps && steps > 0) {
      closed.back().note.end = join == Join::yes ? n.note.end : n.note.start;
      if (join == Join::yes) continue;
    }
    closed.push_back(n);
  }
  return closed;
}

std::vector<ProbableNote> without_short(std::vector<ProbableNote> notes, int64 min_length) {
  const auto too_short = [=](const ProbableNote& n) {
    return n.note.end - n.note.start < min_length;
  };
  notes.erase(std::remove_if(notes.begin(), notes.end(), too_short), notes.end());
  return notes;
}

std::vector<ProbableNote> with_polyphony(std::vector<ProbableNote> notes, int most) {
  std::vector<ProbableNote*> by_start;
  for (ProbableNote& n : notes) by_start.push_back(&n);
  std::stable_sort(
      by_start.begin(), by_start.end(),
      [](const ProbableNote* a, const ProbableNote* b) { return a->note.start < b->note.start; });
  const auto rank = [](const ProbableNote* n) {
    return std::make_tuple(-n->probability, n->note.start, n->note.pitch);
  };
  std::vector<ProbableNote*> sounding;
  for (std::size_t i = 0; i < by_start.size();) {
    const int64 t = by_start[i]->note.start;
    sounding.erase(std::remove_if(sounding.begin(), sounding.end(),
                                  [=](const ProbableNote* n) { return n->note.end <= t; }),
                   sounding.end());
    for (; i < by_start.size() && by_start[i]->note.start == t; ++i)
      sounding.push_back(by_start[i]);
    std::sort(sounding.begin(), sounding.end(),
              [&](const ProbableNote* a, const ProbableNote* b) { return rank(a) < rank(b); });
    for (; sounding.size() > static_cast<std::size_t>(most); sounding.pop_back())
      sounding.back()->note.end = t;
  }
  return without_short(std::move(notes), 1);
}

std::vector<Note> decode(const HarmonyProbabilities& p, const Decoding& d, const BarGrid& grid) {
  check_decoding(d, grid);
  check_probabilities(Grid(p.sustain), "sustain", p.lowest);
  std::vector<ProbableNote> notes;
  if (p.onset.defined()) {
    check_probabilities(Grid(p.onset), "an onset", p.lowest);
    check_shape(p.onset.shape() == p.sustain.shape(),
                "probabilities of onsets are {}, of sustain {}", p.onset.shape(),
                p.sustain.shape());
    Tensor cells = cells_from(p.onset, d.threshold);
    if (d.fill_quarters) cells = fill_quarters(cells, p.onset, grid.steps_per_quarter);
    if (d.expected_counts) cells = fill_expected(cells, p.onset, grid.steps_per_bar);
    if (d.expected_chroma) cells = fill_expected_chroma(cells, p.onset, grid.steps_per_bar);
    notes = close_gaps(held_notes(cells, p, d), d.merge, Join::no);
  } else {
    check<ConfigError>(!d.fill_quarters && !d.expected_counts && !d.expected_chroma,
                       "the rules fill_quarters, expected_counts and expected_chroma need "
                       "probabilities of onsets");
    notes = close_gaps(sounding_notes(cells_from(p.sustain, d.threshold), p), d.merge, Join::yes);
  }
  notes = without_short(std::move(notes), d.min_length);
  if (d.polyphony > 0) notes = with_polyphony(std::move(notes), d.polyphony);
  std::vector<Note> result;
  result.reserve(notes.size());
  for (const ProbableNote& n : notes) result.push_back(n.note);
  sort_notes(result);
  return result;
}

}  // namespace gradus
