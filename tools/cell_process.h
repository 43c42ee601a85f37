// A cell of a study in a process of its own: `gradus study cell`, which says how far it is, can be
// asked to save and end, and stops by itself when the study that began it is gone.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace gradus {

class CellProcess {
 public:
  /// `arguments` of this program. What it writes to its error stream goes to FOLDER/errors.txt.
  CellProcess(const std::filesystem::path& folder, const std::vector<std::string>& arguments);
  /// Ends it at once if it still runs.
  ~CellProcess();
  CellProcess(const CellProcess&) = delete;
  CellProcess& operator=(const CellProcess&) = delete;

  /// Reads what it said; true while it runs.
  bool running();
  /// Asks it to save and end.
  void stop() const;
  /// As a shell counts it, once it has ended.
  int code() const { return code_; }
  /// What it wrote to its error stream.
  std::string errors() const;
  int64 step() const { return step_; }
  int64 steps() const { return steps_; }
  /// Readable when there is something to read or the process has ended.
  int descriptor() const { return pipe_; }

 private:
  void read();
  std::filesystem::path errors_;
  pid_t child_ = -1;
  int pipe_ = -1, code_ = 0;
  std::string said_;
  int64 step_ = 0, steps_ = 0;
};

/// Sleeps until one of them has something to say, a signal comes, or `seconds` have passed.
void wait_for(const std::vector<const CellProcess*>& processes, double seconds);

}  // namespace gradus
