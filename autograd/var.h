// Var: a handle on an immutable node of the graph: value, op, attributes, inputs, creation id (a
// topological order), name, scope and source line. Making a Var from a Tensor makes a constant;
// leaf() makes one that wants a gradient.
//
// Note [What keeps a value alive]
// A node counts two things: references (handles, edges from consumers, the backward pass) keep the
// node; value references (handles, edges of consumers whose vjp reads this value, the node itself
// where its own vjp reads the output) keep its Tensor. Under Retain::needed the Tensor goes as soon
// as the second count is zero; the node, its shape and its links stay.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "autograd/attrs.h"
#include "tensor/array.h"

namespace gradus {

struct OpDef;
class Var;

/// A place in the caller's source; printed without its folder.
struct Location {
  const char* file = nullptr;
  int line = 0;
  std::string text() const;  ///< "train_step.cpp:17", or "" where unknown
};

namespace detail {

struct Node;

struct Edge {
  Node* node = nullptr;
  bool reads = false;  // the consumer's vjp looks at this value
  bool holds = false;  // the consumer keeps this value: it reads it, or all is retained
};

using ScopeName = std::shared_ptr<const std::string>;

struct Node {
  // A thread keeps the memory of some freed nodes for its next ones.
  static void* operator new(std::size_t bytes);
  static void operator delete(void* node) noexcept;

  std::atomic<int> references{0};
  std::atomic<int> value_references{0};
  bool requires_grad = false;
  bool is_parameter = false;  // a leaf whose gradient is keyed by its path
  int edge_count = 0;
  int64 id = 0;
  const OpDef* op = nullptr;  // null: a leaf or a constant
  Tensor value;               // keeps its shape and dtype when its elements are dropped
  Edge inline_edges[3];
  std::unique_ptr<Edge[]> more_edges;  // used where there are more than three
  Attrs attrs;
  std::vector<Tensor> saved;
  ScopeName scope;
  std::string name;
  Location where;
  Node* next_free = nullptr;  // free_node's list

  const Shape& shape() const { return value.shape(); }
  DType dtype() const { return value.dtype(); }
  std::span<const Edge> edges() const {
    return {more_edges ? more_edges.get() : inline_edges, static_cast<std::size_t>(edge_count)};
  }
};

void drop_value(Node* n) noexcept;
/// Frees the node and all that only it held, in a loop.
void free_node(Node* n) noexcept;

inline void hold(Node* n) noexcept { n->references.fetch_add(1, std::memory_order_relaxed); }
/// True where that was the last reference. The only holder needs no locked instruction: nobody else
/// can come by one.
inline bool gives_up_last(Node* n) noexcept {
  return n->references.load(std::memory_order_acquire) == 1 ||
         n->references.fetch_sub(1, std::memory_order_acq_rel) == 1;
}
inline void release(Node* n) noexcept {
  if (gives_up_last(n)) free_node(n);
}
inline void hold_value(Node* n) noexcept {
  n->value_references.fetch_add(1, std::memory_order_relaxed);
}
inline void release_value(Node* n) noexcept {
  if (n->value_references.fetch_sub(1, std::memory_order_acq_rel) == 1) drop_value(n);
}

}  // namespace detail

class Var {
 public:
  /// No node: defined() is false.
  Var() noexcept = default;
  /// A constant: no gradient.
  Var(Tensor value);
  Var(const Var& o) noexcept : node_(o.node_) { hold(); }
  Var(Var&& o) noexcept : node_(std::exchange(o.node_, nullptr)) {}
  Var& operator=(Var o) noexcept {
    std::swap(node_, o.node_);
    return *this;
  }
  ~Var() { reset(); }
  void reset() noexcept {
    if (detail::Node* n = std::exchange(node_, nullptr)) {
      detail::release_value(n);
      detail::release(n);
    }
  }

  bool defined() const { return node_ != nullptr; }
  /// GraphError where the value was dropped (Retain::needed) before this handle was taken.
  const Tensor& value() const;
  bool has_value() const { return node().value.defined(); }
  const Shape& shape() const { return node().shape(); }
  int rank() const { return shape().rank(); }
  int64 size(int64 axis) const { return shape()[normal_axis(axis, rank())]; }
  int64 numel() const { return shape().numel(); }
  DType dtype() const { return node().dtype(); }
  bool requires_grad() const { return node_ && node_->requires_grad; }
  double item() const { return value().item(); }

  /// Ids grow with creation: an input's id is smaller than its consumer's.
  int64 id() const { return node().id; }
  /// Null for leaves and constants.
  const OpDef* op() const { return node().op; }
  const Attrs& attrs() const { return node().attrs; }
  /// Links are kept where a gradient may flow, and everywhere under Retain::all.
  std::vector<Var> inputs() const;
  const std::string& name() const { return node().name; }
  const std::string& scope() const;
  Location where() const { return node().where; }
  /// "model/layer0/attention/q" for a named node, "model/layer0/attention/matmul#412" for others.
  std::string label() const;
  /// Names the node at birth, so that errors, dumps, hooks and Gradients know it. Value hooks that
  /// match the name fire here, and the Var returned is what they made of it. A node that has a name
  /// already keeps it: the new one goes to an alias.
  Var named(std::string name) const;

  bool operator==(const Var& o) const { return node_ == o.node_; }  ///< the same node

  detail::Node& node() const {
    if (!node_) [[unlikely]]
      throw GraphError("this Var is empty: it was default-constructed or moved from");
    return *node_;
  }
  /// The first handle on a new node, whose counts it sets; for the engine.
  static Var first(detail::Node* n) noexcept {
    n->references.store(1, std::memory_order_relaxed);
    n->value_references.store(1, std::memory_order_relaxed);
    Var v;
    v.node_ = n;
    return v;
  }
  /// A handle on a node that is alive; for the engine.
  static Var of(detail::Node* n) noexcept {
    Var v;
    v.node_ = n;
    v.hold();
    return v;
  }

 private:
  void hold() const noexcept {
    if (node_) detail::hold(node_), detail::hold_value(node_);
  }
  detail::Node* node_ = nullptr;
};

/// A Var with the line of the caller that passed it: the first parameter of every op. (clang 14 has
/// no std::source_location, and operators cannot have default arguments.)
struct At {
  const Var& var;
  Location where;
  At(const Var& v, const char* file = __builtin_FILE(), int line = __builtin_LINE())
      : var(v), where{file, line} {}
};

/// A differentiable leaf (f32 or f64).
Var leaf(Tensor value, std::string name = {});
/// A leaf whose gradient is keyed by `path` (see Gradients); nn::Parameter is made of these.
Var parameter_leaf(Tensor value, std::string path);
/// A constant with a name.
Var constant(Tensor value, std::string name = {});
/// A constant of one number.
inline Var constant(double value, DType dtype) { return Var(scalar(value, dtype)); }

}  // namespace gradus
