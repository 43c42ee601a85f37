// A MIDI file as a piece: which track is the melody, in which meter it is read, where its bar lines
// stand. The bridge is the track that is called so; all other tracks but the drums are the
// accompaniment. Without one, chords are enough to arrange a target.
#pragma once

#include <optional>

#include "data/piece.h"

namespace gradus {

struct MidiPiece {
  Piece piece;
  Song song;  ///< as read
  std::size_t melody_track = 0;
  std::optional<std::size_t> bridge_track;
  TimeSignature meter;  ///< the one that holds longest
  int64 lead = 0;       ///< steps of the piece in front of the song: a pickup ends the first bar
  bool has_chords = false;  ///< chords were given
  bool arranged = false;    ///< the accompaniment is the arranger's, not the file's
  bool has_target() const { return !piece.accompaniment.empty(); }
};

/// Which track is the melody: the one called `wanted`, else one whose name speaks of melody or
/// vocals, else the first that is no drum kit. ConfigError names the tracks; `where` is the file.
std::size_t melody_track(const Song& song, const std::string& wanted, const std::string& where);
/// The meter that holds longest, and where its first bar line stands: before it lies a pickup, or
/// an introduction in another meter.
TimeSignature main_meter(const Song& song);

/// The song on a grid of 4 or 16 steps a quarter. ConfigError where there is no melody, or the
/// meter does not fit the grid.
MidiPiece midi_piece(Song song, const std::string& name, int steps_per_quarter = kStepsPerQuarter,
                     const std::string& melody = {});
/// Chords from step `first` on, repeated or cut; none before it.
void set_chords(Piece& piece, const Progression& chords, int64 first = 0);
/// The same for a MIDI file, from its first bar line on.
void set_chords(MidiPiece& midi, const Progression& chords);
/// Gives a piece of melody and chords, which has no accompaniment, the arranger's.
void arrange_target(MidiPiece& midi, const Progression& chords, Style style = Style::ballad);

}  // namespace gradus
