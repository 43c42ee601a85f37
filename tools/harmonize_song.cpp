#include "tools/harmonize_song.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "data/arranger.h"
#include "tensor/error.h"

namespace gradus {

namespace fs = std::filesystem;

namespace {

/// Ticks in which both the song, unchanged, and steps of the accompaniment are whole numbers.
int common_ticks(int ticks_per_quarter, int steps_per_quarter) {
  constexpr int kMost = 32767, kUsual = 480;
  const int both = std::lcm(ticks_per_quarter, steps_per_quarter);
  return both <= kMost ? both : kUsual;
}

Progression chords_from(const std::string& chords, int beats) {
  std::error_code ignored;
  if (fs::exists(chords, ignored)) return read_progression(chords, beats);
  try {
    return parse_progression(chords, beats, "--chords");
  } catch (Error& e) {
    if (chords.find_first_of("| ") == std::string::npos)
      e.add(fmt::format("nor is there a file '{}'", chords));
    throw;
  }
}

}  // namespace

HarmonizeSong song_of_midi(const MidiFile& file, const std::string& track,
                           const std::string& chords, int steps_per_quarter) {
  HarmonizeSong s;
  MidiFile without_chords = file;
  if (!chords.empty()) without_chords.chords.clear();
  MidiPiece m = read_midi_piece(without_chords, steps_per_quarter, track);
  if (m.song.time_signatures.size() > 1)
    fmt::print(stderr, "note: '{}' changes its meter; all of it is read in {}/{}\n",
               file.path.string(), m.meter.numerator, m.meter.denominator);
  if (!chords.empty()) set_chords(m, chords_from(chords, m.meter.numerator));
  s.lead = m.lead;
  s.has_chords = m.has_chords;
  s.kept = with_ticks(m.song, common_ticks(m.song.ticks_per_quarter, steps_per_quarter));
  std::vector<SongTrack> tracks = {s.kept.tracks[m.melody_track]};
  if (tracks[0].name.empty()) tracks[0].name = "melody";
  if (m.bridge_track) tracks.push_back(s.kept.tracks[*m.bridge_track]);
  s.kept.tracks = std::move(tracks);
  s.piece = std::move(m.piece);
  return s;
}

HarmonizeSong song_of_tune(const std::string& name, const std::string& chords,
                           int steps_per_quarter) {
  HarmonizeSong s;
  const Tune& tune = bundled_tune(name);
  s.piece = make_piece(tune);
  s.has_chords = true;
  if (!chords.empty()) {
    set_chords(s.piece, chords_from(chords, tune.beats),
               tune.has_pickup ? s.piece.steps_per_bar : 0);
    s.piece.accompaniment = {};  // the target of other chords
  }
  s.piece = finer(s.piece, steps_per_quarter / kStepsPerQuarter);
  s.kept = arrange(tune);
  s.kept.tracks.resize(1);
  return s;
}

HarmonizeSong song_of_pop909(const fs::path& data, const std::string& name,
                             const std::string& chords, PopAlignment alignment,
                             int steps_per_quarter) {
  const int number = parse_pop_song(name);
  const PopSet set = read_pop909(data, alignment);
  const PopSong& song = set.song(number);
  HarmonizeSong s;
  s.piece = make_piece(song, steps_per_quarter, PopBegin::bar_line);
  s.has_chords = true;
  if (!chords.empty()) {
    set_chords(s.piece, chords_from(chords, song.labels.beats_per_bar));
    s.piece.accompaniment = {};  // the target of other chords
  }
  // The song's own times, with silence in front up to the bar line.
  s.kept.ticks_per_quarter = kPopTicks;
  s.kept.title = fmt::format("POP909 {}", song.name);
  const std::vector<TempoChange> tempos = read_midi(find_pop909(data).midi_file(number)).tempos;
  constexpr int64 kUsualTempo = 60000000 / 90;
  s.kept.tempos = {{0, tempos.empty() ? kUsualTempo : tempos[0].microseconds_per_quarter}};
  s.kept.time_signatures = {{0, song.labels.beats_per_bar, 4}};
  for (int i = 0; i < 2; ++i) {  // melody and bridge
    SongTrack track{pop_track_name(i), 0, song.tracks[static_cast<std::size_t>(i)]};
    for (Note& n : track.notes) {
      n.start += song.tick_in_bar(0), n.end += song.tick_in_bar(0);
      n.channel = i;
    }
    if (!track.notes.empty()) s.kept.tracks.push_back(std::move(track));
  }
  s.kept = with_ticks(s.kept, 480);
  return s;
}

void add_track(HarmonizeSong& s, const std::string& name, int program,
               const std::vector<Note>& notes) {
  constexpr int kDrumChannel = 9;
  const auto used = [&](int channel) {
    return channel == kDrumChannel ||
           std::any_of(s.kept.tracks.begin(), s.kept.tracks.end(), [channel](const SongTrack& t) {
             return !t.notes.empty() && t.notes[0].channel == channel;
           });
  };
  int channel = 1;
  while (used(channel)) channel = (channel + 1) % 16;
  SongTrack track{name, program, {}};
  const int ticks = s.kept.ticks_per_quarter;
  const int64 lead = s.lead * ticks / s.piece.steps_per_quarter;
  for (Note n : to_ticks(notes, ticks, s.piece.steps_per_quarter)) {
    n.start = std::max<int64>(n.start - lead, 0);
    n.end -= lead;
    n.channel = channel;
    if (n.end > n.start) track.notes.push_back(n);
  }
  sort_notes(track.notes);
  s.kept.tracks.push_back(std::move(track));
}

}  // namespace gradus
