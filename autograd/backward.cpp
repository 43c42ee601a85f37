#include "autograd/backward.h"

#include <algorithm>
#include <bit>

#include "autograd/ops.h"
#include "autograd/state.h"
#include "tensor/elementwise.h"

namespace gradus {

namespace {

using detail::Edge;
using detail::Node;

/// Node -> place in the order of the pass: open addressing, for graphs of 10^6 nodes.
class NodeTable {
 public:
  /// True where the node is new.
  bool insert(const Node* n) {
    if ((count_ + 1) * 2 > slots_.size()) grow();
    Slot& s = find_slot(n);
    if (s.node) return false;
    s = {n, 0};
    ++count_;
    return true;
  }
  std::uint32_t& at(const Node* n) { return find_slot(n).place; }
  bool contains(const Node* n) { return !slots_.empty() && find_slot(n).node == n; }

 private:
  struct Slot {
    const Node* node = nullptr;
    std::uint32_t place = 0;
  };
  Slot& find_slot(const Node* n) {
    const std::size_t mask = slots_.size() - 1;
    auto h = static_cast<std::size_t>(n->id) * 0x9E3779B97F4A7C15ull;
    for (std::size_t i = (h >> 20) & mask;; i = (i + 1) & mask)
      if (!slots_[i].node || slots_[i].node == n) return slots_[i];
  }
  void grow() {
    std::vector<Slot> old =
        std::exchange(slots_, std::vector<Slot>(std::max<std::size_t>(64, slots_.size() * 4)));
    for (const Slot& s : old)
      if (s.node) find_slot(s.node) = s;
  }
  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

/// The nodes that a pass visits, newest first, held until their vjp has run.
class Sweep {
 public:
  /// Everything that root depends on and that wants a gradient; with targets, only what leads to
  /// one of them.
  Sweep(const Var& root, std::span<const Var> targets, bool all_targets) {
    collect(&root.node());
    std::sort(order_.begin(), order_.end(),
              [](const Node* a, const Node* b) { return a->id > b->id; });
    for (std::size_t i = 0; i < order_.size(); ++i)
      table_.at(order_[i]) = static_cast<std::uint32_t>(i);
    needed_.assign(order_.size(), all_targets ? 1 : 0);
    if (!all_targets) {
      for (const Var& t : targets)
        if (contains(&t.node())) needed_[place(&t.node())] = 1;
      for (std::size_t i = order_.size(); i-- > 0;)
        for (const Edge& e : order_[i]->edges())
          if (!needed_[i] && contains(e.node)) needed_[i] = needed_[place(e.node)];
    }
    cotangents_.resize(order_.size());
  }
  ~Sweep() {
    for (Node* n : order_)
      if (n) detail::release(n);
  }
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  std::size_t size() const { return order_.size(); }
  Node* node(std::size_t i) const { return order_[i]; }
  bool contains(const Node* n) { return n->requires_grad && table_.contains(n); }
  std::size_t place(const Node* n) { return table_.at(n); }
  bool needed(const Node* n) { return contains(n) && needed_[place(n)]; }
  bool needed_at(std::size_t i) const { return needed_[i]; }
  Var& cotangent(std::size_t i) { return cotangents_[i]; }
  /// Lets go of a node whose vjp has run: it is freed here if nobody else holds it.
  void done(std::size_t i) {
    cotangents_[i].reset();
    detail::release(std::exchange(order_[i], nullptr));
  }

