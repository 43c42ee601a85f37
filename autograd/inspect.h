// The graph as data: every node that a Var depends on, with the statistics of its value and of its
// gradient; as JSON (for pages and tools) and as DOT (for pictures). Record under
// RetainGuard(Retain::all) to have every value and the links of constants, and under
// FusionGuard(Fusion::off) to see inside fused ops.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "autograd/backward.h"
#include "autograd/op.h"
#include "tensor/reduce.h"

namespace gradus {

/// One node of a dump.
struct DumpNode {
  int64 id = 0;
  const OpDef* op = nullptr;  ///< null: a leaf, a parameter or a constant
  std::string kind;           ///< name of the op, "leaf", "parameter" or "constant"
  std::string label;          ///< scope, name or op and id
  std::string scope;          ///< of a parameter: its path without the last part
  std::string name;
  Shape shape;
  DType dtype = DType::f32;
  bool requires_grad = false;
  std::string attrs;
  Location where;
  std::vector<int64> inputs;           ///< ids
  std::optional<Statistics> value;     ///< none where the value was dropped
  std::optional<Statistics> gradient;  ///< none: see gradient_note
  std::string gradient_note;           ///< "no gradient yet" before a backward pass, ...
};

/// Nodes in the order of their creation: inputs before their consumers.
struct GraphDump {
  int64 root = 0;
  std::vector<DumpNode> nodes;
  /// Null where there is no such node.
  const DumpNode* find(int64 id) const;
};

/// Everything root depends on, as far as links are kept; in a loop, for graphs of any depth.
GraphDump dump(const Var& root, const Gradients* gradients = nullptr);

/// {"format": "gradus graph", "version": 1, "root": id, "ops": {name: formulas}, "nodes": [...]}.
std::string to_json(const GraphDump& graph);
/// For Graphviz: scopes are clusters, nodes show name, op, shape and statistics; non-finite ones
/// are red.
std::string to_dot(const GraphDump& graph);

}  // namespace gradus
