#include "train/checkpoint.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "tensor/text.h"

namespace gradus {

namespace fs = std::filesystem;

namespace {

constexpr const char* kFormat = "gradus-checkpoint";
constexpr const char* kVersion = "2";
constexpr std::size_t kPointValues = 8;

Tensor point_tensor(const TrainingPoint& p) {
  const auto real = [](int64 n) { return static_cast<double>(n); };
  const std::array<double, kPointValues> values{real(p.epoch),
                                                real(p.step),
                                                p.best_loss,
                                                p.threshold,
                                                real(p.epoch_steps),
                                                p.epoch_loss,
                                                real(p.epochs_since_best),
                                                real(p.log_lines)};
  return from_values<double>(std::vector<double>(values.begin(), values.end()),
                             {static_cast<int64>(kPointValues)});
}

TrainingPoint read_point(const TensorFile& in, const std::string& file) {
  const auto it = in.tensors.find("point");
  check<ConfigError>(it != in.tensors.end() && it->second.dtype() == DType::f64 &&
                         it->second.numel() == static_cast<int64>(kPointValues),
                     "'{}' has no training point", file);
  const std::vector<double> v = it->second.to_vector<double>();
  const auto count = [&](std::size_t i) {
    constexpr double kMost = 9007199254740992.0;
    check<ConfigError>(v[i] >= 0 && v[i] <= kMost && v[i] == std::floor(v[i]),
                       "'{}': the training point counts {} epochs, steps or lines", file, v[i]);
    return static_cast<int64>(v[i]);
  };
  check<ConfigError>(!std::isnan(v[2]) && v[3] >= 0 && v[3] <= 1 && std::isfinite(v[5]),
                     "'{}': the training point has the losses {} and {} and the threshold {}", file,
                     v[2], v[5], v[3]);
  return {.epoch = count(0),
          .step = count(1),
          .best_loss = v[2],
          .threshold = v[3],
          .epoch_steps = count(4),
          .epoch_loss = v[5],
          .epochs_since_best = count(6),
          .log_lines = count(7)};
}

/// Each moment has its parameter's shape and dtype.
void check_moments(const StateDict& moments, const StateDict& parameters) {
  for (const auto& [key, value] : moments) {
    if (key == "steps") continue;
    const auto it = parameters.find(key.substr(0, key.rfind('/')));
    check<ConfigError>(it != parameters.end(),
                       "the optimizer's '{}' belongs to no parameter of the checkpoint", key);
    check<ConfigError>(it->second.shape() == value.shape() && it->second.dtype() == value.dtype(),
                       "the optimizer's '{}' is {}, its parameter {}", key, describe(value),
                       describe(it->second));
  }
}

/// Eight bytes at a time: a checkpoint of 100 MB takes a few hundredths of a second.
class Hash {
 public:
  void add(const void* bytes, std::size_t count) {
    const char* from = static_cast<const char*>(bytes);
    for (; count >= 8; from += 8, count -= 8) mix(word(from, 8));
    if (count > 0) mix(word(from, count));
    mix(count);
  }
  std::uint64_t value() const { return state_; }

 private:
  static std::uint64_t word(const char* from, std::size_t count) {
    std::uint64_t w = 0;
    std::memcpy(&w, from, count);
    return w;
  }
  void mix(std::uint64_t w) {
    // Multiplying by an odd number and rotating lose nothing: one changed word changes the state.
    state_ = std::rotl((state_ ^ w) * 0x9e3779b97f4a7c15U, 29);
  }
  std::uint64_t state_ = 0x6772616475730001U;
};

}  // namespace

std::string checkpoint_checksum(const TensorFile& file) {
  Hash hash;
  for (const auto& [name, value] : file.tensors) {
    const std::string what = fmt::format("{} {}", name, describe(value));
    hash.add(what.data(), what.size());
    const Tensor t = contiguous(value);
    hash.add(t.raw(), t.bytes());
  }
  return fmt::format("{:016x}", hash.value());
}

void save_checkpoint(const fs::path& file, const Module& model, const Optimizer* optimizer,
                     const TrainingPoint& point) {
  TensorFile out;
  for (auto& [path, value] : model.state()) out.tensors["model:" + path] = value;
  if (optimizer)
    for (auto& [path, value] : optimizer->state()) out.tensors["optimizer:" + path] = value;
  out.tensors["point"] = point_tensor(point);
  out.metadata = {
      {"format", kFormat}, {"version", kVersion}, {"checksum", checkpoint_checksum(out)}};
  write_safetensors(file, out);
}

TrainingPoint load_checkpoint(const fs::path& file, Module& model, Optimizer* optimizer) {
  TensorFile in = read_safetensors(file);
  check<ConfigError>(in.metadata["format"] == kFormat && in.metadata["version"] == kVersion,
                     "'{}' is no checkpoint of this version of Gradus (format '{}', version '{}')",
                     file.string(), in.metadata["format"], in.metadata["version"]);
  check<IoError>(in.metadata["checksum"] == checkpoint_checksum(in),
                 "'{}' is damaged: its numbers do not give its checksum '{}'", file.string(),
                 in.metadata["checksum"]);
  StateDict parameters, moments;
  for (auto& [name, value] : in.tensors) {
    if (name.starts_with("model:")) parameters[name.substr(6)] = value;
    if (name.starts_with("optimizer:")) moments[name.substr(10)] = value;
  }
  const TrainingPoint point = read_point(in, file.string());
  try {
    if (optimizer) {
      check_moments(moments, parameters);
      const StateDict before = optimizer->state();
      optimizer->load(moments);
      try {
        model.load(parameters);
      } catch (...) {
        optimizer->load(before);
        throw;
      }
    } else {
      model.load(parameters);
    }
  } catch (Error& e) {
    e.add("checkpoint: " + file.string());
    throw;
  }
  return point;
}

}  // namespace gradus
