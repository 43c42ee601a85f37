// The thread's ambient state behind the guards and hooks; for the engine's own files.
#pragma once

#include <vector>

#include "autograd/observe.h"
#include "autograd/record.h"

namespace gradus::detail {

struct GradHookEntry {
  int64 number;
  std::string pattern;  // empty: by node id
  int64 node;
  GradHook hook;
};
struct ValueHookEntry {
  int64 number;
  std::string pattern;
  int64 node;
  ValueHook hook;
  Var replaced;  // by node: what later uses see, made at the first use
};

struct ThreadState {
  Recording recording;
  ScopeName scope;
  std::vector<Observer*> observers;
  std::vector<GradHookEntry> grad_hooks;
  std::vector<ValueHookEntry> value_hooks;
  int64 next_hook = 1;
  bool announce = true;  // false inside a plain backward pass: its ops are no part of the graph
};
ThreadState& state();

int64 next_id();
/// What the value hooks that match (by name or by id) make of v: v itself where there are none.
Var run_value_hooks(const Var& v, bool by_name);
/// The cotangent of `node` after its hooks.
Var run_grad_hooks(const Var& node, Var cotangent);

/// Puts a value back when the block ends.
template <class T>
class Restore {
 public:
  Restore(T& place, T value) : place_(place), before_(std::exchange(place, std::move(value))) {}
  ~Restore() { place_ = std::move(before_); }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  T& place_;
  T before_;
};

}  // namespace gradus::detail
