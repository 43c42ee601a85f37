#include "autograd/inspect.h"

#include <algorithm>
#include <unordered_set>

namespace gradus {

namespace {

/// "model/layer0" of "model/layer0/w".
std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

std::vector<detail::Node*> reachable(const Var& root) {
  std::vector<detail::Node*> found;
  std::unordered_set<const detail::Node*> seen;
  const auto visit = [&](detail::Node* n) {
    if (seen.insert(n).second) found.push_back(n);
  };
  visit(&root.node());
  for (std::size_t i = 0; i < found.size(); ++i)
    for (const detail::Edge& e : found[i]->edges()) visit(e.node);
  std::sort(found.begin(), found.end(),
            [](const detail::Node* a, const detail::Node* b) { return a->id < b->id; });
  return found;
}

void add_gradient(DumpNode& d, const Var& v, const Gradients* gradients) {
  if (!v.requires_grad())
    d.gradient_note = "constant";
  else if (!gradients)
    d.gradient_note = "no gradient yet";
  else if (gradients->has(v))
    d.gradient = statistics(gradients->of(v));
  else
    d.gradient_note = "gradient not kept";
}

}  // namespace

GraphDump dump(const Var& root, const Gradients* gradients) {
  GraphDump graph;
  graph.root = root.id();
  const std::vector<detail::Node*> nodes = reachable(root);
  graph.nodes.reserve(nodes.size());
  for (detail::Node* n : nodes) {
    const Var v = Var::of(n);
    DumpNode& d = graph.nodes.emplace_back();
    d.id = n->id;
    d.op = n->op;
    d.kind = n->op              ? std::string(n->op->name)
             : n->is_parameter  ? "parameter"
             : n->requires_grad ? "leaf"
                                : "constant";
    d.label = v.label();
    d.scope = n->is_parameter ? parent_of(n->name) : v.scope();
    d.name = n->name;
    d.shape = n->shape();
    d.dtype = n->dtype();
    d.requires_grad = n->requires_grad;
    d.attrs = n->attrs.text();
    d.where = n->where;
    for (const detail::Edge& e : n->edges()) d.inputs.push_back(e.node->id);
    if (v.has_value()) d.value = statistics(v.value());
    add_gradient(d, v, gradients);
  }
  return graph;
}

const DumpNode* GraphDump::find(int64 id) const {
  const auto it = std::lower_bound(nodes.begin(), nodes.end(), id,
                                   [](const DumpNode& n, int64 i) { return n.id < i; });
  return it != nodes.end() && it->id == id ? &*it : nullptr;
}

}  // namespace gradus
