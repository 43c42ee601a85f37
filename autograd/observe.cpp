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

/// No hook sees the ops that a hook runs.
struct Hushed {
  Hushed() : announce(detail::state().announce, false) {}
  detail::Restore<bool> announce;
};

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
  auto& st = detail::state();
  st.grad_hooks.push_back({st.next_hook, std::move(pattern), 0, std::move(hook)});
  return HookHandle(st.next_hook++);
}
HookHandle on_grad(const Var& v, GradHook hook) {
  auto& st = detail::state();
  st.grad_hooks.push_back({st.next_hook, {}, v.id(), std::move(hook)});
  return HookHandle(st.next_hook++);
}
HookHandle on_value(std::string pattern, ValueHook hook) {
  auto& st = detail::state();
  st.value_hooks.push_back({st.next_hook, std::move(pattern), 0, std::move(hook), Var()});
  return HookHandle(st.next_hook++);
}
HookHandle on_value(const Var& v, ValueHook hook) {
  auto& st = detail::state();
  st.value_hooks.push_back({st.next_hook, {}, v.id(), std::move(hook), Var()});
  return HookHandle(st.next_hook++);
}

namespace detail {

Var run_value_hooks(const Var& v, bool by_name) {
  if (!state().announce) return v;
  Var current = v;
  const std::string label = by_name ? v.label() : std::string();
  for (std::size_t i = 0; i < state().value_hooks.size(); ++i) {
    const ValueHookEntry entry = state().value_hooks[i];
    if (by_name ? entry.node != 0 || !matches(entry.pattern, label) : entry.node != v.id())
      continue;
    if (entry.replaced.defined()) {
      current = entry.replaced;
      continue;
    }
    ValueEvent event(current);
    {
      Hushed hushed;
      entry.hook(event);
    }
    if (!event.replacement().defined()) continue;
    Restore<bool> no_hooks(state().announce, false);
    Var made = replace_value(current, event.replacement());
    made.node().name = v.name();
    current = made;
    if (!by_name)
      for (auto& e : state().value_hooks)
        if (e.number == entry.number) e.replaced = current;
  }
  if (current != v) {
    // Announced here, once it has its name: the ops above ran hushed.
    for (Observer* o : state().observers) o->on_forward(current);
  }
  return current;
}

Var run_grad_hooks(const Var& node, Var cotangent) {
  const std::string label = node.label();
  GradEvent event(node, std::move(cotangent));
  for (std::size_t i = 0; i < state().grad_hooks.size(); ++i) {
    const GradHookEntry entry = state().grad_hooks[i];
    if (entry.node ? entry.node != node.id() : !matches(entry.pattern, label)) continue;
    entry.hook(event);
  }
  return event.cotangent();
}

}  // namespace detail

}  // namespace gradus
