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
#include <cstdint>
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

  // Both counts in one number: a handle takes and gives both in one locked instruction.
  static constexpr std::uint64_t kReference = 1, kValue = std::uint64_t{1} << 32;
  static constexpr std::uint64_t kHandle = kReference | kValue;
  std::atomic<std::uint64_t> counts{0};
  static std::uint32_t references_in(std::uint64_t c) { return static_cast<std::uint32_t>(c); }
  static std::uint32_t values_in(std::uint64_t c) { return static_cast<std::uint32_t>(c >> 32); }
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

  std::uint32_t references() const { return references_in(counts.load(std::memory_order_acquire)); }
  const Shape& shape() const { return value.shape(); }
  DType dtype() const { return value.dtype(); }
  std::span<const Edge> edges() const {
    return {more_edges ? more_edges.get() : inline_edges, static_cast<std::size_t>(edge_count)};
  }
};

void drop_value(Node* n) noexcept;
/// Frees the node and all that only it held, in a loop.
void free_node(Node* n) noexcept;

inline void hold(Node* n) noexcept {
  n->counts.fetch_add(Node::kReference, std::memory_order_relaxed);
}
inline void hold_value(Node* n) noexcept {
  n->counts.fetch_add(Node::kValue, std::memory_order_relaxed);
}
/// A reference and a value reference.
inline void hold_handle(Node* n) noexcept {
  n->counts.fetch_add(Node::kHandle, std::memory_order_relaxed);
}
inline void release_value(Node* n) noexcept {
  if (Node::values_in(n->counts.fetch_sub(Node::kValue, std::memory_order_acq_rel)) == 1)
    drop_value(n);
}
/// True where that was the last reference. The only holder needs no locked instruction: nobody else
/// can come by one.
inline bool gives_up_last(Node* n) noexcept {
  return n->references() == 1 ||
         Node::references_in(n->counts.fetch_sub(Node::kReference, std::memory_order_acq_rel)) == 1;
}
/// The same of a reference and a value reference. The last one of the value keeps its reference
/// until the value is dropped: without it another thread might free the node meanwhile.
inline bool gives_up_handle(Node* n) noexcept {
  std::uint64_t c = n->counts.load(std::memory_order_acquire);
  do {
    if (Node::references_in(c) == 1) return true;
    if (Node::values_in(c) == 1) {
      release_value(n);
      return gives_up_last(n);
    }
  } while (!n->counts.compare_exchange_weak(c, c - Node::kHandle, std::memory_order_acq_rel,
                                            std::memory_order_acquire));
  return false;
}
inline void release(Node* n) noexcept {
  if (gives_up_last(n)) free_node(n);
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
    detail::Node* n = std::exchange(node_, nullptr);
    if (n && detail::gives_up_handle(n)) detail::free_node(n);
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
    n->counts.store(detail::Node::kHandle, std::memory_order_relaxed);
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
    if (node_) detail::hold_handle(node_);
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
