#include "autograd/observe.h"

#include <algorithm>

#include "autograd/ops.h"
#include "autograd/state.h"
#include "tensor/text.h"

namespace gradus {

namespace {

void same_kind(const Var& old, const Var& v, std::string_view what) {
  if (!v.defined())
    fail<GraphError>("a hook replaced the {} of '{}' by an empty Var", what, old.label());
  check_shape(v.shape() == old.shape(), "a hook replaced the {} of '{}', {}, by one of shape {}",
              what, old.label(), text(old.shape()), text(v.shape()));
  check_dtype(v.dtype() == old.dtype(), "a hook replaced the {} of '{}', {}, by one of dtype {}",
              what, old.label(), name(old.dtype()), name(v.dtype()));
}

/// The first hook registered after `number`, or null: found anew each time, for a hook may add and
/// remove hooks.
template <class Entry>
Entry* next_hook(std::vector<Entry>& hooks, int64 number) {
  auto it =
      std::find_if(hooks.begin(), hooks.end(), [&](const Entry& e) { return e.number > number; });
  return it == hooks.end() ? nullptr : &*it;
}

template <class Entry, class Hook>
HookHandle add_hook(std::vector<Entry>& hooks, std::string pattern, int64 node, Hook hook) {
  Entry e{};
  e.number = detail::next_id();
  e.pattern = std::move(pattern);
  e.node = node;
  e.hook = std::move(hook);
  hooks.push_back(std::move(e));
  return HookHandle(hooks.back().number);
}

}  // namespace

ObserverGuard::ObserverGuard(Observer& observer) : observer_(&observer) {
  detail::state().observers.push_back(observer_);
}
ObserverGuard::~ObserverGuard() { std::erase(detail::state().observers, observer_); }

void GradEvent::replace(Var g) {
  same_kind(node, g, "cotangent");
  cotangent_ = std::move(g);
}
void ValueEvent::replace(Var v) {
  same_kind(node, v, "value");
  replacement_ = std::move(v);
}

void HookHandle::remove() {
  if (const int64 n = std::exchange(number_, 0)) {
    auto& st = detail::state();
    std::erase_if(st.grad_hooks, [n](const auto& h) { return h.number == n; });
    std::erase_if(st.value_hooks, [n](const auto& h) { return h.number == n; });
  }
}

HookHandle on_grad(std::string pattern, GradHook hook) {
  return add_hook(detail::state().grad_hooks, std::move(pattern), 0, std::move(hook));
}
HookHandle on_grad(const Var& v, GradHook hook) {
  return add_hook(detail::state().grad_hooks, {}, v.id(), std::move(hook));
}
HookHandle on_value(std::string pattern, ValueHook hook) {
  return add_hook(detail::state().value_hooks, std::move(pattern), 0, std::move(hook));
}
HookHandle on_value(const Var& v, ValueHook hook) {
  return add_hook(detail::state().value_hooks, {}, v.id(), std::move(hook));
}

namespace detail {

namespace {

/// What the hook makes of `current`, the value of v so far; empty where it leaves it alone. A node
/// that has just got its name hands it on, so that the name stands for one node.
Var run_one(const ValueHook& hook, const Var& v, const Var& current, bool by_name) {
  ValueEvent event(current);
  const Restore<bool> no_hooks(state().hooks, false);
  hook(event);
  if (!event.replacement().defined()) return Var();
  Var made;
  {
    const Restore<bool> quiet(state().announce, false);
    made = replace_value(current, event.replacement());
  }
  std::string& name = current.node().name;
  made.node().name = by_name ? std::exchange(name, {}) : v.name();
  made.node().scope = v.node().scope;
  // Announced once it has its name.
  const Var* inputs[] = {&current, &event.replacement()};
  if (state().announce) tell_observers([&](Observer& o) { o.on_op(made, inputs); });
  return made;
}

}  // namespace

Var run_value_hooks(const Var& v, bool by_name) {
  Var current = v;
  const std::string label = by_name ? v.label() : std::string();
  int64 number = 0;
  while (ValueHookEntry* entry = next_hook(state().value_hooks, number)) {
    number = entry->number;
    if (by_name ? entry->node != 0 || !matches(entry->pattern, label) : entry->node != v.id())
      continue;
    if (by_name || !entry->fired) {
      // What is made under NoGrad has no gradient, and must not stand for v where it wants one.
      if (!by_name) entry->fired = recording().grad || !v.requires_grad();
      const bool keep = entry->fired;
      const ValueHook hook = entry->hook;
      if (Var made = run_one(hook, v, current, by_name); made.defined()) {
        current = made;
        for (ValueHookEntry& e : state().value_hooks)
          if (keep && e.number == number) e.replaced = current;
      }
    } else if (entry->replaced.defined()) {
      current = entry->replaced;
    }
  }
  return current;
}

Var run_grad_hooks(const Var& node, Var cotangent) {
  GradEvent event(node, std::move(cotangent));
  std::string label;
  int64 number = 0;
  while (GradHookEntry* entry = next_hook(state().grad_hooks, number)) {
    number = entry->number;
    if (!entry->node && label.empty()) label = node.label();
    if (entry->node ? entry->node != node.id() : !matches(entry->pattern, label)) continue;
    const GradHook hook = entry->hook;
    hook(event);
  }
  return event.cotangent();
}

}  // namespace detail

}  // namespace gradus
