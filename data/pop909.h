// POP909 as a data set: which songs are used, in which split, and their windows. A song that cannot
// be used is left out, named, with the reason; it never stops the others.
#pragma once

#include "data/harmony_set.h"
#include "data/pop909_fit.h"
#include "data/pop909_piece.h"

namespace gradus {

enum class PopReason : std::uint8_t {
  three_four,  ///< in 3/4 by its labels
  no_start,    ///< not in startpos.csv
  no_split,    ///< not in split.csv
  missing,     ///< a file of it is not there
  broken,      ///< a file of it cannot be read
  too_short,   ///< no window
};
inline constexpr int kPopReasons = 6;
std::string name(PopReason reason);

struct PopLeftOut {
  int song = 0;
  PopReason reason = PopReason::missing;
  std::string message;  ///< what is wrong, with path and line where a file is
};

struct PopSet {
  std::vector<PopSong> songs;        ///< in use, by number
  std::vector<PopLeftOut> left_out;  ///< by number
  ChordVocabulary chords;            ///< of their labels
  /// ConfigError says why a song is not in use.
  const PopSong& song(int number) const;
  int64 count(PopSplit split) const;
};
/// Where labels begin: at the position of startpos.csv, as in the papers, or where melody.txt fits
/// the MELODY track best.
enum class PopAlignment : std::uint8_t { papers, melody };
PopAlignment parse_pop_alignment(const std::string& text);

/// The songs of the papers: in startpos.csv and split.csv, in 4/4 (one in 3/4 stands in both lists
/// and is kept), at least one window of 512 steps. IoError where a clone or a list is missing.
PopSet read_pop909(const std::filesystem::path& data,
                   PopAlignment alignment = PopAlignment::papers);

/// Ticks [begin, begin + length) of a song; length is one more than a model's steps.
struct PopWindow {
  std::size_t song = 0;
  int64 begin = 0, length = 0;
  bool operator==(const PopWindow&) const = default;
};
/// Where the windows of steps + 1 ticks begin that follow each other with so much overlap.
std::vector<int64> window_begins(int64 ticks, int64 steps, int64 overlap);
/// Where the papers' windows begin; steps is 512 times 1 to 8. Those of 512 steps have overlap 64.
/// A longer one is joined of as many of these as cover its steps + 1 ticks, and the next begins
/// steps / 512 of these later.
std::vector<int64> joined_window_begins(int64 ticks, int64 steps);

std::vector<PopWindow> cut_windows(const PopSet& set, PopSplit split, int64 steps, int64 overlap);
std::vector<PopWindow> joined_windows(const PopSet& set, PopSplit split, int64 steps);
/// The papers' windows over pieces that begin with the first note (PopBegin), without their last
/// tick: models see `steps` of them.
std::vector<PieceWindow> paper_windows(const std::vector<Piece>& pieces, Split split, int64 steps);

}  // namespace gradus
