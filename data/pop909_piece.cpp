#include "data/pop909_piece.h"

#include <algorithm>

#include "tensor/error.h"

namespace gradus {

namespace {

/// 'x' in the numbers of StepLabels::section.
std::int16_t section_number(char letter) {
  return static_cast<std::int16_t>(letter >= 'a' ? 26 + (letter - 'a') : letter - 'A');
}

StepLabels labels_at(const PopSong& song, int64 tick) {
  StepLabels s;
  if (tick >= 0 && tick < song.ticks) {
    const PopChord chord = song.chord(tick);
    s.chord = chord.chord;
    s.tones = chord.tones;
    s.section = section_number(song.phrase(tick).letter);
    s.phrase = static_cast<std::int16_t>(song.phrase_at[static_cast<std::size_t>(tick)]);
    s.melody = song.melody_at[static_cast<std::size_t>(tick)];
  } else {
    s.section = section_number('x');
    s.phrase = static_cast<std::int16_t>(tick < 0 ? 0 : song.phrases.size() - 1);
  }
  return s;
}

}  // namespace

std::uint32_t chord_code(const PopChord& chord) {
  return chord_code(chord.chord.root, chord.tones);
}

Piece make_piece(const PopSong& song, int steps_per_quarter, PopBegin begin) {
  const bool from_bar = begin == PopBegin::bar_line;
  check<ConfigError>(steps_per_quarter == kPopTicks || (steps_per_quarter == 4 && from_bar),
                     "POP909 is read on a grid of 4 (from bar lines on) or 16 steps a quarter, "
                     "got {}",
                     steps_per_quarter);
  const int64 factor = kPopTicks / steps_per_quarter, bar = song.ticks_per_bar();
  const int64 lead = from_bar ? song.tick_in_bar(0) : 0;  // ticks of padding in front
  Piece piece;
  piece.name = song.name;
  piece.key = {song.labels.keys[0].tonic, song.labels.keys[0].minor};
  piece.steps_per_quarter = steps_per_quarter;
  piece.steps_per_bar = static_cast<int>(bar / factor);
  piece.split = static_cast<Split>(song.split);
  SharedArray<Note>* const tracks[kPopTracks] = {&piece.melody, &piece.bridge,
                                                 &piece.accompaniment};
  for (std::size_t i = 0; i < kPopTracks; ++i) {
    std::vector<Note> notes = song.tracks[i];
    for (Note& n : notes) n.start += lead, n.end += lead;
    *tracks[i] = to_steps(std::move(notes), kPopTicks, steps_per_quarter);
  }
  const int64 ticks = from_bar ? (lead + song.ticks + bar - 1) / bar * bar : song.ticks;
  std::vector<StepLabels> steps;
  steps.reserve(static_cast<std::size_t>(ticks / factor));
  for (int64 t = 0; t < ticks; t += factor) {
    StepLabels s = labels_at(song, t - lead);
    // Bars and cells go on through the padding.
    s.bar = static_cast<int>(song.bar(0) + (t - lead + song.tick_in_bar(0)) / bar);
    s.cell = static_cast<std::int16_t>((t - lead + song.tick_in_bar(0)) % bar / factor);
    steps.push_back(s);
  }
  piece.steps = std::move(steps);
  return piece;
}

}  // namespace gradus
