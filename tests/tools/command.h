// Runs `gradus` as a user does, in a temporary folder that goes at the end. Tiny settings of
// `gradus train` keep a run below a second.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "data/midi.h"
#include "tensor/file.h"

namespace gradus {

struct CommandResult {
  int code;
  std::string out;  // both streams
  bool has(std::string_view text) const { return out.find(text) != std::string::npos; }
};

/// Through the shell; `before` stands in front of the command, as in "ulimit -f 8;".
inline CommandResult gradus_command(const std::string& arguments, const std::string& before = "");

/// One clear message: it begins with "gradus: ", holds `words`, and the exit code is 2.
inline void check_refused(const std::string& arguments, const std::vector<std::string>& words,
                          const std::string& before = "") {
  const CommandResult r = gradus_command(arguments, before);
  CAPTURE(arguments);
  CAPTURE(r.out);
  CHECK(r.code == 2);
  CHECK(r.out.starts_with("gradus: "));
  CHECK(r.out.find("gradus: ", 1) != 1);
  for (const std::string& w : words) CHECK_MESSAGE(r.has(w), w);
}

inline const std::string kTiny =
    " --quiet --set data.steps=18 --set data.hop_bars=8 --set data.transpose_down=0 "
    "--set data.transpose_up=0 --set data.validation_share=0.1 --set train.batch=32 "
    "--set train.epochs=1 --set model.d_model=8 --set model.heads=2 --set model.d_ff=8 "
    "--set model.layers=1 ";

class Scratch {
 public:
  Scratch()
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("gradus-command-{}", ::getpid())) {
    std::filesystem::create_directories(folder_);
    // Nothing is kept in the user's own cache.
    ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string operator/(const std::string& name) const { return (folder_ / name).string(); }
  /// A file of that text.
  std::string file(const std::string& name, std::string_view text) const {
    write_file(folder_ / name, text);
    return *this / name;
  }
  /// The path of a tiny trained run, made the first time.
  const std::string& run() const {
    if (run_.empty()) {
      const std::string path = *this / "run";
      const CommandResult r = gradus_command("train" + kTiny + "--out " + path);
      REQUIRE_MESSAGE(r.code == 0, r.out);
      run_ = path;
    }
    return run_;
  }

 private:
  std::filesystem::path folder_;
  mutable std::string run_;
};
/// One a test program: all files of a test share it.
inline const Scratch& scratch() {
  static const Scratch s;
  return s;
}

inline CommandResult gradus_command(const std::string& arguments, const std::string& before) {
  scratch();  // its environment
  const std::string command =
      before + " '" + std::string(GRADUS_COMMAND) + "' " + arguments + " 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  CommandResult r;
  char part[4096];
  while (const std::size_t n = std::fread(part, 1, sizeof part, pipe)) r.out.append(part, n);
  const int status = pclose(pipe);
  r.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return r;
}

/// What lies below a folder, by relative path.
inline std::vector<std::string> files_below(const std::filesystem::path& folder) {
  std::vector<std::string> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    all.push_back(std::filesystem::relative(entry.path(), folder).string());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace gradus
