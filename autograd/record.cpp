#include "autograd/record.h"

#include "autograd/state.h"

namespace gradus {

namespace detail {

ThreadState& state() {
  thread_local ThreadState s;
  return s;
}

int64 next_id() {
  static std::atomic<int64> counter{1};
  return counter.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace detail

const Recording& recording() { return detail::state().recording; }

RecordingGuard::RecordingGuard(Recording r)
    : before_(std::exchange(detail::state().recording, r)) {}
RecordingGuard::~RecordingGuard() { detail::state().recording = before_; }

const std::string& current_scope() {
  static const std::string none;
  const auto& s = detail::state().scope;
  return s ? *s : none;
}

ScopeGuard::ScopeGuard(std::string_view name) : before_(detail::state().scope) {
  std::string path = before_ ? *before_ + "/" : std::string();
  path += name;
  detail::state().scope = std::make_shared<const std::string>(std::move(path));
}
ScopeGuard::ScopeGuard(std::string_view path, std::nullptr_t) : before_(detail::state().scope) {
  detail::state().scope =
      path.empty() ? nullptr : std::make_shared<const std::string>(std::string(path));
}
ScopeGuard::~ScopeGuard() { detail::state().scope = std::move(before_); }

}  // namespace gradus
