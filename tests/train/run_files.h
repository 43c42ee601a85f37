// The files of a run folder, to be compared with those of another: all bytes, of the log all but
// its times.
#pragma once

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/train/scratch_folder.h"

namespace gradus::testing {

inline std::map<std::string, std::string> run_files(const std::filesystem::path& run) {
  auto all = contents(run);
  std::istringstream in(all["log.jsonl"]);
  std::string log;
  for (std::string line; std::getline(in, line);) {
    auto json = nlohmann::ordered_json::parse(line);
    json.erase("seconds");
    log += json.dump() + "\n";
  }
  all["log.jsonl"] = log;
  return all;
}

inline void check_same(const std::map<std::string, std::string>& a,
                       const std::map<std::string, std::string>& b) {
  for (const auto& file : a)
    CHECK_MESSAGE((b.count(file.first) && b.at(file.first) == file.second), file.first, " differs");
  for (const auto& file : b) CHECK_MESSAGE(a.count(file.first), file.first, " is there alone");
}

}  // namespace gradus::testing
