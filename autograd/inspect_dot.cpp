// A graph dump as DOT, the language of Graphviz.
#include <algorithm>
#include <numeric>

#include "autograd/inspect.h"
#include "tensor/text.h"

namespace gradus {

namespace {

/// For a quoted DOT string: quotes and backslashes escaped, line ends as \n.
std::string escaped(std::string_view s) {
  std::string out;
  for (char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) >= 32)
      out += c;
  }
  return out;
}

std::string short_text(const char* what, const Statistics& s) {
  std::string t = fmt::format("{}: norm {:.3g}, max {:.3g}", what, s.norm, s.max_abs);
  if (s.zero_share > 0) t += fmt::format(", {:.0f}% zero", 100 * s.zero_share);
  if (s.non_finite > 0) t += fmt::format(", {} not finite", s.non_finite);
  return t;
}

std::string node_line(const DumpNode& n) {
  const std::string last = n.name.substr(n.name.rfind('/') + 1);  // npos + 1: from the start
  std::string label = last.empty() ? n.kind : last + "\n" + n.kind;
  label += fmt::format(" {} {}", name(n.dtype), n.shape);
  if (n.value) label += "\n" + short_text("value", *n.value);
  label += "\n" + (n.gradient ? short_text("gradient", *n.gradient) : n.gradient_note);
  const bool is_bad =
      (n.value && n.value->non_finite > 0) || (n.gradient && n.gradient->non_finite > 0);
  const char* fill = is_bad            ? "#f4a6a0"
                     : n.op            ? "#ffffff"
                     : n.requires_grad ? "#cfe3f7"
                                       : "#eeeeee";
  std::string tip = n.label;
  if (n.op) tip += fmt::format("\n{}", n.op->formula);
  if (!n.attrs.empty()) tip += "\n" + n.attrs;
  if (n.where.file) tip += "\n" + n.where.text();
  return fmt::format("n{} [label=\"{}\", tooltip=\"{}\", shape={}, fillcolor=\"{}\"];\n", n.id,
                     escaped(label), escaped(tip), n.op ? "box" : "ellipse", fill);
}

}  // namespace

std::string to_dot(const GraphDump& graph) {
  std::string out =
      "digraph gradus {\n  rankdir=BT;\n  node [style=filled, fontname=\"Helvetica\", "
      "fontsize=10];\n";
  // In the order of scopes, a cluster opens where a path gets a part and closes where it loses one.
  std::vector<std::size_t> order(graph.nodes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<std::vector<std::string>> paths;
  for (const DumpNode& n : graph.nodes) paths.push_back(split(n.scope, '/'));
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return paths[a] < paths[b]; });
  std::vector<std::string> open;
  int clusters = 0;
  const auto indent = [&] { return std::string(2 * open.size() + 2, ' '); };
  const auto close_to = [&](std::size_t depth) {
    while (open.size() > depth) {
      open.pop_back();
      out += indent() + "}\n";
    }
  };
  for (const std::size_t i : order) {
    const std::vector<std::string>& path = paths[i];
    std::size_t common = 0;
    while (common < std::min(open.size(), path.size()) && open[common] == path[common]) ++common;
    close_to(common);
    for (std::size_t k = common; k < path.size(); ++k) {
      out += fmt::format("{}subgraph cluster_{} {{\n", indent(), clusters++);
      open.push_back(path[k]);
      out += fmt::format("{}label=\"{}\";\n", indent(), escaped(path[k]));
    }
    out += indent() + node_line(graph.nodes[i]);
  }
  close_to(0);
  for (const DumpNode& n : graph.nodes)
    for (int64 input : n.inputs) out += fmt::format("  n{} -> n{};\n", input, n.id);
  return out + "}\n";
}

}  // namespace gradus
