#include "train/run_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>

#include "tensor/file.h"
#include "tensor/machine.h"
#include "train/run_lock.h"

namespace gradus {

namespace fs = std::filesystem;

namespace {

void check_free(const fs::path& path) {
  std::error_code error;
  check<ConfigError>(!fs::exists(path / "experiment.toml", error),
                     "'{}' holds a run already; choose another folder with --out, or go on with "
                     "it: gradus train --resume {}",
                     path.string(), path.string());
}

}  // namespace

RunFolder RunFolder::create(const fs::path& path, const Experiment& experiment) {
  check<ConfigError>(!path.empty(), "the run folder's name is empty");
  check_free(path);
  std::error_code error;
  const bool fresh = !fs::exists(path, error);
  fs::create_directories(path / "checkpoints", error);
  check<IoError>(!error, "cannot make the run folder '{}': {}", path.string(), error.message());
  // Of two processes that make the same folder, the second is refused.
  const RunLock lock(path);
  check_free(path);
  RunFolder(path).remove_leftovers();
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

bool RunFolder::complete() const {
  std::error_code error;
  return fs::exists(metrics(), error);
}

double RunFolder::keep_log(int64 lines) const {
  const fs::path file = path_ / "log.jsonl";
  std::error_code error;
  const std::string text = fs::exists(file, error) ? read_file(file) : "";
  std::size_t end = 0;
  double seconds = 0;
  for (int64 i = 0; i < lines; ++i) {
    const std::size_t next = text.find('\n', end);
    check<IoError>(next != std::string::npos,
                   "'{}' has {} lines; {} stood there when the checkpoint was written, and a run "
                   "goes on from all of them",
                   file.string(), i, lines);
    const auto line =
        nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(end),
                              text.begin() + static_cast<std::ptrdiff_t>(next), nullptr, false);
    if (line.is_object() && line.contains("seconds") && line["seconds"].is_number())
      seconds = line["seconds"].get<double>();
    end = next + 1;
  }
  if (end == text.size()) return seconds;
  fs::resize_file(file, end, error);
  check<IoError>(!error, "cannot shorten '{}': {}", file.string(), error.message());
  return seconds;
}

void RunFolder::sync_log() const {
  const fs::path file = path_ / "log.jsonl";
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;  // nothing was logged yet
  // Some file systems know no fsync and say EINVAL.
  const bool synced = ::fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP;
  const std::string reason = std::generic_category().message(errno);
  ::close(fd);
  check<IoError>(synced, "cannot write to '{}': {}", file.string(), reason);
}

void RunFolder::remove_leftovers() const {
  // Only what a run itself writes: others may be writing files of their own beside it.
  constexpr std::pair<const char*, const char*> kWritten[] = {
      {"", "environment.json."}, {"", "experiment.toml."},         {"", "chords.npy."},
      {"", "metrics.json."},     {"checkpoints", ".safetensors."}, {"samples", ".mid."}};
  for (const auto& [part, file] : kWritten) {
    std::vector<fs::path> leftovers;
    std::error_code error;
    for (fs::directory_iterator i(path_ / part, error), end; !error && i != end;
         i.increment(error)) {
      const std::string name = i->path().filename().string();
      if (name.find(file) != std::string::npos && name.ends_with(".tmp"))
        leftovers.push_back(i->path());
    }
    for (const fs::path& p : leftovers) fs::remove(p, error);
  }
}

}  // namespace gradus
