#include "data/piece.h"

#include <algorithm>
#include <cmath>

#include "data/arranger.h"
#include "tensor/error.h"

namespace gradus {

namespace {

void add_melody_labels(Piece& piece) {
  for (const Note& n : piece.melody)
    for (int64 t = std::max<int64>(n.start, 0); t < std::min(n.end, piece.length()); ++t)
      piece.steps[static_cast<std::size_t>(t)].melody = n.pitch;
}

StepLabels place_in_bar(int64 step, int steps_per_bar) {
  StepLabels labels;
  labels.bar = static_cast<int>(step / steps_per_bar);
  labels.cell = static_cast<int>(step % steps_per_bar);
  return labels;
}

}  // namespace

std::vector<Chord> Piece::chords() const {
  std::vector<Chord> all;
  all.reserve(steps.size());
  for (const StepLabels& s : steps) all.push_back(s.chord);
  return all;
}

Piece make_piece(const Tune& original, int semitones) {
  const Tune tune = transposed(original, semitones);
  Piece piece;
  piece.name = semitones == 0 ? tune.name : fmt::format("{}{:+}", tune.name, semitones);
  piece.key = tune.key;
  piece.steps_per_bar = tune.cells_per_bar();
  piece.melody = tune.melody;
  piece.accompaniment = accompaniment(tune);
  for (int64 t = 0; t < tune.cells(); ++t) {
    StepLabels labels = place_in_bar(t, piece.steps_per_bar);
    const Section& section = tune.section_at(labels.bar);
    labels.chord = tune.chord_at(t);
    labels.section = section.label();
    labels.style = section.style;
    piece.steps.push_back(labels);
  }
  add_melody_labels(piece);
  return piece;
}

Piece make_piece(const std::string& name, std::vector<Note> melody, int beats, int unit,
                 const Progression& chords, Style style) {
  check<ConfigError>(beats >= 1 && (unit == 1 || unit == 2 || unit == 4 || unit == 8 || unit == 16),
                     "'{}': meter {}/{} does not fit the 16th grid; the lower number must be 1, 2, "
                     "4, 8 or 16",
                     name, beats, unit);
  check<ConfigError>(chords.beats.empty() || chords.beats_per_bar == beats,
                     "'{}': the chords have {} beats a bar, the melody {}", name,
                     chords.beats_per_bar, beats);
  constexpr int64 kMostSteps = int64{1} << 20;  // 65536 bars of 4/4
  const int steps_per_beat = 16 / unit;
  Piece piece;
  piece.name = name;
  piece.steps_per_bar = beats * steps_per_beat;
  piece.melody = std::move(melody);
  int64 end = 0;
  for (const Note& n : piece.melody) end = std::max(end, n.end);
  const int64 bars = (end + piece.steps_per_bar - 1) / piece.steps_per_bar;
  check<ConfigError>(bars <= kMostSteps / piece.steps_per_bar, "'{}' lasts {} bars; the most is {}",
                     name, bars, kMostSteps / piece.steps_per_bar);
  for (int64 t = 0; t < bars * piece.steps_per_bar; ++t) {
    StepLabels labels = place_in_bar(t, piece.steps_per_bar);
    if (!chords.beats.empty())
      labels.chord =
          chords.beats[static_cast<std::size_t>(t / steps_per_beat) % chords.beats.size()];
    labels.style = style;
    piece.steps.push_back(labels);
  }
  add_melody_labels(piece);
  return piece;
}

std::vector<Piece> make_pieces(const std::vector<Tune>& tunes, const PieceOptions& o,
                               const Rng& rng) {
  check<ConfigError>(o.lowest_shift <= 0 && o.highest_shift >= 0,
                     "shifts must include 0, got {} to {}", o.lowest_shift, o.highest_shift);
  check<ConfigError>(o.validation_share >= 0 && o.validation_share < 1,
                     "the share of validation is at least 0 and below 1, got {}",
                     o.validation_share);
  const auto count = static_cast<int64>(tunes.size());
  int64 held_out = std::llround(o.validation_share * static_cast<double>(count));
  if (o.validation_share > 0) held_out = std::max<int64>(held_out, 1);
  held_out = std::clamp<int64>(held_out, 0, std::max<int64>(count - 1, 0));

  Rng order = rng.stream("validation tunes");
  const std::vector<int64> shuffled = permutation(order, count).to_vector<int64>();
  std::vector<bool> validation(tunes.size(), false);
  for (int64 i = 0; i < held_out; ++i)
    validation[static_cast<std::size_t>(shuffled[static_cast<std::size_t>(i)])] = true;

  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < tunes.size(); ++i) {
    if (validation[i]) {
      pieces.push_back(make_piece(tunes[i]));
      pieces.back().split = Split::validation;
      continue;
    }
    for (int shift = o.lowest_shift; shift <= o.highest_shift; ++shift)
      pieces.push_back(make_piece(tunes[i], shift));
  }
  return pieces;
}

}  // namespace gradus
