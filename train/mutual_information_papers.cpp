// Labels as the papers' code reads them from POP909's files.
#include <algorithm>
#include <map>
#include <set>

#include "tensor/error.h"
#include "tensor/text.h"
#include "train/mutual_information.h"

namespace gradus {

namespace {

/// What the label files say of a tick: bass -1 where there is no chord.
struct Listed {
  int bass = -1;
  unsigned tones = 0;
};

Listed listed(const PopChordSpan& span) {
  if (span.chord.chord.is_none()) return {};
  return {span.chord.chord.bass, span.listed};
}

Listed listed_at(const PopSong& song, int64 tick) {
  const std::size_t span = song.chord_at[static_cast<std::size_t>(tick)];
  return span == 0 ? Listed{} : listed(song.labels.chords.spans[span - 1]);
}

std::uint32_t code(const Listed& chord, int semitones = 0) {
  const std::uint32_t as_written = chord_code(chord.bass, chord.tones);
  return transposed_code(as_written, semitones);
}

/// In minor other numbers, which no code of 17 bits reaches.
constexpr std::uint32_t kMinor = 1u << 20;

std::vector<std::uint32_t> ranks(const std::vector<std::uint32_t>& values) {
  std::vector<std::uint32_t> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<std::uint32_t> out;
  for (std::uint32_t v : values)
    out.push_back(static_cast<std::uint32_t>(std::lower_bound(sorted.begin(), sorted.end(), v) -
                                             sorted.begin()));
  return out;
}

/// Chords in the order in which the songs bring them up.
std::map<std::uint32_t, std::uint32_t> appearance(const PopSet& set) {
  std::map<std::uint32_t, std::uint32_t> number;
  for (const PopSong& song : set.songs)
    for (const PopChordSpan& span : song.labels.chords.spans)
      number.emplace(code(listed(span)), static_cast<std::uint32_t>(number.size()));
  number.emplace(0, static_cast<std::uint32_t>(number.size()));  // labels that do not fill the roll
  return number;
}

}  // namespace

std::vector<std::string> paper_contexts() { return {"TIME", "REP", "KEY", "KEY+mode", "BIN"}; }

RowLabels paper_row_labels(const PopSet& set, const std::vector<Piece>& pieces,
                           std::span<const PieceWindow> windows, const std::string& context) {
  const std::vector<std::string> known = paper_contexts();
  check<ConfigError>(std::find(known.begin(), known.end(), context) != known.end(),
                     "unknown context of the papers '{}'; known: {}{}", context, join(known),
                     did_you_mean(context, known));
  std::map<std::string, const PopSong*> songs;
  for (const PopSong& s : set.songs) songs[s.name] = &s;
  const std::map<std::uint32_t, std::uint32_t> number = appearance(set);
  RowLabels rows;
  for (const PieceWindow& w : windows) {
    const Piece& piece = pieces[w.piece];
    const auto found = songs.find(piece.name);
    check<ConfigError>(
        found != songs.end() && w.begin >= 0 && w.begin + w.length <= found->second->ticks,
        "ticks {} to {} of '{}' are not in the set", w.begin, w.begin + w.length, piece.name);
    const PopSong& song = *found->second;
    std::vector<std::uint32_t> labels;
    for (int64 t = w.begin; t < w.begin + w.length; ++t) {
      const Listed chord = listed_at(song, t);
      if (context == "TIME") labels.push_back(static_cast<std::uint32_t>(t - w.begin));
      if (context == "REP") labels.push_back(number.at(code(chord)));
      if (context == "KEY") labels.push_back(code(chord, -piece.key.tonic));
      if (context == "KEY+mode")
        labels.push_back(code(chord, -piece.key.tonic) + (piece.key.minor ? kMinor : 0));
      if (context == "BIN") labels.push_back(chord.tones);
    }
    if (context == "REP") labels = ranks(labels);
    rows.label.insert(rows.label.end(), labels.begin(), labels.end());
  }
  rows.label = ranks(rows.label);
  const auto largest = std::max_element(rows.label.begin(), rows.label.end());
  rows.labels = largest == rows.label.end() ? 0 : static_cast<int64>(*largest) + 1;
  return rows;
}

}  // namespace gradus
