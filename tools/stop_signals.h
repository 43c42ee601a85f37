// SIGINT and SIGTERM as a wish to end: what runs is saved first.
#pragma once

#include <csignal>

namespace gradus {

namespace detail {
// A handler may do no more than set this.
inline volatile std::sig_atomic_t signal_seen = 0;
}  // namespace detail

/// While it lives, SIGINT and SIGTERM ask for the end of what runs; the second of a kind ends the
/// process at once. Both are taken even where a shell started the command with SIGINT ignored.
class StopSignals {
 public:
  StopSignals() {
    detail::signal_seen = 0;
    struct sigaction action {};
    action.sa_handler = [](int number) { detail::signal_seen = number; };
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &interrupt_);
    sigaction(SIGTERM, &action, &terminate_);
  }
  ~StopSignals() {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGTERM, &terminate_, nullptr);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  /// The signal that came, or 0.
  int seen() const { return detail::signal_seen; }

 private:
  struct sigaction interrupt_ {
  }, terminate_{};
};

/// As the shell counts it.
inline int ended_by(int signal) {
  constexpr int kEndedBySignal = 128;
  return kEndedBySignal + signal;
}

}  // namespace gradus
