#include "tools/inspect_step.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <unordered_map>

#include "autograd/anomaly.h"
#include "autograd/record.h"
#include "tensor/elementwise.h"
#include "tensor/memory.h"
#include "tensor/text.h"
#include "train/trainer.h"

namespace gradus {

namespace {

std::string checkpoint_name(const RunFolder& folder, const std::string& wanted) {
  std::vector<std::string> there;
  for (const char* name : {"best", "last"})
    if (std::filesystem::exists(folder.checkpoint(name))) there.emplace_back(name);
  if (!wanted.empty()) {
    check<ConfigError>(std::filesystem::exists(folder.checkpoint(wanted)),
                       "'{}' has no checkpoint '{}'; it has: {}", folder.path().string(), wanted,
                       there.empty() ? "none" : join(there));
    return wanted;
  }
  check<ConfigError>(!there.empty(), "'{}' has no checkpoint yet: neither best nor last",
                     folder.path().string());
  return there.front();
}

/// Handles on all nodes that `loss` depends on, in the order of the dump.
std::vector<Var> handles(const Var& loss, const GraphDump& graph) {
  std::unordered_map<int64, Var> found{{loss.id(), loss}};
  std::vector<Var> todo{loss};
  while (!todo.empty()) {
    const Var v = std::move(todo.back());
    todo.pop_back();
    for (const Var& input : v.inputs())
      if (found.emplace(input.id(), input).second) todo.push_back(input);
  }
  std::vector<Var> in_order;
  in_order.reserve(graph.nodes.size());
  for (const DumpNode& n : graph.nodes) in_order.push_back(found.at(n.id));
  return in_order;
}

/// The first node with this label, or null.
const Var* find_label(const InspectedStep& step, const std::string& label) {
  for (std::size_t i = 0; i < step.graph.nodes.size(); ++i)
    if (step.graph.nodes[i].label == label) return &step.nodes[i];
  return nullptr;
}

std::vector<AttentionMap> attention_maps(const InspectedStep& step, const Transformer& model,
                                         const Positions& positions, Pass pass) {
  const NoGrad no_grad;
  std::vector<AttentionMap> maps;
  for (int64 layer = 0; layer < model.config().layers; ++layer) {
    const MultiHeadAttention& attention = model.block(static_cast<std::size_t>(layer)).attention();
    const std::string core = attention.core().path();
    AttentionMap m;
    m.label = core + "/weights";
    const Var* weights = find_label(step, m.label);
    if (weights) {
      m.weights = weights->value();
    } else {
      const Var* q = find_label(step, attention.path() + "/q");
      const Var* k = find_label(step, attention.path() + "/k");
      if (!q || !k) continue;
      const ScopeGuard scope = ScopeGuard::absolute(attention.path());
      m.weights = attention.core().weights(*q, *k, positions, pass).value();
      m.in_graph = false;
    }
    const Var* scores = weights ? weights : find_label(step, core + "/scores");
    if (scores && step.gradients.has(*scores)) {
      m.gradient_label = scores->label();
      m.gradient = step.gradients.of(*scores);
    }
    maps.push_back(std::move(m));
  }
  return maps;
}

}  // namespace

bool is_mask(const DumpNode& node, const Var& v) {
  if (!node.value || node.value->non_finite == 0) return false;
  const bool allowed = node.op ? node.op->may_be_infinite : !node.requires_grad;
  return allowed && any(not_equal(v.value(), v.value())).item() == 0;
}

bool is_bad(const DumpNode& node, const Var& v) {
  if (node.gradient && node.gradient->non_finite > 0) return true;
  return node.value && node.value->non_finite > 0 && !is_mask(node, v);
}

InspectedStep inspect_step(const RunFolder& folder, const InspectOptions& options) {
  InspectedStep step;
  step.run = folder.path().string();
  step.checkpoint = checkpoint_name(folder, options.checkpoint);
  step.experiment = folder.experiment();
  Trainer trainer(step.experiment);
  Transformer& model = trainer.harmonizer().model();
  step.point = load_checkpoint(folder.checkpoint(step.checkpoint), model, nullptr);
  step.parameters = model.parameter_count();

  const auto batches = trainer.epoch_batches(step.point.epoch);
  const auto count = static_cast<int64>(batches.size());
  check<ConfigError>(options.batch >= 0 && options.batch < count,
                     "--batch counts from 0; an epoch of this run has {} batches, got {}", count,
                     options.batch);
  check<ConfigError>(options.windows > 0, "--windows must be 1 or more, got {}", options.windows);
  step.batch = options.batch;
  std::vector<PieceWindow> windows = batches[static_cast<std::size_t>(options.batch)];
  windows.resize(std::min(windows.size(), static_cast<std::size_t>(options.windows)));
  for (const PieceWindow& w : windows)
    step.windows.push_back(fmt::format("{}, steps {} to {}", trainer.pieces()[w.piece].name,
                                       w.begin, w.begin + w.length - 1));

  // As Trainer::step does: the same draws, the same dropout.
  const auto seed = static_cast<std::uint64_t>(step.experiment.train.seed);
  Rng draw = Rng(seed).stream("draw").stream(static_cast<std::uint64_t>(step.point.step));
  model.draw(draw);
  const HarmonyBatch batch = trainer.batch(windows);
  const Pass fresh(Mode::train, seed, step.point.step);

  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t before = pool_stats().live_bytes;
  const RetainGuard retain(Retain::all);
  const FusionGuard fusion(Fusion::off);
  {
    std::optional<AnomalyGuard> guard;
    if (options.detect_anomaly) guard.emplace();
    Pass pass = fresh;
    step.loss = trainer.harmonizer().loss(batch, pass);
    step.gradients = backward(step.loss, {.keep = KeepGrads::all});
  }
  step.bytes = pool_stats().live_bytes - before;
  step.graph = dump(step.loss, &step.gradients);
  step.nodes = handles(step.loss, step.graph);
  for (std::size_t i = 0; i < step.nodes.size(); ++i) {
    DumpNode& n = step.graph.nodes[i];
    if (n.requires_grad && !n.gradient) n.gradient_note = why_no_gradient(step.loss, step.nodes[i]);
  }
  step.attention = attention_maps(step, model, trainer.harmonizer().positions(batch), fresh);
  step.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return step;
}

std::map<std::string, Tensor> named_tensors(const InspectedStep& step, const std::string& glob) {
  std::map<std::string, Tensor> out;
  std::map<std::string, int> seen;
  std::vector<std::string> labels;
  const auto wanted = [&](const std::string& label) {
    labels.push_back(label);
    return glob.empty() || matches(glob, label);
  };
  for (std::size_t i = 0; i < step.nodes.size(); ++i) {
    const DumpNode& n = step.graph.nodes[i];
    if (glob.empty() && n.name.empty()) continue;
    const int number = ++seen[n.label];
    if (!wanted(n.label)) continue;
    const std::string label = number == 1 ? n.label : fmt::format("{}#{}", n.label, number);
    const Var& v = step.nodes[i];
    if (v.has_value()) out["value/" + label] = v.value();
    if (step.gradients.has(v)) out["gradient/" + label] = step.gradients.of(v);
  }
  for (const AttentionMap& m : step.attention)
    if (!m.in_graph && wanted(m.label)) out["value/" + m.label] = m.weights;
  check<ConfigError>(!out.empty(),
                     "--names '{}' matches no node of this step{}; `gradus inspect --run {} --node "
                     "'*'` lists the labels",
                     glob, did_you_mean(glob, labels), step.run);
  return out;
}

}  // namespace gradus
