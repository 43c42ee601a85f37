#include "data/harmony_set.h"

#include <algorithm>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace {

constexpr int kBeatColumns = 24;  // cells of a bar up to 12/8; longer bars wrap around

struct LabelTrack {
  const char* name;
  LabelKind kind;
  int64 values;
  int columns;
  /// Writes the columns of step `t` of the piece.
  void (*write)(const Piece& piece, const StepLabels& s, int64 t, double* out);
};

int chord_token(const Chord& c) {
  if (c.is_none()) return 0;
  return 1 + c.root + 12 * static_cast<int>(c.quality);
}

const std::vector<LabelTrack>& label_tracks() {
  static const auto chords = static_cast<int64>(1 + 12 * quality_names().size());
  static const auto styles = static_cast<int64>(style_names().size());
  static const std::vector<LabelTrack> tracks = {
      {"time", LabelKind::time, 0, 1,
       [](const Piece&, const StepLabels&, int64 t, double* out) {
         *out = static_cast<double>(t);
       }},
      {"chroma", LabelKind::bit, 2, 12,
       [](const Piece&, const StepLabels& s, int64, double* out) {
         for (int p = 0; p < 12; ++p) out[p] = pitch_classes(s.chord) >> p & 1;
       }},
      {"chord", LabelKind::token, chords, 1,
       [](const Piece&, const StepLabels& s, int64, double* out) { *out = chord_token(s.chord); }},
      {"root", LabelKind::token, 13, 1,
       [](const Piece&, const StepLabels& s, int64, double* out) { *out = s.chord.root + 1; }},
      {"section", LabelKind::token, 26, 1,
       [](const Piece&, const StepLabels& s, int64, double* out) { *out = s.section; }},
      {"bar", LabelKind::time, 0, 1,
       [](const Piece&, const StepLabels& s, int64, double* out) { *out = s.bar; }},
      {"beat", LabelKind::token, kBeatColumns, 1,
       [](const Piece&, const StepLabels& s, int64, double* out) { *out = s.cell % kBeatColumns; }},
      {"melody", LabelKind::token, kPitches + 1, 1,
       [](const Piece&, const StepLabels& s, int64, double* out) { *out = s.melody + 1; }},
      {"key", LabelKind::token, 24, 1,
       [](const Piece& piece, const StepLabels&, int64, double* out) {
         *out = piece.key.tonic + (piece.key.minor ? 12 : 0);
       }},
      {"style", LabelKind::token, styles, 1,
       [](const Piece&, const StepLabels& s, int64, double* out) {
         *out = static_cast<double>(s.style);
       }},
  };
  return tracks;
}

const LabelTrack& track_named(const std::string& name) {
  for (const LabelTrack& t : label_tracks())
    if (name == t.name) return t;
  const auto known = label_names();
  fail<ConfigError>("unknown label '{}'{}; known: {}", name, did_you_mean(name, known),
                    join(known));
}

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

void write_input(const Piece& piece, const PieceWindow& w, const HarmonyFormat& f, float* input) {
  const int64 features = f.features();
  const int range = f.melody_high - f.melody_low;
  for (const Note& n : piece.melody) {
    const int column = folded(n.pitch, f.melody_low, f.melody_high) - f.melody_low;
    for_steps(n, w, [&](int64 t, bool onset) {
      float* row = input + t * features;
      if (onset) row[column] = 1;
      row[range + column] = 1;
    });
  }
  for (int64 t = 0; t < w.length; ++t) {
    const StepLabels& s = piece.steps[static_cast<std::size_t>(w.begin + t)];
    float* row = input + t * features + 2 * range;
    if (f.beat_input) {
      row[s.cell % kBeatColumns] = 1;
      row[kBeatColumns] = static_cast<float>(piece.steps_per_bar) / 16;
      row += kBeatColumns + 1;
    }
    if (f.chord_input) {
      for (int p = 0; p < 12; ++p) row[p] = static_cast<float>(pitch_classes(s.chord) >> p & 1);
      if (!s.chord.is_none()) row[12 + s.chord.root] = 1;
      row += 24;
    }
    if (f.style_input) row[static_cast<int>(s.style)] = 1;
  }
}

void write_target(const Piece& piece, const PieceWindow& w, const HarmonyFormat& f, float* onset,
                  float* sustain) {
  for (const Note& n : piece.accompaniment) {
    if (n.pitch < f.target_low || n.pitch >= f.target_high) continue;
    const int column = n.pitch - f.target_low;
    for_steps(n, w, [&](int64 t, bool begins) {
      if (begins) onset[t * f.pitches() + column] = 1;
      sustain[t * f.pitches() + column] = 1;
    });
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

std::vector<std::string> label_names() {
  std::vector<std::string> names;
  for (const LabelTrack& t : label_tracks()) names.emplace_back(t.name);
  return names;
}

std::vector<LabelColumn> label_columns(const std::vector<std::string>& tracks) {
  std::vector<LabelColumn> columns;
  for (const std::string& name : tracks) {
    const LabelTrack& t = track_named(name);
    for (int c = 0; c < t.columns; ++c)
      columns.push_back({t.columns > 1 ? fmt::format("{}.{}", name, c) : name, t.kind, t.values});
  }
  return columns;
}

int64 HarmonyFormat::features() const {
  check<ConfigError>(melody_low >= 0 && melody_low + 12 <= melody_high && melody_high <= kPitches,
                     "the melody's range must hold an octave within 0 to 128, got {} to {}",
                     melody_low, melody_high);
  check<ConfigError>(target_low >= 0 && target_low < target_high && target_high <= kPitches,
                     "the target's range must lie within 0 to 128, got {} to {}", target_low,
                     target_high);
  int64 n = 2 * (melody_high - melody_low);
  if (beat_input) n += kBeatColumns + 1;
  if (chord_input) n += 24;
  if (style_input) n += static_cast<int64>(style_names().size());
  return n;
}

HarmonyBatch make_batch(const std::vector<Piece>& pieces, std::span<const PieceWindow> windows,
                        int64 steps, const HarmonyFormat& format) {
  const auto batch = static_cast<int64>(windows.size());
  const int64 features = format.features(), pitches = format.pitches();
  std::vector<const LabelTrack*> tracks;
  int64 columns = 0;
  for (const std::string& name : format.labels) {
    tracks.push_back(&track_named(name));
    columns += tracks.back()->columns;
  }
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
    check<IndexError>(
        w.begin >= 0 && w.length >= 0 && w.length <= steps && w.begin + w.length <= piece.length(),
        "steps {} to {} of '{}' do not fit: the piece has {}, the window {}", w.begin,
        w.begin + w.length, piece.name, piece.length(), steps);
    write_input(piece, w, format, input + i * steps * features);
    write_target(piece, w, format, onset + i * steps * pitches, sustain + i * steps * pitches);
    std::fill_n(mask + i * steps, w.length, std::uint8_t{1});
    for (int64 t = 0; t < w.length; ++t) {
      double* row = labels + (i * steps + t) * columns;
      for (const LabelTrack* track : tracks) {
        track->write(piece, piece.steps[static_cast<std::size_t>(w.begin + t)], t, row);
        row += track->columns;
      }
    }
    // Time goes on through the padding, so that uniform positions stay uniform.
    for (int64 t = w.length; t < steps; ++t) {
      double* row = labels + (i * steps + t) * columns;
      for (const LabelTrack* track : tracks) {
        if (std::string_view(track->name) == "time") *row = static_cast<double>(t);
        row += track->columns;
      }
    }
  }
  return b;
}

}  // namespace gradus
