// The training loop: batches in a random order that is a function of seed and epoch, windows that
// grow, gradient accumulation, clipping, schedule, validation and checkpoints at each epoch's end,
// a log line every few steps. All that is random is a function of seed, epoch and step, so that a
// run which was ended goes on from its last checkpoint bit for bit.
#pragma once

#include <functional>

#include "train/harmonizer.h"
#include "train/harmony_source.h"
#include "train/schedule.h"
#include "train/training_report.h"

namespace gradus {

class Trainer {
 public:
  /// Pieces and windows of the data, model, optimizer. Runs one window through the model:
  /// labels that the encoding cannot take are refused here, before anything is written.
  /// `cache` is the folder of prepared data; empty: none.
  explicit Trainer(const Experiment& experiment, const std::filesystem::path& cache = {});

  Harmonizer& harmonizer() { return harmonizer_; }
  const std::vector<Piece>& pieces() const { return data_.pieces; }
  const HarmonyData& data() const { return data_; }
  /// The batches of an epoch, in order.
  std::vector<std::vector<PieceWindow>> epoch_batches(int64 epoch) const;
  HarmonyBatch batch(std::span<const PieceWindow> windows) const;
  int64 steps_per_epoch() const;

  /// One optimizer step on `parts` (micro-batches); returns the mean loss.
  double step(std::span<const std::vector<PieceWindow>> parts);
  double step(std::span<const HarmonyBatch> parts);
  /// Mean loss over the validation windows.
  double validation_loss() const;
  /// The onset threshold that decodes validation windows best, see threshold.h.
  double best_threshold() const;

  /// All epochs into the run folder, from where its last checkpoint stands; leaves the best
  /// parameters in the model. `stop` is asked after each step: true saves and ends the run there.
  /// ConfigError where the run is complete, or another process trains in the folder.
  TrainingReport run(const RunFolder& folder, bool quiet = false,
                     const std::function<bool()>& stop = {});

  /// Numbers of the last step.
  double last_norm() const { return last_norm_; }
  double learning_rate() const {
    return experiment_.train.learning_rate * schedule_.factor(point_.step);
  }
  /// Steps of the windows that an optimizer step reads, the next one if none is named: the length
  /// curriculum.
  int64 window_steps(int64 step) const;
  int64 window_steps() const { return window_steps(point_.step); }
  const TrainingPoint& point() const { return point_; }

 private:
  class Run;  // one call of run()
  void try_one_window();
  /// The micro-batches of an optimizer step.
  std::vector<HarmonyBatch> step_batches(std::span<const std::vector<PieceWindow>> parts,
                                         int64 step) const;
  /// The share of each output over the training windows, learned when first asked for.
  const MeanPredictor& mean();
  void set_base_rates();
  TrainingReport report();
  Experiment experiment_;
  std::filesystem::path cache_;
  HarmonyData data_;
  std::vector<PieceWindow> train_, validation_;
  Harmonizer harmonizer_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule schedule_;
  TrainingPoint point_;
  MeanPredictor mean_;
  double last_norm_ = 0;
};

}  // namespace gradus
