#include "tools/cell_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/text.h"

namespace gradus {

namespace {

std::string reason() { return std::generic_category().message(errno); }

}  // namespace

CellProcess::CellProcess(const std::filesystem::path& folder,
                         const std::vector<std::string>& arguments)
    : errors_(folder / "errors.txt") {
  int ends[2];
  check<IoError>(::pipe(ends) == 0, "cannot begin a cell: {}", reason());
  for (int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  const int errors = ::open(errors_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  // Made before the fork, behind which nothing may be allocated.
  std::vector<char*> words;
  std::string program = "gradus";
  words.push_back(program.data());
  std::vector<std::string> copies = arguments;
  for (std::string& a : copies) words.push_back(a.data());
  words.push_back(nullptr);
  child_ = errors < 0 ? -1 : ::fork();
  if (child_ == 0) {
    // A group of its own: Ctrl-C at the terminal reaches the study, which passes it on once.
    ::setpgid(0, 0);
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    ::execv("/proc/self/exe", words.data());
    ::_exit(127);
  }
  const std::string why = reason();
  ::close(ends[1]);
  if (errors >= 0) ::close(errors);
  if (child_ < 0) ::close(ends[0]);
  check<IoError>(child_ > 0, "cannot begin a cell in '{}': {}", folder.string(), why);
  pipe_ = ends[0];
  ::fcntl(pipe_, F_SETFL, O_NONBLOCK);
}

CellProcess::~CellProcess() {
  if (child_ > 0) {
    ::kill(child_, SIGKILL);
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  ::close(pipe_);
}

void CellProcess::read() {
  char part[4096];
  for (ssize_t n; (n = ::read(pipe_, part, sizeof part)) > 0;)
    said_.append(part, static_cast<std::size_t>(n));
  // "12 480": steps that are done and that there are; the last whole line counts.
  const auto end = said_.rfind('\n');
  if (end == std::string::npos) return;
  const auto before = end == 0 ? std::string::npos : said_.rfind('\n', end - 1);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  long long done = 0, all = 0;
  if (std::sscanf(said_.c_str() + begin, "%lld %lld", &done, &all) == 2) step_ = done, steps_ = all;
  said_.erase(0, end + 1);
}

bool CellProcess::running() {
  if (child_ < 0) return false;
  int status = 0;
  const pid_t ended = ::waitpid(child_, &status, WNOHANG);
  read();
  if (ended != child_) return true;
  child_ = -1;
  constexpr int kEndedBySignal = 128;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : kEndedBySignal + WTERMSIG(status);
  return false;
}

void CellProcess::stop() const {
  if (child_ > 0) ::kill(child_, SIGTERM);
}

std::string CellProcess::errors() const {
  std::error_code error;
  return std::filesystem::exists(errors_, error) ? std::string(trim(read_file(errors_))) : "";
}

void wait_for(const std::vector<const CellProcess*>& processes, double seconds) {
  std::vector<pollfd> all;
  for (const CellProcess* p : processes) all.push_back({p->descriptor(), POLLIN, 0});
  ::poll(all.data(), all.size(), static_cast<int>(1000 * seconds));
}

}  // namespace gradus
