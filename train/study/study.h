// Study: a grid of experiments, from a TOML file. [base] and a preset set keys of all cells; each
// axis has named values that set keys; the cells are all combinations of the axes' values, but for
// those that [without] leaves out. Combinations that come to the same configuration are one cell.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/piece.h"
#include "train/experiment.h"

namespace gradus {

struct StudyValue {
  std::string name;  ///< "rope_a", "BIN", "3"
  std::vector<Setting> settings;
};
struct StudyAxis {
  std::string name;
  std::vector<StudyValue> values;
};

struct Study {
  std::string name;
  std::string preset;            ///< "base" where the file has none
  std::string note;              ///< what the preset changes, in words
  std::vector<int64> test_bars;  ///< lengths of the windows that cells are judged by
  std::optional<Split> split;    ///< that they are of; none: test where the data has it
  std::vector<Setting> base;     ///< of all cells, preset included
  std::vector<StudyAxis> axes;
  /// Combinations that are left out: for some axes, the values that may not meet.
  struct Without {
    std::vector<std::vector<std::string>> values;  ///< for each axis; empty: any
  };
  std::vector<Without> without;
  std::string where;

  /// `preset`: empty where the file has none. ConfigError with file, line and nearest spelling.
  static Study parse(std::string_view text, const std::string& where, const std::string& preset);
  static Study read(const std::filesystem::path& file, const std::string& preset);
};

struct StudyCell {
  Experiment experiment;
  std::string hash;  ///< configuration_hash
  /// For each axis the names of the values that this cell stands for, as in CellRow.
  std::vector<std::vector<std::string>> values;
};
/// The cells in the order of their combinations, the last axis fastest. `source`: the data, where
/// it is another than the file's.
std::vector<StudyCell> study_cells(const Study& study,
                                   const std::optional<std::string>& source = {});

/// The settings `over` stand before `all`: the options of another encoding than the one that they
/// name are dropped.
void lay(std::vector<Setting>& all, const std::vector<Setting>& over);
/// Without settings that make no difference: an encoding that takes no labels has the context time,
/// and options that are as by default are left out.
Experiment canonical(Experiment experiment);
/// 16 hexadecimal digits of all keys that are not as by default, but for the path of the data, and
/// how often a run is saved and logged: the same on every machine, and for keys that are new.
std::string configuration_hash(const Experiment& experiment);

}  // namespace gradus
