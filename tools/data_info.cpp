#include "tools/data_info.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "tensor/text.h"

namespace gradus {

namespace {

/// "a, b, c, ...".
std::string first_of(std::vector<std::string> names, std::size_t most) {
  if (names.size() > most) names.resize(most), names.emplace_back("...");
  return join(names);
}

void print_left_out(const PopSet& set) {
  constexpr std::size_t kNamed = 8;
  for (int r = 0; r < kPopReasons; ++r) {
    const auto reason = static_cast<PopReason>(r);
    std::vector<std::string> names;
    std::string example;
    for (const PopLeftOut& l : set.left_out) {
      if (l.reason != reason) continue;
      names.push_back(pop_song_name(l.song));
      if (example.empty()) example = fmt::format("{}: {}", names.back(), l.message);
    }
    if (names.empty()) continue;
    const std::size_t count = names.size();
    if (count > kNamed) names.resize(kNamed), names.emplace_back("...");
    fmt::print("  {:>4}  {} ({})\n        {}\n", count, name(reason), join(names), example);
  }
}

// How many songs in use have a property, and which first.
template <class Has>
void print_remark(const PopSet& set, const std::string& remark, Has&& has) {
  constexpr std::size_t kNamed = 5;
  std::vector<std::string> names;
  std::size_t count = 0;
  for (const PopSong& s : set.songs)
    if (has(s) && ++count <= kNamed) names.push_back(s.name);
  if (count > kNamed) names.emplace_back("...");
  if (count) fmt::print("  {:>4}  {} ({})\n", count, remark, join(names));
}

void print_remarks(const PopSet& set) {
  print_remark(set, "in 3/4 by their labels, kept because both lists name them",
               [](const PopSong& s) { return s.labels.beats_per_bar == 3; });
  print_remark(set, "phrases and chords differ in length by more than a bar", [](const PopSong& s) {
    return std::abs(s.labels.phrase_quarters() - s.labels.chords.quarters()) >
           s.labels.beats_per_bar;
  });
  print_remark(set, "chords longer than the roll: cut",
               [](const PopSong& s) { return s.chords_past_roll() > 0; });
  print_remark(set, "chords more than four bars shorter than the roll: padded with no chord",
               [](const PopSong& s) { return -s.chords_past_roll() > 4 * s.labels.beats_per_bar; });
  print_remark(set, "several keys, without times: the first one is used",
               [](const PopSong& s) { return s.labels.keys.size() > 1; });
  print_remark(set, "chord names cut short: the degrees that are left count",
               [](const PopSong& s) { return s.labels.chords.cut_names > 0; });
  print_remark(set, "odd chord lines",
               [](const PopSong& s) { return s.labels.chords.odd_lines > 0; });
  print_remark(set, "pitch classes beside a chord name that are not the name's: the name counts",
               [](const PopSong& s) { return s.labels.chords.wrong_lists > 0; });
}

void print_fit(const PopSet& set) {
  constexpr double kBetter = 0.05;
  double now = 0, best = 0;
  for (const PopSong& s : set.songs) {
    const PopFit fit = melody_fit(s);
    now += fit.share;
    best += fit.best_share;
  }
  print_remark(set, "another position of the labels would fit the melody better",
               [](const auto& s) {
                 const PopFit fit = melody_fit(s);
                 return fit.best_share > fit.share + kBetter;
               });
  const auto songs = static_cast<double>(set.songs.size());
  fmt::print(
      "  of the notes of melody.txt {:.1f} % meet their onset in MELODY (best positions: "
      "{:.1f} %)\n",
      100 * now / songs, 100 * best / songs);
}

void print_counts(const PopSet& set) {
  fmt::print("\n  {:<50} {:>6} {:>11} {:>6}\n", "", "train", "validation", "test");
  const auto row = [](const std::string& title, auto&& count) {
    fmt::print("  {:<50} {:>6} {:>11} {:>6}\n", title, count(PopSplit::train),
               count(PopSplit::validation), count(PopSplit::test));
  };
  row("songs", [&](PopSplit s) { return set.count(s); });
  const std::pair<int64, int64> sizes[] = {{512, 64}, {1024, 128}, {4096, 512}};
  for (const auto& size : sizes) {
    const int64 steps = size.first, overlap = size.second;
    row(fmt::format("windows of {} steps ({} bars){}", steps, steps / 64,
                    steps == 512 ? ", overlap 64" : ", joined of these"),
        [=, &set](PopSplit s) { return joined_windows(set, s, steps).size(); });
    if (steps != 512)
      row(fmt::format("  cut anew with overlap {}", overlap),
          [=, &set](PopSplit s) { return cut_windows(set, s, steps, overlap).size(); });
  }
}

// How many MIDI files in use have a property, and which first.
template <class Has>
void print_share(const MidiSet& set, const std::string& remark, Has&& has) {
  std::vector<std::string> names;
  for (const MidiPiece& m : set.songs)
    if (has(m)) names.push_back(m.piece.name);
  if (!names.empty()) fmt::print("  {:>4}  {} ({})\n", names.size(), remark, first_of(names, 5));
}

}  // namespace

void print_pop909_info(const PopSet& set, const std::string& data) {
  int64 chords = 0, notes = 0, ticks = 0;
  for (const PopSong& s : set.songs) {
    chords += static_cast<int64>(s.labels.chords.spans.size());
    ticks += s.ticks;
    for (const auto& track : s.tracks) notes += static_cast<int64>(track.size());
  }
  fmt::print("POP909 in {}: {} songs, {} in use, {} left out\n", data,
             set.songs.size() + set.left_out.size(), set.songs.size(), set.left_out.size());
  print_left_out(set);
  if (set.songs.empty()) return;
  fmt::print("\nin use: {} quarters, {} notes, {} chords; of the songs in use\n", ticks / kPopTicks,
             notes, chords);
  print_remarks(set);
  print_fit(set);
  print_counts(set);
  fmt::print("\n  {} chords (root and tones) with their transpositions and no chord\n",
             set.chords.size());
}

void print_midi_info(const MidiSet& set, const std::string& data) {
  constexpr std::size_t kNamed = 20;
  fmt::print("MIDI files in {}: {} found, {} in use, {} left out\n", data,
             set.songs.size() + set.broken.size(), set.songs.size(), set.broken.size());
  for (std::size_t i = 0; i < std::min(kNamed, set.broken.size()); ++i)
    fmt::print("  {}: {}\n", set.broken[i].name, set.broken[i].reason);
  if (set.broken.size() > kNamed) fmt::print("  ... and {} more\n", set.broken.size() - kNamed);
  int64 bars = 0;
  std::size_t melody = 0, bridge = 0, accompaniment = 0;
  std::map<std::string, int> meters;
  std::vector<Piece> pieces;
  for (const MidiPiece& m : set.songs) {
    bars += m.piece.bars();
    melody += m.piece.melody.size();
    bridge += m.piece.bridge.size();
    accompaniment += m.piece.accompaniment.size();
    ++meters[fmt::format("{}/{}", m.meter.numerator, m.meter.denominator)];
    pieces.push_back(m.piece);
  }
  fmt::print(
      "\nin use: {} bars; {} notes in melodies, {} in bridges, {} in accompaniments; of these "
      "files\n",
      bars, melody, bridge, accompaniment);
  for (const auto& [meter, count] : meters) fmt::print("  {:>4}  in {}\n", count, meter);
  print_share(set, "change their meter: all of it is read in the one that holds longest",
              [](const MidiPiece& m) { return m.song.time_signatures.size() > 1; });
  print_share(set, "have chords (NAME.chords)", [](const MidiPiece& m) { return m.has_chords; });
  print_share(set, "have no chords", [](const MidiPiece& m) { return !m.has_chords; });
  print_share(set, "have an accompaniment of their own",
              [](const MidiPiece& m) { return m.has_target() && !m.arranged; });
  print_share(set, "have melody and chords: the arranger's ballad is the target",
              [](const MidiPiece& m) { return m.arranged; });
  print_share(set, "can be harmonized, not learned from: " + std::string(kMelodyOnly),
              [](const MidiPiece& m) { return !m.has_target(); });
  fmt::print("\n  {} chords (root and tones) with their transpositions and no chord\n",
             ChordVocabulary(pieces).size());
}

void print_tunes_info() {
  int64 bars = 0;
  std::vector<Piece> pieces;
  for (const Tune& t : bundled_tunes()) {
    bars += t.bars();
    pieces.push_back(make_piece(t));
  }
  fmt::print("the bundled tunes: {} tunes, {} bars, {} chords in all keys with no chord\n",
             bundled_tunes().size(), bars, ChordVocabulary(pieces).size());
  for (const Tune& t : bundled_tunes())
    fmt::print("  {:<24} {:>3} bars  {:>5}  {}\n", t.name, t.bars(),
               fmt::format("{}/{}", t.beats, t.unit), to_string(t.key));
}

}  // namespace gradus
