// The thread's ambient state, set by guards: whether ops are recorded, what is retained, whether
// fused ops are used, and the scope that names nodes. Nothing else in autograd/ is ambient but
// observers and hooks (autograd/observe.h).
#pragma once

#include <string>
#include <string_view>

#include "autograd/var.h"

namespace gradus {

/// needed: a value goes as soon as no vjp reads it and no handle holds it (training). all:
/// everything stays, constants keep their links too (inspection).
enum class Retain { needed, all };
/// off: fused ops are recorded as their references, so that each inner node has its name.
enum class Fusion { on, off };

struct Recording {
  bool grad = true;
  Retain retain = Retain::needed;
  Fusion fusion = Fusion::on;
};
const Recording& recording();

/// Sets the recording for this thread until it goes out of scope.
class RecordingGuard {
 public:
  explicit RecordingGuard(Recording r);
  ~RecordingGuard();
  RecordingGuard(const RecordingGuard&) = delete;
  RecordingGuard& operator=(const RecordingGuard&) = delete;

 private:
  Recording before_;
};
/// Ops inside give constants.
struct NoGrad : RecordingGuard {
  NoGrad() : RecordingGuard({false, recording().retain, recording().fusion}) {}
};
struct RetainGuard : RecordingGuard {
  explicit RetainGuard(Retain r) : RecordingGuard({recording().grad, r, recording().fusion}) {}
};
struct FusionGuard : RecordingGuard {
  explicit FusionGuard(Fusion f) : RecordingGuard({recording().grad, recording().retain, f}) {}
};

/// "model/layer0/attention", or "".
const std::string& current_scope();
/// Opens a scope inside the current one.
class ScopeGuard {
 public:
  explicit ScopeGuard(std::string_view name);
  /// `absolute`: replaces the current scope by the whole path `name`.
  static ScopeGuard absolute(std::string_view path) { return ScopeGuard(path, nullptr); }
  ~ScopeGuard();
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  ScopeGuard(std::string_view path, std::nullptr_t);
  detail::ScopeName before_;
};

}  // namespace gradus
