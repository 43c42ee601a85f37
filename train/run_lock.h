// RunLock: one process at a time writes into a run folder. It locks the folder itself (flock), so
// that nothing is left behind, and the kernel opens the lock however the process ends.
#pragma once

#include <filesystem>

namespace gradus {

class RunLock {
 public:
  /// ConfigError where another RunLock, of this process or of another one, holds the folder.
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace gradus
