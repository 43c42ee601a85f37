#include "data/piece.h"

#include <algorithm>
#include <cmath>

#include "data/arranger.h"
#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace {

void add_melody_labels(const SharedArray<Note>& melody, std::vector<StepLabels>& steps) {
  const auto length = static_cast<int64>(steps.size());
  for (const Note& n : melody)
    for (int64 t = std::max<int64>(n.start, 0); t < std::min(n.end, length); ++t)
      steps[static_cast<std::size_t>(t)].melody = static_cast<std::int16_t>(n.pitch);
}

StepLabels place_in_bar(int64 step, int steps_per_bar) {
  StepLabels labels;
  labels.bar = static_cast<int>(step / steps_per_bar);
  labels.cell = static_cast<std::int16_t>(step % steps_per_bar);
  return labels;
}

}  // namespace

std::string to_string(Split split) {
  constexpr const char* kNames[] = {"train", "validation", "test"};
  return kNames[static_cast<int>(split)];
}

Split parse_split(const std::string& text) {
  const std::vector<std::string> known = {"train", "validation", "test"};
  for (std::size_t i = 0; i < known.size(); ++i)
    if (text == known[i]) return static_cast<Split>(i);
  fail<ConfigError>("unknown split '{}'; known: {}{}", text, join(known),
                    did_you_mean(text, known));
}

const SharedArray<Note>& track(const Piece& piece, std::string_view name) {
  if (name == "melody") return piece.melody;
  if (name == "bridge") return piece.bridge;
  check<ConfigError>(name == "piano", "a piece has the tracks melody, bridge, piano; not '{}'",
                     name);
  return piece.accompaniment;
}

std::vector<Chord> Piece::chords() const {
  std::vector<Chord> all;
  all.reserve(steps.size());
  for (const StepLabels& s : steps) all.push_back(s.chord);
  return all;
}

void set_chord(StepLabels& labels, const Chord& chord) {
  labels.chord = chord;
  labels.tones = 0;
  for (int tone : chord_tones(chord)) labels.tones |= static_cast<std::uint16_t>(1u << tone);
}

Piece make_piece(const Tune& original, int semitones) {
  const Tune tune = transposed(original, semitones);
  Piece piece;
  piece.name = semitones == 0 ? tune.name : fmt::format("{}{:+}", tune.name, semitones);
  piece.key = tune.key;
  piece.steps_per_bar = tune.cells_per_bar();
  piece.melody = tune.melody;
  piece.accompaniment = accompaniment(tune);
  std::vector<StepLabels> steps;
  for (int64 t = 0; t < tune.cells(); ++t) {
    StepLabels labels = place_in_bar(t, piece.steps_per_bar);
    const Section& section = tune.section_at(labels.bar);
    set_chord(labels, tune.chord_at(t));
    labels.section = static_cast<std::int16_t>(section.label());
    labels.phrase = static_cast<std::int16_t>(&section - tune.sections.data());
    labels.style = section.style;
    steps.push_back(labels);
  }
  add_melody_labels(piece.melody, steps);
  piece.steps = std::move(steps);
  return piece;
}

Piece make_piece(const std::string& name, std::vector<Note> melody, int beats, int unit,
                 const Progression& chords, Style style, int steps_per_quarter) {
  check<ConfigError>(beats >= 1 && (unit == 1 || unit == 2 || unit == 4 || unit == 8 || unit == 16),
                     "'{}': meter {}/{} does not fit the 16th grid; the lower number must be 1, 2, "
                     "4, 8 or 16",
                     name, beats, unit);
  check<ConfigError>(chords.beats.empty() || chords.beats_per_bar == beats,
                     "'{}': the chords have {} beats a bar, the melody {}", name,
                     chords.beats_per_bar, beats);
  constexpr int64 kMostSteps = int64{1} << 20;  // 65536 bars of 4/4
  const int steps_per_beat = 4 * steps_per_quarter / unit;
  Piece piece;
  piece.name = name;
  piece.steps_per_quarter = steps_per_quarter;
  piece.steps_per_bar = beats * steps_per_beat;
  piece.melody = std::move(melody);
  int64 end = 0;
  for (const Note& n : piece.melody) end = std::max(end, n.end);
  const int64 bars = (end + piece.steps_per_bar - 1) / piece.steps_per_bar;
  check<ConfigError>(bars <= kMostSteps / piece.steps_per_bar, "'{}' lasts {} bars; the most is {}",
                     name, bars, kMostSteps / piece.steps_per_bar);
  std::vector<StepLabels> steps;
  for (int64 t = 0; t < bars * piece.steps_per_bar; ++t) {
    StepLabels labels = place_in_bar(t, piece.steps_per_bar);
    if (!chords.beats.empty())
      set_chord(labels,
                chords.beats[static_cast<std::size_t>(t / steps_per_beat) % chords.beats.size()]);
    labels.style = style;
    steps.push_back(labels);
  }
  add_melody_labels(piece.melody, steps);
  piece.steps = std::move(steps);
  return piece;
}

Piece finer(const Piece& piece, int factor) {
  check<ConfigError>(factor >= 1, "a grid is made finer by a factor of 1 or more, got {}", factor);
  if (factor == 1) return piece;
  const auto notes = [factor](const SharedArray<Note>& coarse) {
    std::vector<Note> fine = coarse.to_vector();
    for (Note& n : fine) n.start *= factor, n.end *= factor;
    return fine;
  };
  Piece fine = piece;
  fine.steps_per_quarter *= factor;
  fine.steps_per_bar *= factor;
  fine.melody = notes(piece.melody);
  fine.bridge = notes(piece.bridge);
  fine.accompaniment = notes(piece.accompaniment);
  std::vector<StepLabels> steps;
  steps.reserve(piece.steps.size() * static_cast<std::size_t>(factor));
  for (const StepLabels& s : piece.steps)
    for (int i = 0; i < factor; ++i) {
      steps.push_back(s);
      steps.back().cell = static_cast<std::int16_t>(s.cell * factor + i);
    }
  fine.steps = std::move(steps);
  return fine;
}

std::vector<bool> held_out(std::size_t count, double share, const Rng& rng) {
  check<ConfigError>(share >= 0 && share < 1,
                     "the share of validation is at least 0 and below 1, got {}", share);
  const auto all = static_cast<int64>(count);
  int64 held = std::llround(share * static_cast<double>(count));
  if (share > 0) held = std::max<int64>(held, 1);
  held = std::clamp<int64>(held, 0, std::max<int64>(all - 1, 0));
  Rng order = rng.stream("validation tunes");
  const std::vector<int64> shuffled = permutation(order, all).to_vector<int64>();
  std::vector<bool> validation(count, false);
  for (int64 i = 0; i < held; ++i)
    validation[static_cast<std::size_t>(shuffled[static_cast<std::size_t>(i)])] = true;
  return validation;
}

std::vector<Piece> make_pieces(const std::vector<Tune>& tunes, const PieceOptions& o,
                               const Rng& rng) {
  check<ConfigError>(o.lowest_shift <= 0 && o.highest_shift >= 0,
                     "shifts must include 0, got {} to {}", o.lowest_shift, o.highest_shift);
  const std::vector<bool> validation = held_out(tunes.size(), o.validation_share, rng);
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
