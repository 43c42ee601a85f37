#include "data/midi_piece.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "data/arranger.h"
#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace {

constexpr int kDrumChannel = 9;

bool is_drums(const SongTrack& t) { return !t.notes.empty() && t.notes[0].channel == kDrumChannel; }

bool speaks_of(const SongTrack& t, const char* word) {
  std::string lower = t.name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower.find(word) != std::string::npos;
}

Key key_of(const Song& song) {
  if (song.key_signatures.empty()) return {};
  const KeySignature& k = song.key_signatures[0];
  constexpr int kFifth = 7, kRelativeMinor = 9;  // semitones upwards
  const int major = (k.sharps * kFifth % 12 + 12) % 12;
  return {(major + (k.minor ? kRelativeMinor : 0)) % 12, k.minor};
}

/// The piece goes on until its last track ends.
void lengthen(Piece& piece) {
  int64 end = piece.length();
  for (const SharedArray<Note>* t : {&piece.bridge, &piece.accompaniment})
    for (const Note& n : *t) end = std::max(end, n.end);
  const int64 bar = piece.steps_per_bar;
  constexpr int64 kMostSteps = int64{1} << 20;
  check<ConfigError>(end <= kMostSteps - bar, "'{}' lasts {} bars; the most is {}", piece.name,
                     (end + bar - 1) / bar, kMostSteps / bar);
  std::vector<StepLabels> steps = piece.steps.to_vector();
  while (static_cast<int64>(steps.size()) < end || static_cast<int64>(steps.size()) % bar != 0) {
    StepLabels s;
    const auto t = static_cast<int64>(steps.size());
    s.bar = static_cast<int>(t / bar);
    s.cell = static_cast<std::int16_t>(t % bar);
    steps.push_back(s);
  }
  piece.steps = std::move(steps);
}

/// Several tracks as one: where two play the same note, it is one note, the longer one.
std::vector<Note> united(std::vector<Note> notes) {
  sort_notes(notes);
  std::vector<Note> one;
  for (const Note& n : notes) {
    if (!one.empty() && one.back().start == n.start && one.back().pitch == n.pitch)
      one.back().end = std::max(one.back().end, n.end);
    else
      one.push_back(n);
  }
  return one;
}

}  // namespace

std::size_t melody_track(const Song& song, const std::string& wanted, const std::string& where) {
  check<ConfigError>(!song.tracks.empty(), "'{}' has no notes: there is no melody in it", where);
  std::vector<std::string> names;
  for (const SongTrack& t : song.tracks) names.push_back(t.name);
  if (!wanted.empty()) {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == wanted) return i;
    fail<ConfigError>("'{}' has no track '{}'; it has: {}{}", where, wanted, join(names),
                      did_you_mean(wanted, names));
  }
  for (std::size_t i = 0; i < song.tracks.size(); ++i)
    if (speaks_of(song.tracks[i], "melody") || speaks_of(song.tracks[i], "vocal")) return i;
  for (std::size_t i = 0; i < song.tracks.size(); ++i)
    if (!is_drums(song.tracks[i])) return i;
  fail<ConfigError>("'{}' has drums only: there is no melody in it", where);
}

TimeSignature main_meter(const Song& song) {
  TimeSignature best;
  std::map<std::pair<int, int>, int64> ticks;
  int64 longest = -1;
  const auto& changes = song.time_signatures;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const int64 begin = i == 0 ? 0 : changes[i].tick;
    const int64 end = i + 1 < changes.size() ? changes[i + 1].tick : std::max(song.end(), begin);
    int64& total = ticks[{changes[i].numerator, changes[i].denominator}];
    total += end - begin;
    if (total <= longest) continue;
    longest = total;
    best = changes[i];
    for (std::size_t first = i; first-- > 0;)
      if (changes[first].numerator == best.numerator &&
          changes[first].denominator == best.denominator)
        best.tick = changes[first].tick;
  }
  return best;
}

MidiPiece midi_piece(Song song, const std::string& name, int steps_per_quarter,
                     const std::string& melody) {
  MidiPiece m;
  m.melody_track = melody_track(song, melody, name);
  m.meter = main_meter(song);
  const int64 bar = std::max(1, steps_per_quarter * 4 * m.meter.numerator / m.meter.denominator);
  const int64 origin = (2 * m.meter.tick * steps_per_quarter + song.ticks_per_quarter) /
                       (2 * int64{song.ticks_per_quarter});
  m.lead = (bar - origin % bar) % bar;
  const auto on_grid = [&](const std::vector<Note>& ticks) {
    std::vector<Note> notes = to_steps(ticks, song.ticks_per_quarter, steps_per_quarter);
    for (Note& n : notes) n.start += m.lead, n.end += m.lead;
    return notes;
  };
  m.piece = make_piece(name, monophonic(on_grid(song.tracks[m.melody_track].notes)),
                       m.meter.numerator, m.meter.denominator, {}, Style::block, steps_per_quarter);
  m.piece.key = key_of(song);
  std::vector<Note> others;
  for (std::size_t i = 0; i < song.tracks.size(); ++i) {
    if (i == m.melody_track || is_drums(song.tracks[i])) continue;
    const std::vector<Note> notes = on_grid(song.tracks[i].notes);
    if (!m.bridge_track && speaks_of(song.tracks[i], "bridge")) {
      m.bridge_track = i;
      m.piece.bridge = notes;
    } else {
      others.insert(others.end(), notes.begin(), notes.end());
    }
  }
  m.piece.accompaniment = united(std::move(others));
  lengthen(m.piece);
  m.song = std::move(song);
  return m;
}

void set_chords(Piece& piece, const Progression& chords, int64 first) {
  const int64 beat = piece.steps_per_bar / chords.beats_per_bar;
  std::vector<StepLabels> steps = piece.steps.to_vector();
  for (int64 t = 0; t < piece.length(); ++t) {
    const auto i = static_cast<std::size_t>(std::max<int64>(t - first, 0) / beat);
    set_chord(steps[static_cast<std::size_t>(t)],
              t < first ? Chord{} : chords.beats[i % chords.beats.size()]);
  }
  piece.steps = std::move(steps);
}

void set_chords(MidiPiece& m, const Progression& chords) {
  set_chords(m.piece, chords, m.lead > 0 ? m.piece.steps_per_bar : 0);
  m.has_chords = true;
}

void arrange_target(MidiPiece& m, const Progression& chords, Style style) {
  Tune tune;
  tune.name = m.piece.name;
  tune.key = m.piece.key;
  tune.beats = m.meter.numerator;
  tune.unit = m.meter.denominator;
  tune.sections = {{"A", style, 0, m.piece.bars()}};
  tune.chords.beats_per_bar = tune.beats;
  const auto beats = static_cast<std::size_t>(m.piece.bars() * tune.beats);
  // The pickup's bar has no chords.
  if (m.lead > 0) tune.chords.beats.resize(static_cast<std::size_t>(tune.beats));
  for (std::size_t i = 0; tune.chords.beats.size() < beats; ++i)
    tune.chords.beats.push_back(chords.beats[i % chords.beats.size()]);
  const int factor = m.piece.steps_per_quarter / kCellsPerQuarter;
  tune.melody = m.piece.melody.to_vector();
  for (Note& n : tune.melody) n.start /= factor, n.end = (n.end + factor - 1) / factor;
  std::vector<Note> notes = accompaniment(tune);
  for (Note& n : notes) n.start *= factor, n.end *= factor;
  m.piece.accompaniment = std::move(notes);
  m.arranged = true;
}

}  // namespace gradus
