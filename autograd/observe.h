// Observers and hooks: one interface serves anomaly detection, statistics, profiling and dumps;
// hooks read or replace values and cotangents, by Var or by name pattern ('*' stands for any run of
// characters). All are of this thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "autograd/op.h"

namespace gradus {

/// One vjp that has just run.
struct VjpEvent {
  const Var& node;
  const Var& cotangent;        ///< summed, after hooks
  std::span<const Var> grads;  ///< one an input; empty where none was wanted
};

class Observer {
 public:
  virtual ~Observer() = default;
  /// A node has been recorded (leaves and the ops inside a plain backward pass are not announced).
  /// What an observer throws reaches the caller of the op.
  virtual void on_forward(const Var&) {}
  /// The same event with the inputs as they were given: a constant has no links to ask for them.
  virtual void on_op(const Var& node, std::span<const Var* const> inputs) {
    static_cast<void>(inputs);
    on_forward(node);
  }
  virtual void on_vjp(const VjpEvent&) {}
};
/// The observer listens until the guard goes.
class ObserverGuard {
 public:
  explicit ObserverGuard(Observer& observer);
  ~ObserverGuard();
  ObserverGuard(const ObserverGuard&) = delete;
  ObserverGuard& operator=(const ObserverGuard&) = delete;

 private:
  Observer* observer_;
};

/// A cotangent on its way through a node: summed over all consumers, seen once a backward pass.
class GradEvent {
 public:
  GradEvent(const Var& n, Var g) : node(n), cotangent_(std::move(g)) {}
  const Var& node;
  const Var& cotangent() const { return cotangent_; }
  const Tensor& value() const { return cotangent_.value(); }
  /// Same shape and dtype, else ShapeError / DTypeError. Under create_graph a Var stays part of the
  /// graph.
  void replace(Var g);

 private:
  Var cotangent_;
};
/// A forward value that has just got its name (pattern), or is about to be used (Var).
class ValueEvent {
 public:
  explicit ValueEvent(const Var& v) : node(v) {}
  const Var& node;
  const Tensor& value() const { return node.value(); }
  /// Same shape and dtype. The replacement becomes an op of its own in the graph, 'replace_value':
  /// no gradient flows to the old value through it; a Var computed from the old value carries its
  /// own.
  void replace(Var v);
  const Var& replacement() const { return replacement_; }

 private:
  Var replacement_;
};

/// Removes its hook when it goes (or at remove()), in the thread that set it.
class HookHandle {
 public:
  HookHandle() = default;
  explicit HookHandle(int64 number) : number_(number) {}
  HookHandle(HookHandle&& o) noexcept : number_(std::exchange(o.number_, 0)) {}
  HookHandle& operator=(HookHandle&& o) noexcept {
    std::swap(number_, o.number_);
    return *this;
  }
  ~HookHandle() { remove(); }
  void remove();

 private:
  int64 number_ = 0;
};

using GradHook = std::function<void(GradEvent&)>;
using ValueHook = std::function<void(ValueEvent&)>;
/// Hooks fire in the order of their registration, once a node; no hook sees what a hook computes.
/// In a plain backward pass a gradient hook computes constants, under create_graph nodes.
[[nodiscard]] HookHandle on_grad(std::string pattern, GradHook hook);
[[nodiscard]] HookHandle on_grad(const Var& v, GradHook hook);
[[nodiscard]] HookHandle on_value(std::string pattern, ValueHook hook);
/// Every later use of v as an input sees the replacement.
[[nodiscard]] HookHandle on_value(const Var& v, ValueHook hook);

}  // namespace gradus
