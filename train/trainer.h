// The training loop: batches in a random order that is a function of seed and epoch, gradient
// accumulation, clipping, schedule, validation and checkpoints at each epoch's end, a log line
// every few steps.
#pragma once

#include "train/harmonizer.h"
#include "train/harmony_source.h"
#include "train/metrics.h"
#include "train/run_folder.h"
#include "train/schedule.h"

namespace gradus {

/// What stands in the report of a run, on the held-out tunes.
struct TrainingReport {
  double validation_loss = 0, mean_loss = 0;  ///< of the model; of predicting each output's mean
  double threshold = 0.5;
  std::vector<std::string> held_out;  ///< names of the validation tunes
  OnsetScore model, block_chords;     ///< against the target's onsets
  int64 parameters = 0, steps = 0, epochs = 0;
  double seconds = 0;
};

class Trainer {
 public:
  /// Pieces and windows of the bundled tunes, model, optimizer. Runs one window through the model:
  /// labels that the encoding cannot take are refused here, before anything is written.
  explicit Trainer(const Experiment& experiment);

  Harmonizer& harmonizer() { return harmonizer_; }
  const std::vector<Piece>& pieces() const { return data_.pieces; }
  const HarmonyData& data() const { return data_; }
  /// The batches of an epoch, in order.
  std::vector<std::vector<PieceWindow>> epoch_batches(int64 epoch) const;
  HarmonyBatch batch(std::span<const PieceWindow> windows) const;
  int64 steps_per_epoch() const;

  /// One optimizer step on `parts` (micro-batches); returns the mean loss.
  double step(std::span<const std::vector<PieceWindow>> parts);
  /// Mean loss over the validation windows.
  double validation_loss() const;
  /// The onset threshold with the best onset F1 on the validation windows.
  double best_threshold() const;

  /// All epochs into the run folder; leaves the best parameters in the model.
  TrainingReport run(const RunFolder& folder, bool quiet = false);

  /// Numbers of the last step.
  double last_norm() const { return last_norm_; }
  double learning_rate() const {
    return experiment_.train.learning_rate * schedule_.factor(point_.step);
  }
  const TrainingPoint& point() const { return point_; }

 private:
  void try_one_window();
  TrainingReport report() const;
  Experiment experiment_;
  HarmonyData data_;
  std::vector<PieceWindow> train_, validation_;
  Harmonizer harmonizer_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule schedule_;
  TrainingPoint point_;
  double last_norm_ = 0;
};

}  // namespace gradus
