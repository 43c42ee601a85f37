// A MIDI file, or a folder of them, as a data set: every *.mid and *.midi below the folder, with
// the chords of NAME.chords beside NAME.mid. A file that cannot be used never stops the others.
#pragma once

#include "data/midi_piece.h"

namespace gradus {

/// One file and why it is not in use.
struct LeftOut {
  std::string name, reason;
};

struct MidiFile {
  std::string name;  ///< the path below the folder; without ending if no other has that name
  std::filesystem::path path, chords;
};
/// A single file, called like it without its extension.
MidiFile one_midi_file(const std::filesystem::path& path);
/// All MIDI files below a folder, or the one file itself, by name; folders that cannot be read are
/// passed over. `chords` is where its chords would lie.
std::vector<MidiFile> find_midi_files(const std::filesystem::path& source);

/// Reads a file and its chords, if it has some; where it has no accompaniment, the arranger's
/// (ballad) is the target. `melody` names that track. IoError or ConfigError say what is wrong.
MidiPiece read_midi_piece(const MidiFile& file, int steps_per_quarter,
                          const std::string& melody = {});

/// Why a song without a target is no part of a training set.
inline constexpr const char* kMelodyOnly =
    "melody only, with neither accompaniment nor chords (NAME.chords) to arrange one";

struct MidiSet {
  std::vector<MidiPiece> songs;  ///< by name; without a target those that are melody only
  std::vector<LeftOut> broken;
};
/// IoError where no file can be used, with the first one's reason.
MidiSet read_midi_set(const std::filesystem::path& source,
                      int steps_per_quarter = kStepsPerQuarter);
/// The file of that name; ConfigError names the nearest.
const MidiFile& find_midi_file(const std::vector<MidiFile>& files, const std::string& name,
                               const std::filesystem::path& source);

}  // namespace gradus
