// A `gradus` that runs while the test goes on, to be ended by a signal.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <thread>

#include "tests/tools/command.h"

namespace gradus {

class Process {
 public:
  /// Output goes to a file, `path`.
  Process(const std::string& arguments, const std::string& path) : path_(path) {
    child_ = ::fork();
    REQUIRE(child_ >= 0);
    if (child_ > 0) return;
    const std::string command =
        "exec '" + std::string(GRADUS_COMMAND) + "' " + arguments + " > '" + path + "' 2>&1";
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  ~Process() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    (void)wait();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t id() const { return child_; }
  void signal(int number) const { ::kill(child_, number); }
  /// As the shell counts: the exit code, or 128 and the signal that ended it.
  int wait() {
    int status = 0;
    if (::waitpid(child_, &status, 0) != child_) return -1;
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  bool running() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
  }
  std::string output() const { return read_file(path_); }

 private:
  pid_t child_ = -1;
  std::string path_;
};

/// Waits for it up to a minute; false where it never came.
inline bool wait_until(const std::function<bool()>& condition) {
  for (int i = 0; i < 30000 && !condition(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return condition();
}

}  // namespace gradus
