// Mutual information of pitch and label: how much a context says about the notes that sound in it
// (Table I of the paper on RoPEPool, SPEC 6.2). Every cell that sounds is a pair of its pitch and
// the label of its step; the estimate is the plug-in one, in nats:
//
//   I = sum over pitch x, label p of P(x, p) ln(P(x, p) / (P(x) P(p)))
//
// Of N pairs it is too high by about (pitches - 1)(labels - 1) / 2N (Miller 1955). How high it is
// where nothing is to be known, is seen by shuffling: the same pitches and labels, paired at
// random.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "data/harmony_data.h"

namespace gradus {

/// Cells that sound: each has a pitch and stands in a row, which is a step of a window.
struct SoundingCells {
  std::vector<std::uint8_t> pitch;
  std::vector<std::uint32_t> row;
  int64 rows = 0;
  int64 size() const { return static_cast<int64>(pitch.size()); }
};
/// A label for each row, numbered from 0.
struct RowLabels {
  std::vector<std::uint32_t> label;
  int64 labels = 0;  ///< how many there are
};

/// Of all three tracks, each on its own.
SoundingCells sounding_cells(const std::vector<Piece>& pieces,
                             std::span<const PieceWindow> windows);
/// "time", "bin", or "bin+beat" for both together; several columns are one label.
RowLabels row_labels(const std::vector<Piece>& pieces, std::span<const PieceWindow> windows,
                     const ChordVocabulary& chords, const std::string& context);
/// The same pitches in the same rows, paired at random.
SoundingCells shuffled(const SoundingCells& cells, Rng& rng);

/// Nats; 0 where nothing sounds.
double mutual_information(const SoundingCells& cells, const RowLabels& labels);

/// The contexts of the paper as its code reads POP909 (C1, preprocessing.py): a chord is the list
/// of pitch classes beside its name and the number behind that list, which is the bass; KEY moves
/// them to C, without and with the mode. Ours (data/context.h) read the name.
std::vector<std::string> paper_contexts();
/// Windows of pieces that were made of the set's songs, on its grid, from the first note on.
RowLabels paper_row_labels(const PopSet& set, const std::vector<Piece>& pieces,
                           std::span<const PieceWindow> windows, const std::string& context);

struct ContextInformation {
  std::string context;
  int64 labels = 0;
  double nats = 0;
  double shuffled = 0;                                      ///< mean over the shuffles
  double paper = std::numeric_limits<double>::quiet_NaN();  ///< NaN where the paper says nothing
};
struct InformationTable {
  std::string subset;  ///< which windows, in words
  int64 cells = 0, pitches = 0, shuffles = 0;
  std::vector<ContextInformation> rows;
};
/// Contexts of data/context.h that the table shows where nobody chooses.
std::vector<std::string> information_contexts();
/// Over the training split: windows of so many steps, one every half window, or with `papers` those
/// of the papers, and their contexts before the others. ConfigError where there is no window.
InformationTable information_table(const HarmonyData& data, const PopSet* papers, int64 steps,
                                   const std::vector<std::string>& contexts, int64 shuffles,
                                   const Rng& rng);

std::string text(const InformationTable& table);
/// context,labels,nats,shuffled,paper,cells,pitches,shuffles,subset
std::string csv(const InformationTable& table);
/// IoError with `where` and the line for anything else.
InformationTable parse_information(std::string_view csv, const std::string& where);

}  // namespace gradus
