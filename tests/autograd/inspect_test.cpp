// The graph as data: nodes in order, statistics, JSON that parses, DOT that is well formed.
#include "autograd/inspect.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "autograd/ops.h"
#include "autograd/record.h"

using namespace gradus;

namespace {

Tensor t2(double a, double b) { return tensor({a, b}, {2}, DType::f64); }

struct Model {
  Var w = parameter_leaf(t2(3, -4), "model/layer/w");
  Var x = constant(t2(1, 0), "x");
  Var h, loss;
  Model() {
    const RetainGuard all(Retain::all);
    const ScopeGuard model("model"), layer("layer");
    h = (w * x).named("h");
    loss = sum(h, {0}).named("loss");
  }
};

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("every node with its facts, inputs before consumers") {
  const Model m;
  const GraphDump d = dump(m.loss);
  REQUIRE(d.nodes.size() == 4);
  CHECK(d.root == m.loss.id());
  for (std::size_t i = 1; i < d.nodes.size(); ++i) CHECK(d.nodes[i - 1].id < d.nodes[i].id);
  const DumpNode& w = *d.find(m.w.id());
  CHECK(w.kind == "parameter");
  CHECK(w.scope == "model/layer");
  CHECK(w.label == "model/layer/w");
  CHECK(w.op == nullptr);
  const DumpNode& loss = *d.find(m.loss.id());
  CHECK(loss.kind == "sum");
  CHECK(loss.scope == "model/layer");
  CHECK(loss.name == "loss");
  CHECK(loss.attrs == "axes=[0], keep=0");
  CHECK(loss.inputs == std::vector<int64>{m.h.id()});
  CHECK(loss.where.text().find("inspect_test.cpp:") == 0);
  CHECK(loss.shape == Shape{});
  CHECK(d.find(m.x.id())->kind == "constant");
  CHECK(d.find(0) == nullptr);
}

TEST_CASE("statistics of values, and of gradients once there are any") {
  const Model m;
  const GraphDump before = dump(m.loss);
  CHECK(before.find(m.w.id())->value->norm == 5);
  CHECK(before.find(m.x.id())->value->zero_share == 0.5);
  CHECK(before.find(m.w.id())->gradient_note == "no gradient yet");
  CHECK(before.find(m.x.id())->gradient_note == "constant");
  const Gradients g = backward(m.loss);
  const GraphDump after = dump(m.loss, &g);
  CHECK(after.find(m.w.id())->gradient->max == 1);
  CHECK(after.find(m.w.id())->gradient->zero_share == 0.5);
  CHECK(after.find(m.h.id())->gradient_note == "gradient not kept");
}

TEST_CASE("a dropped value has no statistics") {
  const Var w = leaf(t2(1, 2));
  const Var y = exp(scale(w, 2));
  const GraphDump d = dump(y);
  REQUIRE(d.nodes.size() == 3);
  CHECK_FALSE(d.nodes[1].value.has_value());
  CHECK(nlohmann::json::parse(to_json(d))["nodes"][1]["value"] == "value dropped");
}

TEST_CASE("JSON parses, and says what the struct says") {
  const Model m;
  const Gradients g = backward(m.loss);
  const auto j = nlohmann::json::parse(to_json(dump(m.loss, &g)));
  CHECK(j["format"] == "gradus graph");
  CHECK(j["version"] == 1);
  CHECK(j["root"] == m.loss.id());
  CHECK(j["nodes"].size() == 4);
  CHECK(j["ops"]["mul"]["formula"] == "y = a b");
  CHECK(j["ops"]["mul"]["vjp_formula"] == "da = g b, db = g a");
  for (const auto& n : j["nodes"]) {
    for (const char* key : {"id", "op", "label", "scope", "name", "shape", "dtype", "requires_grad",
                            "attrs", "where", "inputs", "value", "gradient"})
      CHECK_MESSAGE(n.contains(key), key);
  }
  const auto& h = j["nodes"][2];
  CHECK(h["label"] == "model/layer/h");
  CHECK(h["inputs"] == std::vector<int64>{m.w.id(), m.x.id()});
  CHECK(h["value"]["norm"] == 3);
  CHECK(h["gradient"] == "gradient not kept");
  CHECK(j["nodes"][0]["gradient"]["non_finite"] == 0);
}

TEST_CASE("values that are not finite and names of any bytes survive") {
  const Var w = leaf(t2(std::nan(""), 1), "a \"quoted\" \\ name\nof \xff bytes");
  const GraphDump d = dump(scale(w, 1e308) * Var(scalar(1e308, DType::f64)));
  const auto j = nlohmann::json::parse(to_json(d));
  CHECK(j["nodes"][0]["value"]["non_finite"] == 1);
  CHECK(j["nodes"][0]["value"]["first_non_finite"] == 0);
  const std::string name = j["nodes"][0]["name"];
  CHECK(name.find("a \"quoted\" \\ name\nof ") == 0);
  const std::string dot = to_dot(d);
  CHECK(dot.find("a \\\"quoted\\\" \\\\ name\\nof ") != std::string::npos);
  CHECK(dot.find("#f4a6a0") != std::string::npos);
  CHECK(dot.find("1 not finite") != std::string::npos);
}

TEST_CASE("DOT: a cluster a scope, an edge an input") {
  const Model m;
  const std::string dot = to_dot(dump(m.loss));
  CHECK(dot.find("digraph gradus {") == 0);
  CHECK(count_of(dot, "subgraph cluster_") == 2);  // model, layer
  CHECK(count_of(dot, "label=\"layer\";") == 1);
  CHECK(count_of(dot, "{") == count_of(dot, "}"));
  CHECK(count_of(dot, " -> ") == 3);
  CHECK(dot.find(fmt::format("n{} -> n{};", m.w.id(), m.h.id())) != std::string::npos);
  CHECK(dot.find("h\\nmul f64 (2)") != std::string::npos);
  CHECK(dot.find("no gradient yet") != std::string::npos);
}

TEST_CASE("DOT: scopes that come again later stay one cluster") {
  const Var w = leaf(t2(1, 2));
  Var y = w;
  for (int i = 0; i < 3; ++i) {
    const ScopeGuard scope(i == 1 ? "b" : "a");
    y = exp(y);
  }
  const std::string dot = to_dot(dump(y));
  CHECK(count_of(dot, "subgraph cluster_") == 2);
  CHECK(count_of(dot, "{") == count_of(dot, "}"));
}

TEST_CASE("a single leaf and integer nodes can be dumped") {
  CHECK(dump(leaf(scalar(1))).nodes.size() == 1);
  const RetainGuard all(Retain::all);
  const Var rows = take_rows(leaf(ones({3, 2})), constant(arange(0, 2, 1, DType::i64), "ids"));
  const GraphDump d = dump(rows);
  REQUIRE(d.nodes.size() == 3);
  CHECK(d.nodes[1].value->max == 1);
  CHECK_THROWS_AS(dump(Var()), GraphError);
}
