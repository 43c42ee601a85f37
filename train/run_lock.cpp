#include "train/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tensor/error.h"

namespace gradus {

RunLock::RunLock(const std::filesystem::path& folder)
    : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  check<IoError>(fd_ >= 0, "cannot open the run folder '{}': {}", folder.string(),
                 std::generic_category().message(errno));
  int result;
  do result = ::flock(fd_, LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR);
  // A file system without locks is no reason to refuse training.
  if (result == 0 || errno != EWOULDBLOCK) return;
  ::close(fd_);
  fail<ConfigError>("another process trains in '{}'; wait for its end, or stop it",
                    folder.string());
}

RunLock::~RunLock() { ::close(fd_); }

}  // namespace gradus
