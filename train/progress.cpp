#include "train/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace gradus {

namespace {
constexpr double kTerminalSeconds = 0.1, kPlainSeconds = 5;
}

std::string duration_text(double seconds) {
  const auto s = static_cast<int64>(std::max(0.0, seconds) + 0.5);
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

Progress::Progress(std::string what, int64 total, int64 done, bool quiet)
    : what_(std::move(what)),
      total_(total),
      first_(done),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      begin_(Clock::now()),
      last_(begin_ - std::chrono::hours(1)) {}

Progress::~Progress() { erase(); }

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - begin_).count();
}

void Progress::erase() {
  if (drawn_) std::fputs("\r\033[K", stderr), std::fflush(stderr);
  drawn_ = false;
}

void Progress::update(int64 count, const std::string& note) {
  if (quiet_) return;
  const auto now = Clock::now();
  const double since = std::chrono::duration<double>(now - last_).count();
  if (since < (terminal_ ? kTerminalSeconds : kPlainSeconds) && count < total_) return;
  last_ = now;
  const double spent = seconds();
  const double rate = spent > 0 ? static_cast<double>(count - first_) / spent : 0;
  const double left = rate > 0 ? static_cast<double>(total_ - count) / rate : 0;
  const std::string text = fmt::format("{} {}/{}  {}  {:.1f}/s  {} left", what_, count, total_,
                                       note, rate, duration_text(left));
  if (terminal_) {
    std::fputs(("\r\033[K" + text).c_str(), stderr);
    std::fflush(stderr);
    drawn_ = true;
  } else {
    std::fputs((text + "\n").c_str(), stderr);
  }
}

void Progress::line(const std::string& text) {
  if (quiet_) return;
  erase();
  std::fputs((text + "\n").c_str(), stderr);
}

}  // namespace gradus