 private:
  void collect(Node* root) {
    std::vector<Node*> todo;
    const auto visit = [&](Node* n) {
      if (!n->requires_grad || !table_.insert(n)) return;
      detail::hold(n);
      order_.push_back(n);
      todo.push_back(n);
    };
    visit(root);
    while (!todo.empty()) {
      Node* n = todo.back();
      todo.pop_back();
      for (const Edge& e : n->edges()) visit(e.node);
    }
  }
  std::vector<Node*> order_;
  NodeTable table_;
  std::vector<std::uint8_t> needed_;
  std::vector<Var> cotangents_;
};

/// Fused op without create_graph: tensors in one pass.
Grads run_kernel(const Node& n, std::span<const std::uint8_t> wanted, const Tensor& cotangent) {
  std::vector<Tensor> in(static_cast<std::size_t>(n.edge_count));
  for (std::size_t i = 0; i < in.size(); ++i)
    if (n.edges()[i].reads) in[i] = n.edges()[i].node->value;
  const Tensor none;
  std::vector<Tensor> out = n.op->vjp_kernel(
      {in, n.op->reads.output ? n.value : none, n.saved, n.attrs, wanted, cotangent});
  std::vector<Var> grads;
  for (Tensor& t : out) grads.push_back(t.defined() ? Var(std::move(t)) : Var());
  return Grads(std::move(grads));
}

/// Fused op under create_graph: the gradient of its reference. The reference runs on aliases of the
/// inputs, so that one input that depends on another is not counted twice. An input that the vjp
/// does not read may be gone; since the vjp does not depend on its value, zeros stand in for it.
Grads run_reference(const Node& n, std::span<const std::uint8_t> wanted, const Var& cotangent) {
  std::vector<Var> in, targets;
  for (const Edge& e : n.edges()) {
    if (e.reads)
      in.push_back(e.node->requires_grad ? alias(Var::of(e.node)) : Var::of(e.node));
    else if (e.node->requires_grad)
      in.push_back(leaf(zeros(e.node->shape, e.node->dtype)));
    else
      in.push_back(Var(zeros(e.node->shape, e.node->dtype)));
  }
  for (std::size_t i = 0; i < in.size(); ++i)
    if (wanted[i]) targets.push_back(in[i]);
  const Var y = n.op->reference(in, n.attrs);
  std::vector<Var> found =
      grad(y, targets, {.create_graph = true, .allow_unused = true}, cotangent);
  std::vector<Var> grads(in.size());
  for (std::size_t i = 0, j = 0; i < in.size(); ++i)
    if (wanted[i]) grads[i] = found[j++];
  return Grads(std::move(grads));
}

void check_grads(const Node& n, std::span<const std::uint8_t> wanted, const Grads& grads) {
  if (grads.size() != static_cast<std::size_t>(n.edge_count))
    fail<GraphError>("the vjp of '{}' returned {} cotangents for {} inputs", n.op->name,
                     grads.size(), n.edge_count);
  for (std::size_t i = 0; i < grads.size(); ++i) {
    if (!wanted[i] || !grads[i].defined()) continue;
    const Node& x = *n.edges()[i].node;
    check_shape(grads[i].shape() == x.shape,
                "the vjp of '{}' returned shape {} for input {} of shape {}", n.op->name,
                text(grads[i].shape()), i, text(x.shape));
    check_dtype(grads[i].dtype() == x.dtype, "the vjp of '{}' returned {} for input {} of dtype {}",
                n.op->name, name(grads[i].dtype()), i, name(x.dtype));
  }
}

/// Runs the pass; `keep(place, cotangent)` sees each needed node's summed cotangent.
template <class F>
void run(Sweep& pass, Var start, bool create_graph, F&& keep) {
  detail::ThreadState& st = detail::state();
  const bool announced = st.announce;
  pass.cotangent(0) = std::move(start);
  std::vector<std::uint8_t> wanted;
  for (std::size_t i = 0; i < pass.size(); ++i) {
    Node* n = pass.node(i);
    if (!pass.cotangent(i).defined() || !pass.needed_at(i)) {
      pass.done(i);
      continue;
    }
    if (!st.grad_hooks.empty())
      pass.cotangent(i) = detail::run_grad_hooks(Var::of(n), std::move(pass.cotangent(i)));
    const Var& g = pass.cotangent(i);
    keep(i, g);
    wanted.clear();
    bool any = false;
    for (const Edge& e : n->edges()) {
      wanted.push_back(pass.needed(e.node));
      any |= wanted.back() != 0;
    }
    if (n->op && any) {
      detail::Restore<Recording> recording(
          st.recording, {create_graph, st.recording.retain, st.recording.fusion});
      detail::Restore<detail::ScopeName> scope(st.scope, n->scope);
      const Grads grads = [&] {
        detail::Restore<bool> quiet(st.announce, announced && create_graph);
        try {
          Grads made = !n->op->vjp_kernel ? n->op->vjp(VjpCall(*n, wanted), g)
                       : create_graph     ? run_reference(*n, wanted, g)
                                          : run_kernel(*n, wanted, g.value());
          check_grads(*n, wanted, made);
          return made;
        } catch (Error& e) {
          e.add(fmt::format("in the vjp of: '{}'", Var::of(n).label()));
          if (n->where.file) e.add("recorded at: " + n->where.text());
          throw;
        }
      }();
      if (!st.observers.empty()) {
        std::vector<Var> list;
        for (std::size_t j = 0; j < grads.size(); ++j) list.push_back(wanted[j] ? grads[j] : Var());
        const Var node = Var::of(n);
        for (Observer* o : st.observers) o->on_vjp({node, g, list});
      }
      detail::Restore<bool> quiet(st.announce, announced && create_graph);
      for (std::size_t j = 0; j < grads.size(); ++j) {
        if (!wanted[j] || !grads[j].defined()) continue;
        Var& sum = pass.cotangent(pass.place(n->edges()[j].node));
        sum = sum.defined() ? add(sum, grads[j]) : grads[j];
      }
    }
    pass.done(i);
  }
}

Var start_cotangent(const Var& y, const Tensor& given) {
  if (!given.defined()) {
    if (y.numel() != 1)
      fail<ShapeError>(
          "only a tensor of one element has a gradient by itself, '{}' is {}; reduce it with sum "
          "or mean, or "
          "pass a cotangent of its shape",
          y.label(), text(y.shape()));
    return Var(ones(y.shape(), y.dtype()));
  }
  check_shape(given.shape() == y.shape(), "the cotangent has shape {}, the output '{}' {}",
              text(given.shape()), y.label(), text(y.shape()));
  check_dtype(given.dtype() == y.dtype(), "the cotangent is {}, the output '{}' {}",
              name(given.dtype()), y.label(), name(y.dtype()));
  return Var(given);
}

}  // namespace

Gradients backward(Var loss, BackwardOptions options) {
  return backward(std::move(loss), Tensor(), options);
}

Gradients backward(Var output, Tensor cotangent, BackwardOptions options) {
  if (!output.requires_grad()) throw GraphError(why_no_gradient(output, output));
  Var start = start_cotangent(output, cotangent);
  Sweep pass(output, {}, true);
  output.reset();
  Gradients result;
  run(pass, std::move(start), false, [&](std::size_t i, const Var& g) {
    const Node* n = pass.node(i);
    const bool is_leaf = n->op == nullptr;
    if (is_leaf || options.keep == KeepGrads::all ||
        (options.keep == KeepGrads::named && !n->name.empty()))
      result.add({Var::of(pass.node(i)).label(), g.value(), n->id, n->is_parameter});
  });
  return result;
}

std::vector<Var> grad(const Var& y, std::span<const Var> x, GradOptions options,
                      const Var& cotangent) {
  for (const Var& v : x)
    if (!v.defined()) throw GraphError("grad: one of the inputs is an empty Var");
  Var start = start_cotangent(y, cotangent.defined() ? cotangent.value() : Tensor());
  if (cotangent.defined()) start = cotangent;
  std::unordered_map<int64, std::vector<std::size_t>> wanted;
  for (std::size_t i = 0; i < x.size(); ++i) wanted[x[i].id()].push_back(i);
  std::vector<Var> result(x.size());
  if (y.requires_grad()) {
    Sweep pass(y, x, false);
    run(pass, std::move(start), options.create_graph, [&](std::size_t i, const Var& g) {
      if (auto it = wanted.find(pass.node(i)->id); it != wanted.end())
        for (std::size_t j : it->second) result[j] = g;
    });
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (result[i].defined()) continue;
    if (!options.allow_unused) throw GraphError(why_no_gradient(y, x[i]));
    result[i] = Var(zeros(x[i].shape(), x[i].dtype()));
  }
  return result;
}

}  // namespace gradus
