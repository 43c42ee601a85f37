// The rows of a study: cells.csv, one finished cell a line, and floors.csv, what needs no learning.
// Both are text that reads back exactly (17 digits), are written whole or not at all, and are read
// strictly: a line that was cut or mistyped is refused with its number. Rows of another machine may
// be appended by hand.
//
//   study,preset,hash,AXIS...,parameters,epochs,steps,seconds,threshold,validation_loss,
//   MEASURE_BARS...,digest,version,compiler,level,threads,blas_core
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "train/harmony_metrics.h"

namespace gradus {

/// The measures over windows of one length, as columns: cs_16, ssmd_16, gs_16, ndd_missing_16,
/// ndd_two_sided_16, onset_f1_16, note_f1_16, onset_ratio_16. SSMD as in the papers' code, times
/// 100.
struct StudyMeasures {
  int64 bars = 0;
  double cs = 0, ssmd = 0, gs = 0, ndd_missing = 0, ndd_two_sided = 0, onset_f1 = 0, note_f1 = 0,
         onset_ratio = 0;
  bool operator==(const StudyMeasures&) const = default;
};
StudyMeasures study_measures(const HarmonyScore& score, int64 bars);
/// A measure by its name in the columns, for those who go through all of them.
struct StudyMeasure {
  std::string_view name;
  double StudyMeasures::*value;
};
std::span<const StudyMeasure> study_measure_table();

/// What a cell gave and where it was run; equal numbers are promised for equal version, compiler,
/// level, threads and blas_core.
struct CellRow {
  std::string study, preset, hash;
  /// For each axis the names of its values that this cell stands for: one, or all that make no
  /// difference to it (no encoding reads no context). In the file they stand as "TIME|REP|BIN".
  std::vector<std::vector<std::string>> values;
  int64 parameters = 0, epochs = 0, steps = 0;
  double seconds = 0;  ///< of training
  double threshold = 0, validation_loss = 0;
  std::vector<StudyMeasures> tests;  ///< one for each length of the table
  std::string digest;                ///< of the parameters that were judged
  std::string version, compiler, level;
  int64 threads = 0;
  std::string blas_core;
  bool operator==(const CellRow&) const = default;
};

struct CellTable {
  std::vector<std::string> axes;
  std::vector<int64> bars;  ///< lengths of the test windows
  std::vector<CellRow> rows;
  /// The index of an axis, or -1.
  int64 axis(std::string_view name) const;
};
std::string cells_csv(const CellTable& table);
/// IoError with `where` and the line for anything that is no table of cells.
CellTable parse_cells(std::string_view text, const std::string& where);
CellTable read_cells(const std::filesystem::path& file);

struct FloorRow {
  std::string study, preset, floor;
  int64 windows = 0;  ///< how many were judged
  StudyMeasures measures;
  bool operator==(const FloorRow&) const = default;
};
/// study,preset,floor,bars,windows,MEASURE...
std::string floors_csv(std::span<const FloorRow> rows);
std::vector<FloorRow> parse_floors(std::string_view text, const std::string& where);
std::vector<FloorRow> read_floors(const std::filesystem::path& file);

/// The columns that are no axis.
std::span<const std::string_view> cell_columns();

}  // namespace gradus
