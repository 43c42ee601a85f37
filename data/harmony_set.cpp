#include "data/harmony_set.h"

#include <algorithm>

#include "data/harmony_past.h"
#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace {

constexpr int kQuartersPerBar = 6;  // cells of a bar up to 12/8; longer bars wrap around
constexpr int kChordColumns = 12;

int beat_columns(const HarmonyFormat& f) { return kQuartersPerBar * f.steps_per_quarter; }

/// The inputs, in the order of their columns, and how many these are.
struct Input {
  const char* name;
  int64 (*columns)(const HarmonyFormat& f);
};
int64 roll_columns(const HarmonyFormat& f) {
  return (f.onsets ? 2 : 1) * (f.melody_high - f.melody_low);
}
constexpr Input kInputs[] = {
    {"melody", roll_columns},
    {"bridge", roll_columns},
    {"beat", [](const HarmonyFormat& f) -> int64 { return beat_columns(f) + 1; }},
    {"chord", [](const HarmonyFormat&) -> int64 { return kChordColumns; }},
    {"root", [](const HarmonyFormat&) -> int64 { return kChordColumns; }},
    {"style", [](const HarmonyFormat&) { return static_cast<int64>(style_names().size()); }},
    {"past", past_width},
    {"past-quarter", past_width},
    {"past-half", past_width},
    {"past-bar", past_width},
};

int folded(int pitch, int low, int high) {
  while (pitch < low) pitch += 12;
  while (pitch >= high) pitch -= 12;
  return pitch;
}

// Calls f(step, onset?) for the steps of a note inside a window, counted from the window's begin.
template <class F>
void for_steps(const Note& n, const PieceWindow& w, F&& f) {
  const int64 end = std::min(n.end, w.begin + w.length);
  for (int64 t = std::max(n.start, w.begin); t < end; ++t) f(t - w.begin, t == n.start);
}

/// Onsets (where wanted) and sustain of a track from `input` on.
void write_track(const SharedArray<Note>& notes, const PieceWindow& w, const HarmonyFormat& f,
                 int64 features, float* input) {
  const int range = f.melody_high - f.melody_low;
  for (const Note& n : notes) {
    const int column = folded(n.pitch + w.semitones, f.melody_low, f.melody_high) - f.melody_low;
    for_steps(n, w, [&](int64 t, bool onset) {
      float* row = input + t * features;
      if (f.onsets && onset) row[column] = 1;
      row[(f.onsets ? range : 0) + column] = 1;
    });
  }
}

void write_input(const Piece& piece, const PieceWindow& w, const HarmonyFormat& f, float* input) {
  const int64 features = f.features();
  const auto each_step = [&](auto&& write) {
    for (int64 t = 0; t < w.length; ++t)
      write(piece.steps[static_cast<std::size_t>(w.begin + t)], input + t * features);
  };
  for (const Input& i : kInputs) {
    const std::string_view name = i.name;
    if (!f.reads(name)) continue;
    if (name == "melody" || name == "bridge") {
      write_track(track(piece, name), w, f, features, input);
    } else if (name == "beat") {
      const int cells = beat_columns(f);
      const float bar =
          static_cast<float>(piece.steps_per_bar) / static_cast<float>(4 * f.steps_per_quarter);
      each_step([&](const StepLabels& s, float* row) {
        row[s.cell % cells] = 1;
        row[cells] = bar;
      });
    } else if (name == "chord") {
      each_step([&](const StepLabels& s, float* row) {
        for (int p = 0; p < 12; ++p)
          row[(p + w.semitones + 12) % 12] = static_cast<float>(s.tones >> p & 1);
      });
    } else if (name == "root") {
      each_step([&](const StepLabels& s, float* row) {
        if (!s.chord.is_none()) row[transposed(s.chord, w.semitones).root] = 1;
      });
    } else if (name == "style") {
      each_step([](const StepLabels& s, float* row) { row[static_cast<int>(s.style)] = 1; });
    }
    input += i.columns(f);
  }
}

void write_target(const Piece& piece, const PieceWindow& w, const HarmonyFormat& f, float* onset,
                  float* sustain) {
  int first = 0;  // column of the track's lowest pitch
  for (const std::string& name : f.targets) {
    for (const Note& n : track(piece, name)) {
      const int pitch = n.pitch + w.semitones;
      if (pitch < f.target_low || pitch >= f.target_high) continue;
      const int column = first + pitch - f.target_low;
      for_steps(n, w, [&](int64 t, bool begins) {
        if (begins) onset[t * f.pitches() + column] = 1;
        sustain[t * f.pitches() + column] = 1;
      });
    }
    first += f.target_high - f.target_low;
  }
}

}  // namespace

std::vector<PieceWindow> cut_windows(const std::vector<Piece>& pieces, Split split, int64 steps,
                                     int64 hop_bars) {
  check<ConfigError>(hop_bars >= 0, "windows begin every 1 or more bars (0: half a window), got {}",
                     hop_bars);
  std::vector<PieceWindow> windows;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& p = pieces[i];
    if (p.split != split) continue;
    const int64 bars = steps / p.steps_per_bar;
    check<ConfigError>(bars >= 1, "a window of {} steps does not hold one bar of '{}' ({} steps)",
                       steps, p.name, p.steps_per_bar);
    const int64 hop = hop_bars > 0 ? std::min(hop_bars, bars) : std::max<int64>(bars / 2, 1);
    for (int64 bar = 0; bar < p.bars(); bar += hop) {
      const int64 end = std::min(bar + bars, p.bars());
      windows.push_back({i, bar * p.steps_per_bar, (end - bar) * p.steps_per_bar});
      if (end == p.bars()) break;
    }
  }
  return windows;
}

