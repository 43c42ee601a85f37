#include "data/pop909_song.h"

#include <algorithm>
#include <cctype>
#include <limits>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/text.h"

namespace gradus {

namespace {

constexpr int64 kMostTicks = int64{1} << 20;  // more than nine hours at 120 quarters a minute

// The nearest tick, halves to even.
int64 nearest_tick(int64 time, int ticks_per_quarter) {
  const int64 scaled = time * kPopTicks, rest = scaled % ticks_per_quarter;
  const int64 tick = scaled / ticks_per_quarter;
  if (2 * rest == ticks_per_quarter) return tick + tick % 2;
  return tick + (2 * rest > ticks_per_quarter);
}

int track_index(const std::string& title) {
  std::string lower(trim(title));
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (int i = 0; i < kPopTracks; ++i)
    if (lower == pop_track_name(i)) return i;
  return -1;
}

void read_tracks(const std::filesystem::path& path, PopSong& song) {
  const Song midi = read_midi(path);
  for (const SongTrack& t : midi.tracks) {
    const int i = track_index(t.name);
    check<IoError>(i >= 0, "{}: unknown track '{}'; known: MELODY, BRIDGE, PIANO", path.string(),
                   t.name);
    auto& notes = song.tracks[static_cast<std::size_t>(i)];
    for (Note n : t.notes) {
      n.start = nearest_tick(n.start, midi.ticks_per_quarter);
      n.end = std::max(nearest_tick(n.end, midi.ticks_per_quarter), n.start + 1);
      notes.push_back(n);
    }
  }
  for (int i : {0, kPopTracks - 1})
    check<IoError>(!song.tracks[static_cast<std::size_t>(i)].empty(),
                   "{}: no notes in a track named {}", path.string(), i == 0 ? "MELODY" : "PIANO");
}

// Drops the silence before the first note, pads where the labels begin before it.
void align_tracks(const std::filesystem::path& path, PopSong& song) {
  int64 first = std::numeric_limits<int64>::max(), last = 0;
  for (const auto& notes : song.tracks)
    for (const Note& n : notes) {
      first = std::min(first, n.start);
      last = std::max(last, n.end);
    }
  const int64 shift = std::max<int64>(-song.position, 0) - first;
  song.start = std::max<int64>(song.position, 0);
  song.ticks = last + shift + 1;
  check<IoError>(song.ticks <= kMostTicks, "{}: {} quarters long; at most {} are read",
                 path.string(), song.ticks / kPopTicks, kMostTicks / kPopTicks);
  check<IoError>(song.start < song.ticks,
                 "{}: ends after {} ticks, before its labels begin (startpos.csv: {})",
                 path.string(), song.ticks, song.start);
  for (auto& notes : song.tracks) {
    for (Note& n : notes) n.start += shift, n.end += shift;
    sort_notes(notes);
  }
}

// Calls f(tick, i) for every tick of the i-th label, lengths[i] ticks long, as far as the roll
// goes.
template <class Labels, class Length, class F>
void lay(const PopSong& song, const Labels& labels, Length&& length, F&& f) {
  int64 tick = song.start;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const int64 end = tick + length(labels[i]);
    for (int64 t = tick; t < std::min(end, song.ticks); ++t) f(static_cast<std::size_t>(t), i);
    tick = end;
  }
}

void lay_labels(PopSong& song) {
  const auto n = static_cast<std::size_t>(song.ticks);
  const PopLabels& l = song.labels;
  song.chord_at.assign(n, 0);
  lay(
      song, l.chords.spans, [](const PopChordSpan& s) { return s.quarters * kPopTicks; },
      [&](std::size_t t, std::size_t i) { song.chord_at[t] = static_cast<std::uint16_t>(i + 1); });
  song.melody_at.assign(n, 0);
  lay(
      song, l.melody, [](const PopMelodyNote& m) { return m.sixteenths * (kPopTicks / 4); },
      [&](std::size_t t, std::size_t i) {
        song.melody_at[t] = static_cast<std::uint8_t>(l.melody[i].pitch);
      });
  if (song.start > 0) song.phrases.push_back({'x', 0});
  const std::size_t padding = song.phrases.size();
  song.phrases.insert(song.phrases.end(), l.phrases.begin(), l.phrases.end());
  song.phrases.push_back({'x', 0});
  song.phrase_at.assign(n, static_cast<std::uint16_t>(song.phrases.size() - 1));
  std::fill_n(song.phrase_at.begin(), std::min(song.start, song.ticks), std::uint16_t{0});
  lay(
      song, l.phrases, [&](const PopPhrase& p) { return p.bars * song.ticks_per_bar(); },
      [&](std::size_t t, std::size_t i) {
        song.phrase_at[t] = static_cast<std::uint16_t>(i + padding);
      });
}

// Chords of a song in 4/4 that a broken file cuts short may be as long as those of one in 3/4: then
// the melody tells. Real songs in 3/4 lack up to 9 quarters of chords, and their melodies end up to
// 2 quarters late.
bool is_three_four(const PopLabels& labels) {
  constexpr int64 kSlack = 12;
  const int64 quarters = labels.chords.quarters(), three = 3 * labels.bars();
  int64 sixteenths = 0;
  for (const PopMelodyNote& n : labels.melody) sixteenths += n.sixteenths;
  const int64 off = std::abs(quarters - three);
  return off <= kSlack && off < std::abs(quarters - 4 * labels.bars()) &&
         sixteenths <= 4 * (three + kSlack);
}

}  // namespace

