// What `gradus harmonize` reads: a melody from a MIDI file, a bundled tune, or a song of a data
// set.
#pragma once

#include <string>

#include "data/harmony_data.h"

namespace gradus {

struct HarmonizeSong {
  Song kept;       ///< melody, and bridge where there is one
  Piece piece;     ///< what the model reads
  int64 lead = 0;  ///< steps of the piece before the kept song begins
  bool has_chords = false;
};

/// `chords` is a progression or a file with one; empty: FILE.chords beside the MIDI file, if it is
/// there. `track` names the melody's; empty: found by name.
HarmonizeSong song_of_midi(const MidiFile& file, const std::string& track,
                           const std::string& chords, int steps_per_quarter);
HarmonizeSong song_of_tune(const std::string& name, const std::string& chords,
                           int steps_per_quarter);
/// A song of POP909, from its first bar line on.
HarmonizeSong song_of_pop909(const std::filesystem::path& data, const std::string& name,
                             const std::string& chords, PopAlignment alignment,
                             int steps_per_quarter);

/// Notes in steps of the piece as a further track; what would sound before the song begins falls
/// away. Its channel is none that the song has.
void add_track(HarmonizeSong& song, const std::string& name, int program,
               const std::vector<Note>& notes);

}  // namespace gradus
