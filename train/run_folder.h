// A run folder holds everything of one training run: experiment.toml (configuration as run),
// environment.json (version, compiler, BLAS, threads), log.jsonl (one JSON object a line),
// checkpoints/*.safetensors, and at the end samples/*.mid and metrics.json, the last file of all.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "train/checkpoint.h"
#include "train/experiment.h"

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
  std::filesystem::path metrics() const { return path_ / "metrics.json"; }
  /// Whether the run has ended: metrics.json, which is written last, is there.
  bool complete() const;

  /// Appends a line to log.jsonl.
  void log(const LogLine& line) const;
  /// Cuts log.jsonl to its first lines; gives the "seconds" of the last one that has them, else 0.
  /// IoError where it has fewer lines.
  double keep_log(int64 lines) const;
  /// What was logged is on the disk: before a checkpoint counts its lines.
  void sync_log() const;
  /// Removes what a killed process was writing.
  void remove_leftovers() const;

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace gradus