std::string pop_track_name(int track) {
  constexpr const char* kNames[kPopTracks] = {"melody", "bridge", "piano"};
  return kNames[track];
}

int64 PopLabels::bars() const {
  int64 sum = 0;
  for (const PopPhrase& p : phrases) sum += p.bars;
  return sum;
}

int64 PopLabels::phrase_quarters() const { return bars() * beats_per_bar; }

std::vector<std::string> pop_label_files(int song) {
  // The first labels of these two songs do not fit their length.
  const bool second = song == 62 || song == 328;
  return {"finalized_chord.txt", "analyzed_key.txt",
          second ? "human_label2.txt" : "human_label1.txt", "melody.txt"};
}

PopLabels read_pop_labels(const PopFolders& folders, int song) {
  const std::vector<std::string> files = pop_label_files(song);
  const auto read = [&](const std::string& file, auto parse) {
    const std::filesystem::path path = folders.label_file(song, file);
    return parse(read_file(path, std::uint64_t{1} << 20), path.string());
  };
  PopLabels l;
  l.chords = read(files[0], parse_pop_chords);
  l.keys = read(files[1], parse_pop_keys);
  l.phrases = read(files[2], parse_pop_phrases);
  l.melody = read(files[3], parse_pop_melody);
  // Numbers of chords have 16 bits, those of phrases 15 and a sign; a phrase is added at each end.
  constexpr std::size_t kMostChords = 60000, kMostPhrases = 32000;
  check<IoError>(l.chords.spans.size() <= kMostChords && l.phrases.size() <= kMostPhrases,
                 "{}: {} chords and {} phrases; at most {} and {} are read", pop_song_name(song),
                 l.chords.spans.size(), l.phrases.size(), kMostChords, kMostPhrases);
  l.beats_per_bar = is_three_four(l) ? 3 : 4;
  const int64 quarters = l.chords.quarters();
  // Of the real songs none lacks more than a thirteenth.
  check<IoError>(6 * quarters >= 5 * l.phrase_quarters(),
                 "{}: ends early: {} quarters of chords for {} bars of phrases",
                 folders.label_file(song, files[0]).string(), quarters, l.bars());
  return l;
}

PopChord PopSong::chord(int64 tick) const {
  const std::size_t i = chord_at[static_cast<std::size_t>(tick)];
  return i == 0 ? PopChord{} : labels.chords.spans[i - 1].chord;
}

const PopPhrase& PopSong::phrase(int64 tick) const {
  return phrases[phrase_at[static_cast<std::size_t>(tick)]];
}

int64 PopSong::bar(int64 tick) const {
  const int64 before = (start + ticks_per_bar() - 1) / ticks_per_bar();  // bars that padding fills
  return (tick - start + before * ticks_per_bar()) / ticks_per_bar();
}

int64 PopSong::tick_in_bar(int64 tick) const {
  const int64 before = (start + ticks_per_bar() - 1) / ticks_per_bar();
  return (tick - start + before * ticks_per_bar()) % ticks_per_bar();
}

double PopSong::chords_past_roll() const {
  return static_cast<double>(start + labels.chords.quarters() * kPopTicks - ticks) / kPopTicks;
}

PopSong read_pop_song(const PopFolders& folders, int number, PopLabels labels, int64 position,
                      PopSplit split) {
  PopSong song;
  song.number = number;
  song.name = pop_song_name(number);
  song.split = split;
  song.position = position;
  song.labels = std::move(labels);
  const std::filesystem::path path = folders.midi_file(number);
  read_tracks(path, song);
  align_tracks(path, song);
  lay_labels(song);
  return song;
}

Roll pop_roll(const PopSong& song, int64 begin, int64 length) {
  check<IndexError>(begin >= 0 && length >= 0 && begin <= song.ticks - length,
                    "ticks {} to {} are not in song {}, which has {}", begin, begin + length,
                    song.name, song.ticks);
  Roll all;
  all.onset = zeros({length, kPopTracks * kPitches}, DType::u8);
  all.sustain = zeros({length, kPopTracks * kPitches}, DType::u8);
  auto* onset = all.onset.writable<std::uint8_t>();
  auto* sustain = all.sustain.writable<std::uint8_t>();
  constexpr int64 kColumns = kPopTracks * kPitches;
  for (int64 i = 0; i < kPopTracks; ++i)
    for (const Note& n : song.tracks[static_cast<std::size_t>(i)]) {
      const int64 column = i * kPitches + n.pitch;
      const int64 end = std::min(n.end - begin, length);
      for (int64 t = std::max<int64>(n.start - begin, 0); t < end; ++t)
        sustain[t * kColumns + column] = 1;
      if (n.start >= begin && n.start < begin + length)
        onset[(n.start - begin) * kColumns + column] = 1;
    }
  return all;
}

}  // namespace gradus
