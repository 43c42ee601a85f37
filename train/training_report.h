// What stands in the report of a run, on the held-out pieces: measured with the best parameters and
// the threshold that was chosen on validation.
#pragma once

#include <string>
#include <vector>

#include "train/evaluation_table.h"
#include "train/run_folder.h"

namespace gradus {

struct TrainingReport {
  enum class Ending : std::uint8_t {
    all_epochs,
    patience,  ///< train.patience epochs without a smaller validation loss
    stopped    ///< asked to; only steps, epochs and seconds are filled in
  } ending = Ending::all_epochs;
  double validation_loss = 0;  ///< of the model, as it was trained
  double mean_loss = 0;        ///< cross entropy of predicting each output's mean
  bool weighted = false;       ///< positive weight or focal loss: the two cannot be compared
  double threshold = 0.5;
  std::vector<std::string> held_out;  ///< names of the validation pieces
  EvaluationTable table;              ///< the model beside the floors, in windows of them
  int64 parameters = 0, steps = 0, epochs = 0;
  double seconds = 0;
};

/// The text of metrics.json: the report without its times, so that the same run gives the same
/// bytes.
std::string metrics_json(const TrainingReport& report);
/// The last line of the log.
LogLine report_line(const TrainingReport& report);

}  // namespace gradus
