// Checkpoints: model, optimizer and the place where a run stands in one safetensors file, with a
// checksum. Written atomically; a file that is damaged or does not fit changes nothing.
#pragma once

#include <filesystem>
#include <string>

#include "nn/module.h"
#include "tensor/safetensors.h"
#include "train/optimizer.h"

namespace gradus {

/// Where a run stands, beside the numbers of model and optimizer. It holds no times: the same run
/// writes the same bytes.
struct TrainingPoint {
  int64 epoch = 0;         ///< epochs that are complete
  int64 step = 0;          ///< optimizer steps so far
  double best_loss = 0;    ///< smallest validation loss so far
  double threshold = 0.5;  ///< of decoding, chosen on validation
  int64 epoch_steps = 0;   ///< steps of the epoch under way
  double epoch_loss = 0;   ///< sum of their losses
  int64 epochs_since_best = 0;
  int64 log_lines = 0;  ///< lines of log.jsonl so far
  bool operator==(const TrainingPoint&) const = default;
};

/// Model, optimizer and point in one file, atomically.
void save_checkpoint(const std::filesystem::path& file, const Module& model,
                     const Optimizer* optimizer, const TrainingPoint& point);
/// ConfigError names what does not fit the model, IoError what is damaged; nothing is changed then.
TrainingPoint load_checkpoint(const std::filesystem::path& file, Module& model,
                              Optimizer* optimizer);

/// Over names, dtypes, shapes and bytes of all tensors: what metadata "checksum" of a checkpoint
/// holds.
std::string checkpoint_checksum(const TensorFile& file);

}  // namespace gradus
