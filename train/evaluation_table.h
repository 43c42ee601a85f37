// The table of an evaluation: a model and the floors beside it, as text, CSV and JSON, and what may
// not be read into it: a number that a floor reaches shows nothing.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/evaluation.h"

namespace gradus {

struct EvaluationTable {
  /// What the numbers are of, in order: {"data", "..."}, {"windows", "..."}, {"run", "..."}.
  std::vector<std::pair<std::string, std::string>> heading;
  int64 bars = 0, windows = 0;
  Split split = Split::test;
  double threshold = 0;             ///< of the model; 0 where there is none
  std::vector<EvaluationRow> rows;  ///< where there is a model, the first ones are its
  bool has_model() const { return threshold > 0; }
};
/// Heading, rows, and for each measure the floors that reach the model.
std::string text(const EvaluationTable& table);
/// "onset F1 31.2: reached by block-chords (31.9); onset F1 shows nothing", one for each measure
/// where that is so.
std::vector<std::string> reached_by_floors(const EvaluationTable& table);
/// One line a row, with a line of names before them.
std::string csv(const EvaluationTable& table);
std::string json(const EvaluationTable& table);

}  // namespace gradus
