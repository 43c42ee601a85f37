// Run folders: what they hold, and that a fault leaves everything as it was.
#include "train/run_folder.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "nn/mlp.h"
#include "tensor/file.h"
#include "tensor/safetensors.h"
#include "tests/error_text.h"
#include "tests/train/scratch_folder.h"

using namespace gradus;
using namespace gradus::testing;
namespace fs = std::filesystem;

namespace {

std::size_t files_below(const fs::path& folder) {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& entry : fs::recursive_directory_iterator(folder)) ++n;
  return n;
}

Mlp small(std::uint64_t seed, int64 width = 4) {
  return Mlp(Build("model", Rng(seed)), width, 8, Activation::relu);
}

}  // namespace

TEST_CASE("a run folder holds the configuration and the environment") {
  const ScratchFolder s;
  Experiment e;
  e.train.epochs = 3;
  const RunFolder run = RunFolder::create(s.path / "a" / "run", e);
  CHECK(run.experiment().train.epochs == 3);
  const auto environment = nlohmann::json::parse(read_file(run.path() / "environment.json"));
  CHECK(environment.at("gradus").is_string());
  CHECK(environment.at("threads").get<int>() >= 1);
  CHECK(fs::is_directory(run.path() / "checkpoints"));
  CHECK(RunFolder::open(run.path()).experiment().to_toml() == e.to_toml());
  CHECK(run.checkpoint("best") == run.path() / "checkpoints" / "best.safetensors");
}

TEST_CASE(
    "an existing run, a place that cannot be written, and a folder that is none are refused") {
  const ScratchFolder s;
  RunFolder::create(s.path / "run", {});
  CHECK(has(message([&] { RunFolder::create(s.path / "run", {}); }), "holds a run already"));
  CHECK(has(message([] { RunFolder::create("", {}); }), "name is empty"));
  write_file(s.path / "file", "x");
  CHECK(has(message([&] { RunFolder::create(s.path / "file" / "run", {}); }),
            "cannot make the run folder '" + (s.path / "file" / "run").string() + "': "));
  CHECK_THROWS_AS(RunFolder::create(s.path / "file", {}), IoError);
  CHECK_THROWS_AS(RunFolder::create("/proc/gradus_run", {}), IoError);
  CHECK_THROWS_AS(RunFolder::create(s.path / std::string(300, 'x'), {}), IoError);

  CHECK(has(message([&] { RunFolder::open(s.path / "none"); }), "there is no run folder"));
  CHECK(has(message([&] { RunFolder::open(s.path); }), "it has no experiment.toml"));
  // An empty folder, made before, becomes a run.
  fs::create_directory(s.path / "empty");
  CHECK(RunFolder::create(s.path / "empty", {}).experiment().train.epochs > 0);
}

TEST_CASE("the log is one valid JSON object a line, NaN and Inf are null") {
  const ScratchFolder s;
  const RunFolder run = RunFolder::create(s.path / "run", {});
  run.log({{"step", int64{1}}, {"loss", 0.1}, {"note", std::string("a \"b\"\n\\")}});
  run.log({{"loss", std::nan("")}, {"best", std::numeric_limits<double>::infinity()}});
  run.log({{"name", std::string("\xff\xfe no text")}});
  run.log({});
  std::ifstream file(run.path() / "log.jsonl");
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["step"] == 1);
  CHECK(lines[0]["loss"] == 0.1);
  CHECK(lines[0]["note"] == "a \"b\"\n\\");
  CHECK(lines[1]["loss"].is_null());
  CHECK(lines[1]["best"].is_null());
  CHECK(lines[2].is_object());
  CHECK(lines[3] == nlohmann::json::object());
  fs::remove_all(run.path());
  CHECK(has(message([&] { run.log({{"step", int64{2}}}); }), "cannot write to '"));
}

TEST_CASE("a full disk is an IoError that leaves the old checkpoint in place") {
  const ScratchFolder s;
  const RunFolder run = RunFolder::create(s.path / "run", {});
  const fs::path file = run.checkpoint("last");
  Mlp a = small(1), b = small(2);
  save_checkpoint(file, a, nullptr, {.step = 1});
  const std::size_t files = files_below(s.path);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Only exit codes leave the child.
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100, 100};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(10);
    const std::string text = message([&] { save_checkpoint(file, b, nullptr, {.step = 2}); });
    const std::string log = message([&] {
      run.log({{"text", std::string(std::size_t{1} << 20, 'x')}});
    });
    if (text.find("last.safetensors") == std::string::npos) ::_exit(11);
    if (log.find("cannot write to '") == std::string::npos) ::_exit(12);
    try {
      save_checkpoint(file, b, nullptr, {});
    } catch (const IoError&) {
      ::_exit(0);
    } catch (...) {
      ::_exit(13);
    }
    ::_exit(14);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  Mlp c = small(3);
  CHECK(load_checkpoint(file, c, nullptr).step == 1);
  CHECK(same_state(c.state(), a.state()));
  fs::remove(run.path() / "log.jsonl");
  CHECK(files_below(s.path) == files);
}
