#include "train/run_folder.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>

#include "tensor/file.h"
#include "tensor/machine.h"
#include "tensor/safetensors.h"

namespace gradus {

namespace fs = std::filesystem;

RunFolder RunFolder::create(const fs::path& path, const Experiment& experiment) {
  check<ConfigError>(!path.empty(), "the run folder's name is empty");
  std::error_code error;
  check<ConfigError>(!fs::exists(path / "experiment.toml", error),
                     "'{}' holds a run already; choose another folder with --out", path.string());
  const bool fresh = !fs::exists(path, error);
  fs::create_directories(path / "checkpoints", error);
  check<IoError>(!error, "cannot make the run folder '{}': {}", path.string(), error.message());
  const Machine m = machine();
  const nlohmann::ordered_json environment = {{"gradus", m.version},
                                              {"compiler", m.compiler},
                                              {"build", m.build_type},
                                              {"blas", m.blas},
                                              {"blas_core", m.blas_core},
                                              {"threads", m.threads},
                                              {"instruction_sets", m.instruction_sets},
                                              {"warnings", m.warnings}};
  try {
    write_file(path / "environment.json", environment.dump(2) + "\n");
    // Last: a folder with experiment.toml is a run.
    write_file(path / "experiment.toml", experiment.to_toml());
  } catch (const Error&) {
    fs::remove(path / "environment.json", error);
    fs::remove(path / "checkpoints", error);
    if (fresh) fs::remove(path, error);
    throw;
  }
  return RunFolder(path);
}

RunFolder RunFolder::open(const fs::path& path) {
  std::error_code error;
  check<ConfigError>(fs::exists(path, error), "there is no run folder '{}'", path.string());
  check<ConfigError>(fs::exists(path / "experiment.toml", error),
                     "'{}' is no run folder: it has no experiment.toml", path.string());
  return RunFolder(path);
}

Experiment RunFolder::experiment() const { return Experiment::read(path_ / "experiment.toml"); }

void RunFolder::log(const LogLine& line) const {
  auto object = nlohmann::ordered_json::object();
  for (const auto& [key, value] : line) {
    if (auto* d = std::get_if<double>(&value))
      object[key] = std::isfinite(*d) ? nlohmann::ordered_json(*d) : nlohmann::ordered_json();
    else if (auto* i = std::get_if<int64>(&value))
      object[key] = *i;
    else
      object[key] = std::get<std::string>(value);
  }
  // A word that is no UTF-8 (a file's name, say) loses its bad bytes, not the line.
  const std::string text =
      object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  const fs::path file = path_ / "log.jsonl";
  std::error_code error;
  const std::uintmax_t before = fs::file_size(file, error);
  std::FILE* f = std::fopen(file.c_str(), "ab");
  const bool written = f && std::fwrite(text.data(), 1, text.size(), f) == text.size();
  const bool closed = f && std::fclose(f) == 0;
  if (written && closed) return;
  const std::string reason = std::error_code(errno, std::generic_category()).message();
  // Half a line is none.
  if (f && error)
    fs::remove(file, error);
  else if (f)
    fs::resize_file(file, before, error);
  fail<IoError>("cannot write to '{}': {}", file.string(), reason);
}

void save_checkpoint(const fs::path& file, const Module& model, const Optimizer* optimizer,
                     const TrainingPoint& point) {
  TensorFile out;
  for (auto& [path, value] : model.state()) out.tensors["model:" + path] = value;
  if (optimizer)
    for (auto& [path, value] : optimizer->state()) out.tensors["optimizer:" + path] = value;
  out.tensors["point"] = from_values<double>(
      std::vector<double>{static_cast<double>(point.epoch), static_cast<double>(point.step),
                          point.best_loss, point.threshold},
      {4});
  out.metadata = {{"format", "gradus-checkpoint"}, {"version", "1"}};
  write_safetensors(file, out);
}

namespace {

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

}  // namespace

TrainingPoint load_checkpoint(const fs::path& file, Module& model, Optimizer* optimizer) {
  TensorFile in = read_safetensors(file);
  check<ConfigError>(in.metadata["format"] == "gradus-checkpoint" && in.metadata["version"] == "1",
                     "'{}' is no checkpoint of this version of Gradus (format '{}', version '{}')",
                     file.string(), in.metadata["format"], in.metadata["version"]);
  StateDict parameters, moments;
  for (auto& [name, value] : in.tensors) {
    if (name.starts_with("model:")) parameters[name.substr(6)] = value;
    if (name.starts_with("optimizer:")) moments[name.substr(10)] = value;
  }
  const auto it = in.tensors.find("point");
  check<ConfigError>(
      it != in.tensors.end() && it->second.dtype() == DType::f64 && it->second.numel() == 4,
      "'{}' has no training point", file.string());
  const std::vector<double> p = it->second.to_vector<double>();
  for (double count : {p[0], p[1]})
    check<ConfigError>(count >= 0 && count <= 9007199254740992.0 && count == std::floor(count),
                       "'{}': the training point counts {} epochs or steps", file.string(), count);
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
  return {static_cast<int64>(p[0]), static_cast<int64>(p[1]), p[2], p[3]};
}

}  // namespace gradus
