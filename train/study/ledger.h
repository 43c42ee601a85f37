// The ledger of a study: its cells, and which of them have a row in OUT/cells.csv. Rows count by
// their hash, wherever and for whichever study they were made, and at whatever moment they were
// appended: the file is read again before it is written.
#pragma once

#include <filesystem>

#include "train/study/rows.h"
#include "train/study/study.h"

namespace gradus {

class StudyLedger {
 public:
  /// Reads OUT/cells.csv where it is there. IoError for a damaged file, ConfigError where its
  /// windows are of other lengths; nothing is changed then.
  StudyLedger(Study study, std::vector<StudyCell> cells, std::filesystem::path out);

  const Study& study() const { return study_; }
  const std::vector<StudyCell>& cells() const { return cells_; }
  bool done(std::size_t cell) const { return rows_[cell].has_value(); }
  const CellRow& row(std::size_t cell) const { return rows_[cell].value(); }
  std::size_t done_count() const;
  /// Run folder of a cell: OUT/cells/HASH.
  std::filesystem::path folder(std::size_t cell) const;
  std::filesystem::path file() const { return out_ / "cells.csv"; }

  /// A finished cell's row, under this study's name; the file is written anew, whole or not at all.
  /// The row stays here where that fails.
  void add(std::size_t cell, CellRow row);
  /// Rows of finished cells that were not in the file yet, as where a process was killed between
  /// the two. Gives how many there were.
  std::size_t collect();
  /// The file as it should be: rows of the cells in their order, then those of others. What was
  /// appended to it meanwhile stays; where it has a row of a cell that has one here, this one does.
  void write();
  /// "rope_a BIN 2".
  std::string name(std::size_t cell) const;

 private:
  /// The rows of the file, where it is there: those of cells that have none here, and all others.
  void read();
  void set(std::size_t cell, CellRow row);
  Study study_;
  std::vector<StudyCell> cells_;
  std::filesystem::path out_;
  CellTable others_;  // rows of other studies, presets and cells, and axes that this study lacks
  std::vector<std::optional<CellRow>> rows_;
};

}  // namespace gradus
