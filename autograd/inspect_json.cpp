// A graph dump as JSON. Nodes are written one by one, so that a large graph needs no second copy.
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "autograd/inspect.h"

namespace gradus {

namespace {

using Json = nlohmann::ordered_json;

/// JSON has no NaN and no Inf.
Json number(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

Json of(const Statistics& s) {
  return {{"norm", number(s.norm)},     {"max_abs", number(s.max_abs)},
          {"min", number(s.min)},       {"max", number(s.max)},
          {"mean", number(s.mean)},     {"zero_share", number(s.zero_share)},
          {"non_finite", s.non_finite}, {"first_non_finite", s.first_non_finite}};
}

Json of(const DumpNode& n) {
  Json j;
  j["id"] = n.id;
  j["op"] = n.kind;
  j["label"] = n.label;
  j["scope"] = n.scope;
  j["name"] = n.name;
  j["shape"] = std::vector<int64>(n.shape.begin(), n.shape.end());
  j["dtype"] = name(n.dtype);
  j["requires_grad"] = n.requires_grad;
  j["attrs"] = n.attrs;
  j["where"] = n.where.text();
  j["inputs"] = n.inputs;
  j["value"] = n.value ? of(*n.value) : Json("value dropped");
  j["gradient"] = n.gradient ? of(*n.gradient) : Json(n.gradient_note);
  return j;
}

/// Names may hold any bytes; what is no UTF-8 is replaced.
std::string text(const Json& j) { return j.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string to_json(const GraphDump& graph) {
  std::map<std::string_view, const OpDef*> ops;
  for (const DumpNode& n : graph.nodes)
    if (n.op) ops[n.op->name] = n.op;
  Json formulas = Json::object();
  for (const auto& [op_name, op] : ops)
    formulas[std::string(op_name)] = {
        {"formula", op->formula}, {"vjp_formula", op->vjp_formula}, {"source", op->source}};
  std::string out = fmt::format(
      "{{\"format\": \"gradus graph\", \"version\": 1, \"root\": {},\n\"ops\": {},\n\"nodes\": [",
      graph.root, text(formulas));
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    out += i ? ",\n" : "\n";
    out += text(of(graph.nodes[i]));
  }
  return out + "\n]}\n";
}

}  // namespace gradus
