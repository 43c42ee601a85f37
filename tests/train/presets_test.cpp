// Every experiment file is a preset, word for word, and each one builds a model.
#include "train/presets.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "tensor/file.h"
#include "tests/error_text.h"
#include "train/harmonizer.h"

using namespace gradus;
using namespace gradus::testing;
namespace fs = std::filesystem;

TEST_CASE("the presets are the files of train/experiments") {
  std::vector<std::string> files;
  for (const auto& entry :
       fs::directory_iterator(std::string(GRADUS_SOURCE_DIR) + "/train/experiments")) {
    if (entry.path().extension() != ".toml") continue;
    files.push_back(entry.path().stem().string());
    CHECK(preset(files.back()) == read_file(entry.path()));
    const Experiment e = Experiment::parse(preset(files.back()), files.back());
    CHECK(Experiment::parse(e.to_toml(), "again").to_toml() == e.to_toml());
  }
  std::sort(files.begin(), files.end());
  CHECK(preset_names() == files);
  CHECK(std::count(files.begin(), files.end(), "demo") == 1);
}

TEST_CASE("an unknown preset is told with the nearest") {
  const std::string text = message<ConfigError>([] { preset("dmo"); });
  CHECK(has(text, "unknown preset 'dmo'; known: alibi, "));
  CHECK(has(text, "did you mean 'demo'?"));
  CHECK(has(message<ConfigError>([] { preset(""); }), "unknown preset ''"));
}
