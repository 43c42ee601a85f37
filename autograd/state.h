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
  bool fired = false;  // by node: once, at the first use
  Var replaced;        // what later uses see
};

struct ThreadState {
  Recording recording;
  ScopeName scope;
  std::vector<Observer*> observers;
  std::vector<GradHookEntry> grad_hooks;
  std::vector<ValueHookEntry> value_hooks;
  bool announce = true;      // false inside a plain backward pass: its ops are no part of the graph
  bool hooks = true;         // false inside hooks and vjps: what they compute is not the user's
  bool inner_hooks = false;  // inside a vjp: hooks are on in what it computes again (checkpoint)
  Location stands_at;        // set while a reference is recorded: the line of the fused op's caller
};
ThreadState& state();

int64 next_id();
/// What the value hooks that match (by name or by id) make of v: v itself where there are none.
Var run_value_hooks(const Var& v, bool by_name);
/// The cotangent of `node` after its hooks.
Var run_grad_hooks(const Var& node, Var cotangent);

/// Makes the node of an op whose forward has run, and tells the observers.
Var record(const OpDef& op, std::span<const Var* const> in, Attrs attrs, Location where,
           Forward&& result);

/// grad() for vjps that differentiate a graph of their own; empty where y does not depend on x.
/// Where hooks are on, those of the nodes between x and y fire; both ends have theirs in the pass
/// outside.
std::vector<Var> inner_grad(Var y, std::span<const Var> x, const Var& cotangent, bool create_graph);

/// An observer may leave, or bring others, while it listens.
template <class F>
void tell_observers(F&& tell) {
  for (std::size_t i = 0; i < state().observers.size(); ++i) tell(*state().observers[i]);
}

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
