#include "autograd/var.h"

#include <cstring>

#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/state.h"
#include "tensor/poison.h"

namespace gradus {

std::string Location::text() const {
  if (!file) return {};
  const char* slash = std::strrchr(file, '/');
  return fmt::format("{}:{}", slash ? slash + 1 : file, line);
}

namespace detail {

namespace {

/// Memory of freed nodes, the last one on top: a training step's nodes need no malloc each.
struct NodeCache {
  static constexpr int kMost = 2048;
  void* blocks[kMost] = {};
  int count = 0;
  bool closed = false;  // the thread ends: what it frees now goes at once
};
constinit thread_local NodeCache node_cache;

struct CloseNodeCache {
  ~CloseNodeCache() {
    node_cache.closed = true;
    while (node_cache.count > 0) {
      void* block = node_cache.blocks[--node_cache.count];
      permit(block, sizeof(Node));
      ::operator delete(block);
    }
  }
};

}  // namespace

void* Node::operator new(std::size_t bytes) {
  if (node_cache.count == 0) return ::operator new(bytes);
  void* block = node_cache.blocks[--node_cache.count];
  permit(block, bytes);
  return block;
}

void Node::operator delete(void* node) noexcept {
  if (node_cache.closed || node_cache.count == NodeCache::kMost) return ::operator delete(node);
  if (node_cache.count == 0) static thread_local const CloseNodeCache at_the_end;
  forbid(node, sizeof(Node));
  node_cache.blocks[node_cache.count++] = node;
}

void drop_value(Node* n) noexcept {
  // A handle taken later on a node without a value drops nothing: two threads may take one at once.
  if (n->value.defined()) const Tensor elements = std::move(n->value);
}

void free_node(Node* n) noexcept {
  n->next_free = nullptr;
  for (Node* list = n; list;) {
    Node* current = list;
    list = current->next_free;
    for (const Edge& e : current->edges()) {
      if (e.holds ? gives_up_handle(e.node) : gives_up_last(e.node)) {
        e.node->next_free = list;
        list = e.node;
      }
    }
    delete current;
  }
}

namespace {
Var make_leaf(Tensor value, std::string name, bool requires_grad, ScopeName scope) {
  if (!value.defined()) throw GraphError("a Var needs a tensor, got an empty one");
  auto* n = new Node;
  n->id = next_id();
  n->requires_grad = requires_grad;
  n->value = std::move(value);
  n->name = std::move(name);
  n->scope = std::move(scope);
  return Var::first(n);
}
void require_float(const Tensor& t, std::string_view what) {
  if (t.defined() && !is_float(t.dtype()))
    fail<DTypeError>("a {} has a gradient and must be f32 or f64, got {}; use constant()", what,
                     name(t.dtype()));
}
}  // namespace

}  // namespace detail

Var::Var(Tensor value) : Var(detail::make_leaf(std::move(value), {}, false, nullptr)) {}

Var leaf(Tensor value, std::string name) {
  detail::require_float(value, "leaf");
  return detail::make_leaf(std::move(value), std::move(name), true, detail::state().scope);
}

Var parameter_leaf(Tensor value, std::string path) {
  detail::require_float(value, "parameter");
  Var v = detail::make_leaf(std::move(value), std::move(path), true, nullptr);
  v.node().is_parameter = true;
  return v;
}

Var constant(Tensor value, std::string name) {
  return detail::make_leaf(std::move(value), std::move(name), false, detail::state().scope);
}

const Tensor& Var::value() const {
  const detail::Node& n = node();
  if (!n.value.defined()) [[unlikely]]
    fail<GraphError>(
        "the value of '{}' {} was dropped: no vjp reads it and no handle held it; keep a Var on "
        "it, "
        "or record under RetainGuard(Retain::all)",
        label(), gradus::text(n.shape()));
  return n.value;
}

std::vector<Var> Var::inputs() const {
  std::vector<Var> list;
  for (const detail::Edge& e : node().edges()) list.push_back(Var::of(e.node));
  return list;
}

const std::string& Var::scope() const {
  static const std::string none;
  const auto& s = node().scope;
  return s ? *s : none;
}

std::string Var::label() const {
  const detail::Node& n = node();
  std::string text = n.scope && !n.scope->empty() ? *n.scope + "/" : std::string();
  if (!n.name.empty()) return text + n.name;
  const std::string_view kind = n.op ? n.op->name : n.requires_grad ? "leaf" : "constant";
  return fmt::format("{}{}#{}", text, kind, n.id);
}

Var Var::named(std::string name) const {
  detail::Node& n = node();
  // An op may return its input (a slice of the whole, a broadcast to the same shape): what has a
  // name keeps it, and a parameter its path.
  if (n.is_parameter || (!n.name.empty() && n.name != name))
    return alias(At(*this, n.where.file, n.where.line)).named(std::move(name));
  n.name = std::move(name);
  const detail::ThreadState& st = detail::state();
  return st.value_hooks.empty() || !st.hooks ? *this : detail::run_value_hooks(*this, true);
}

std::string Attrs::text() const {
  std::string out;
  const auto list = [](const auto& values) {
    std::string s = "[";
    for (std::size_t i = 0; i < values.size(); ++i)
      s += fmt::format("{}{}", i ? ", " : "", values[i]);
    return s + "]";
  };
  for (const auto& [key, value] : items()) {
    if (!out.empty()) out += ", ";
    out += key + "=";
    if (auto* i = std::get_if<int64>(&value))
      out += fmt::format("{}", *i);
    else if (auto* d = std::get_if<double>(&value))
      out += fmt::format("{}", *d);
    else if (auto* s = std::get_if<std::string>(&value))
      out += "'" + *s + "'";
    else if (auto* is = std::get_if<std::vector<int64>>(&value))
      out += list(*is);
    else if (auto* ds = std::get_if<std::vector<double>>(&value))
      out += list(*ds);
    else
      out += "...";
  }
  return out;
}

}  // namespace gradus
