// A song of POP909 as models see it: three tracks on the papers' grid, 16 ticks a quarter, and a
// chord, a phrase and a melody pitch for each tick (C1, preprocessing.py, and SPEC 5). The roll
// begins with the first note of any track and ends one tick behind the last. A position > 0 delays
// the labels by so many ticks, one < 0 pads the roll in front; labels are then padded (no chord,
// phrase 'x', rest) or cut to the roll's length.
#pragma once

#include <array>

#include "data/pop909_files.h"
#include "data/pop909_labels.h"
#include "data/roll.h"

namespace gradus {

inline constexpr int kPopTicks = 16;  ///< a quarter
inline constexpr int kPopTracks = 3;  ///< melody, bridge, piano
/// "melody", "bridge", "piano".
std::string pop_track_name(int track);

/// The label files of one song, as they are.
struct PopLabels {
  PopChordLabels chords;
  std::vector<PopKey> keys;
  std::vector<PopPhrase> phrases;  ///< of label 2 for songs 062 and 328, else of label 1
  std::vector<PopMelodyNote> melody;
  int beats_per_bar = 4;  ///< 3 where chords and melody are as long as the phrases in 3/4
  int64 bars() const;     ///< of phrases
  int64 phrase_quarters() const;
};
/// The names of the label files that are read for a song.
std::vector<std::string> pop_label_files(int song);
/// IoError says what is broken, or that the chords end long before the phrases.
PopLabels read_pop_labels(const PopFolders& folders, int song);

struct PopSong {
  int number = 0;
  std::string name;  ///< "001"
  PopSplit split = PopSplit::train;
  PopLabels labels;
  std::array<std::vector<Note>, kPopTracks> tracks;  ///< in ticks of the roll
  int64 ticks = 0;                                   ///< length of the roll
  int64 position = 0;                                ///< of startpos.csv
  int64 start = 0;                                   ///< the tick of the labels' first bar line
  std::vector<PopPhrase> phrases;                    ///< with a phrase 'x' for padding at each end
  std::vector<std::uint16_t> chord_at;   ///< by tick: 1 + index into labels.chords.spans, 0 none
  std::vector<std::uint16_t> phrase_at;  ///< by tick: index into phrases
  std::vector<std::uint8_t> melody_at;   ///< by tick: pitch, 0 rest

  PopChord chord(int64 tick) const;
  const PopPhrase& phrase(int64 tick) const;
  int ticks_per_bar() const { return kPopTicks * labels.beats_per_bar; }
  /// Bars since the first bar line that is not before the roll; tick since the last bar line.
  int64 bar(int64 tick) const;
  int64 tick_in_bar(int64 tick) const;
  /// By how many quarters the chords end behind the roll; negative: before its end.
  double chords_past_roll() const;
};
/// Reads the MIDI file and lays the labels over it. IoError says what is missing or broken.
PopSong read_pop_song(const PopFolders& folders, int song, PopLabels labels, int64 position,
                      PopSplit split);

/// Onsets and sustain of all tracks side by side, u8 [length, 384]: melody, bridge, piano.
Roll pop_roll(const PopSong& song, int64 begin, int64 length);

}  // namespace gradus
