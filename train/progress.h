// The progress of a long job: one line that is written over on a terminal, a plain line now and
// then elsewhere.
#pragma once

#include <chrono>
#include <string>

#include "tensor/dtype.h"

namespace gradus {

/// "1:05", "2:03:00".
std::string duration_text(double seconds);

class Progress {
 public:
  /// `total` units in all, the first `done` of them before this run. Quiet: prints nothing.
  Progress(std::string what, int64 total, int64 done = 0, bool quiet = false);
  ~Progress();
  /// `count` units are done; `note` says how it goes ("loss 0.083").
  void update(int64 count, const std::string& note);
  /// A line of its own among the progress.
  void line(const std::string& text);
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  void erase();
  std::string what_;
  int64 total_, first_;
  bool quiet_, terminal_, drawn_ = false;
  Clock::time_point begin_, last_;
};

}  // namespace gradus
