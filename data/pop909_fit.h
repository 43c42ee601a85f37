// Do the labels of a POP909 song lie where its notes are? melody.txt was made from the MELODY
// track, so its notes must meet onsets of the same pitch. A wrong position in startpos.csv shows.
#pragma once

#include "data/pop909_song.h"

namespace gradus {

/// Shares of the notes of melody.txt with an onset of their pitch at most two ticks away.
struct PopFit {
  double share = 0;       ///< with the song's position
  double best_share = 0;  ///< with the best position within 16 bars of it
  int64 best_position = 0;
};
PopFit melody_fit(const PopSong& song);

}  // namespace gradus
