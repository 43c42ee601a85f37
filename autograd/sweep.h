// The nodes that one backward pass visits, found in a loop: those of ops in falling order of
// creation ids (a topological order), then the leaves, whose gradients are complete once all ops
// are done; for the engine's own files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "autograd/var.h"

namespace gradus::detail {

/// Creation id -> place in the pass: open addressing, for graphs of 10^6 nodes. Neighbouring ids
/// stand in neighbouring slots, for a pass walks them in order.
class PlaceTable {
 public:
  static constexpr std::uint32_t kNone = ~0u;

  /// True where the id is new.
  bool insert(int64 id, std::uint32_t place) {
    if ((count_ + 1) * 2 > slots_.size()) grow();
    Slot& s = slot(id);
    if (s.id != 0) return false;
    s = {id, place};
    ++count_;
    return true;
  }
  void move(int64 id, std::uint32_t place) { slot(id).place = place; }
  std::uint32_t find(int64 id) const {
    return slots_.empty() ? kNone : const_cast<PlaceTable*>(this)->slot(id).place;
  }

 private:
  struct Slot {
    int64 id = 0;  // 0: free
    std::uint32_t place = kNone;
  };
  Slot& slot(int64 id) {
    // Groups of eight slots are hashed, and a taken slot sends the id to the same place of the next
    // group: groups fill as a whole, and would be long runs for a search from slot to slot.
    const std::size_t mask = slots_.size() - 1;
    const auto n = static_cast<std::size_t>(id);
    const std::size_t group = ((n >> 3) * 0x9E3779B97F4A7C15ull) >> 24;
    // Where ids are eight apart, one place of every group can be taken: then the next place.
    std::size_t tried = 0;
    for (std::size_t i = group * 8 + (n & 7);; i += (++tried & (mask >> 3)) == 0 ? 9 : 8)
      if (Slot& s = slots_[i & mask]; s.id == id || s.id == 0) return s;
  }
  void grow() {
    std::vector<Slot> old =
        std::exchange(slots_, std::vector<Slot>(std::max<std::size_t>(64, slots_.size() * 4)));
    for (const Slot& s : old)
      if (s.id != 0) slot(s.id) = s;
  }
  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

/// Holds each node until its vjp has run, and the cotangents that have arrived so far.
class Sweep {
 public:
  /// Everything that root depends on and that wants a gradient.
  explicit Sweep(const Var& root) {
    collect(&root.node());
    marks_.assign(order_.size(), kNeeded);
    cotangents_.resize(order_.size());
  }
  /// Only what leads to one of the targets.
  Sweep(const Var& root, std::span<const Var> targets) : Sweep(root) {
    std::fill(marks_.begin(), marks_.end(), std::uint8_t{0});
    for (const Var& t : targets)
      if (const std::uint32_t p = place(&t.node()); p != PlaceTable::kNone)
        marks_[p] = kNeeded | kTarget;
    for (std::size_t i = order_.size(); i-- > 0;)
      for (const Edge& e : order_[i].node->edges())
        if (const std::uint32_t p = place(e.node); p != PlaceTable::kNone)
          marks_[i] = static_cast<std::uint8_t>(marks_[i] | (marks_[p] & kNeeded));
  }
  ~Sweep() {
    for (const Item& item : order_)
      if (item.node) release(item.node);
  }
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  std::size_t size() const { return order_.size(); }
  Node* node(std::size_t i) const { return order_[i].node; }
  /// kNone where the node takes no part in the pass.
  std::uint32_t place(const Node* n) const {
    return n->requires_grad ? table_.find(n->id) : PlaceTable::kNone;
  }
  /// Asks for a node that comes soon: of a large graph nothing is in the caches.
  void prefetch(std::size_t i) const {
    if (i >= order_.size()) return;
    const char* node = reinterpret_cast<const char*>(order_[i].node);
    for (std::size_t at = 0; at < sizeof(Node); at += 64) __builtin_prefetch(node + at, 1);
  }
  bool needed(std::size_t i) const { return (marks_[i] & kNeeded) != 0; }
  bool is_target(std::size_t i) const { return (marks_[i] & kTarget) != 0; }
  Var& cotangent(std::size_t i) { return cotangents_[i]; }
  /// Lets go of a node whose vjp has run: it is freed here if nobody else holds it.
  void done(std::size_t i) {
    cotangents_[i].reset();
    release(std::exchange(order_[i].node, nullptr));
  }

 private:
  static constexpr std::uint8_t kNeeded = 1, kTarget = 2;
  struct Item {
    int64 id;
    Node* node;
  };
  void collect(Node* root) {
    std::vector<Node*> todo;
    std::vector<Item> leaves;
    const auto visit = [&](Node* n) {
      if (!n->requires_grad || !table_.insert(n->id, static_cast<std::uint32_t>(order_.size())))
        return;
      hold(n);
      if (!n->op) return leaves.push_back({n->id, n});
      order_.push_back({n->id, n});
      todo.push_back(n);
    };
    visit(root);
    while (!todo.empty()) {
      const Node* n = todo.back();
      todo.pop_back();
      for (const Edge& e : n->edges()) visit(e.node);
    }
    // A chain whose steps all read one old leaf was found in order, but for that leaf.
    if (sort(order_)) place_from(0);
    const std::size_t ops = order_.size();
    sort(leaves);
    order_.insert(order_.end(), leaves.begin(), leaves.end());
    place_from(ops);
  }
  /// True where the order had to change.
  static bool sort(std::vector<Item>& items) {
    const auto newer = [](const Item& a, const Item& b) { return a.id > b.id; };
    if (std::is_sorted(items.begin(), items.end(), newer)) return false;
    std::sort(items.begin(), items.end(), newer);
    return true;
  }
  void place_from(std::size_t first) {
    for (std::size_t i = first; i < order_.size(); ++i)
      table_.move(order_[i].id, static_cast<std::uint32_t>(i));
  }
  std::vector<Item> order_;
  PlaceTable table_;
  std::vector<std::uint8_t> marks_;
  std::vector<Var> cotangents_;
};

}  // namespace gradus::detail
