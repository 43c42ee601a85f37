// A run folder holds everything of one training run: experiment.toml (configuration as run),
// environment.json (version, compiler, BLAS, threads), log.jsonl (one JSON object a line),
// checkpoints/*.safetensors.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "nn/module.h"
#include "train/experiment.h"
#include "train/optimizer.h"

namespace gradus {

/// A number (NaN and Inf are written as null), a count or a word.
using LogValue = std::variant<double, int64, std::string>;
using LogLine = std::vector<std::pair<std::string, LogValue>>;

class RunFolder {
 public:
  /// Makes the folder with experiment.toml and environment.json. ConfigError where a run stands
  /// there already, IoError with the path and the reason where it cannot be written.
  static RunFolder create(const std::filesystem::path& path, const Experiment& experiment);
  /// ConfigError where `path` holds no run, with what is missing.
  static RunFolder open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  Experiment experiment() const;
  std::filesystem::path checkpoint(std::string_view name) const {
    return path_ / "checkpoints" / fmt::format("{}.safetensors", name);
  }
  /// Appends a line to log.jsonl.
  void log(const LogLine& line) const;

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

/// Where a run stands, beside the numbers of model and optimizer.
struct TrainingPoint {
  int64 epoch = 0;         ///< epochs that are complete
  int64 step = 0;          ///< optimizer steps so far
  double best_loss = 0;    ///< smallest validation loss so far
  double threshold = 0.5;  ///< of decoding, chosen on validation
};
/// Model, optimizer and point in one file, atomically.
void save_checkpoint(const std::filesystem::path& file, const Module& model,
                     const Optimizer* optimizer, const TrainingPoint& point);
/// ConfigError names what does not fit the model; nothing is changed then.
TrainingPoint load_checkpoint(const std::filesystem::path& file, Module& model,
                              Optimizer* optimizer);

}  // namespace gradus