std::vector<PieceWindow> whole_windows(const std::vector<Piece>& pieces, Split split, int64 bars) {
  check<ConfigError>(bars >= 1, "a window has 1 or more bars, got {}", bars);
  std::vector<PieceWindow> windows;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& p = pieces[i];
    if (p.split != split) continue;
    for (int64 bar = 0; bar + bars <= p.bars(); bar += bars)
      windows.push_back({i, bar * p.steps_per_bar, bars * p.steps_per_bar});
  }
  return windows;
}

std::vector<std::vector<PieceWindow>> shuffled_batches(const std::vector<PieceWindow>& windows,
                                                       int64 batch_size, Rng& rng) {
  check<ConfigError>(batch_size >= 1, "a batch has at least one window, got {}", batch_size);
  std::vector<std::vector<PieceWindow>> batches;
  for (int64 i : permutation(rng, static_cast<int64>(windows.size())).to_vector<int64>()) {
    if (batches.empty() || static_cast<int64>(batches.back().size()) == batch_size)
      batches.emplace_back();
    batches.back().push_back(windows[static_cast<std::size_t>(i)]);
  }
  return batches;
}

bool HarmonyFormat::reads(std::string_view input) const {
  return std::find(inputs.begin(), inputs.end(), input) != inputs.end();
}

bool HarmonyFormat::reads_chords() const {
  return reads("chord") || reads("root") ||
         std::any_of(contexts.begin(), contexts.end(), context_reads_chords);
}

int64 HarmonyFormat::features() const {
  check<ConfigError>(melody_low >= 0 && melody_low + 12 <= melody_high && melody_high <= kPitches,
                     "the melody's range must hold an octave within 0 to 128, got {} to {}",
                     melody_low, melody_high);
  check<ConfigError>(target_low >= 0 && target_low < target_high && target_high <= kPitches,
                     "the target's range must lie within 0 to 128, got {} to {}", target_low,
                     target_high);
  int64 n = 0;
  for (const Input& i : kInputs)
    if (reads(i.name)) n += i.columns(*this);
  return n;
}

int64 HarmonyFormat::first_column(std::string_view input) const {
  int64 n = 0;
  for (const Input& i : kInputs) {
    if (i.name == input) return n;
    if (reads(i.name)) n += i.columns(*this);
  }
  fail<ConfigError>("'{}' is no input", input);
}

HarmonyBatch make_batch(const std::vector<Piece>& pieces, std::span<const PieceWindow> windows,
                        int64 steps, const HarmonyFormat& format, const PastNoise* noise) {
  const auto batch = static_cast<int64>(windows.size());
  const int64 features = format.features(), pitches = format.pitches();
  const std::vector<LabelColumn> label_columns = format.columns();
  const auto columns = static_cast<int64>(label_columns.size());
  HarmonyBatch b{zeros({batch, steps, features}), zeros({batch, steps, pitches}),
                 zeros({batch, steps, pitches}), zeros({batch, steps, columns}, DType::f64),
                 zeros({batch, steps}, DType::u8)};
  auto* input = b.input.writable<float>();
  auto* onset = b.onset.writable<float>();
  auto* sustain = b.sustain.writable<float>();
  auto* labels = b.labels.writable<double>();
  auto* mask = b.mask.writable<std::uint8_t>();
  for (int64 i = 0; i < batch; ++i) {
    const PieceWindow& w = windows[static_cast<std::size_t>(i)];
    check<IndexError>(w.piece < pieces.size(), "window of piece {}, but there are {}", w.piece,
                      pieces.size());
    const Piece& piece = pieces[w.piece];
    check<ConfigError>(piece.steps_per_quarter == format.steps_per_quarter,
                       "'{}' has {} steps a quarter, the model {}", piece.name,
                       piece.steps_per_quarter, format.steps_per_quarter);
    check<IndexError>(
        w.begin >= 0 && w.length >= 0 && w.length <= steps && w.begin + w.length <= piece.length(),
        "steps {} to {} of '{}' do not fit: the piece has {}, the window {}", w.begin,
        w.begin + w.length, piece.name, piece.length(), steps);
    write_input(piece, w, format, input + i * steps * features);
    const PastNoise own{noise ? noise->share : 0,
                        (noise ? noise->rng : Rng(0)).stream(static_cast<std::uint64_t>(i))};
    write_past(piece, w, format, own, input + i * steps * features);
    write_target(piece, w, format, onset + i * steps * pitches, sustain + i * steps * pitches);
    std::fill_n(mask + i * steps, w.length, std::uint8_t{1});
    double* first = labels + i * steps * columns;
    write_context(piece, format.chords, format.contexts, w.begin, w.length, w.semitones, first);
    // Time goes on through the padding, so that uniform positions stay uniform.
    for (int64 c = 0; c < columns; ++c)
      if (label_columns[static_cast<std::size_t>(c)].name == "time")
        for (int64 t = w.length; t < steps; ++t) first[t * columns + c] = static_cast<double>(t);
  }
  return b;
}

}  // namespace gradus
