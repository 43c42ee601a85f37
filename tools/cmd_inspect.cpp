// gradus inspect: opens one training step of a run: the graph with every value and gradient as a
// web page, as JSON or DOT, as tensors in a file, or as a table in the terminal.
#include <fmt/core.h>

#include <algorithm>

#include "autograd/anomaly.h"
#include "tensor/file.h"
#include "tensor/safetensors.h"
#include "tools/command_line.h"
#include "tools/commands.h"
#include "tools/inspect_page.h"
#include "tools/inspect_step.h"

namespace gradus {

namespace {

std::string statistics_text(const std::optional<Statistics>& s, const std::string& note) {
  if (!s) return note;
  std::string t = fmt::format("norm {:.4g}, mean {:.3g}, {:.3g} to {:.3g}, {:.0f}% zero", s->norm,
                              s->mean, s->min, s->max, 100 * s->zero_share);
  if (s->non_finite > 0)
    t += fmt::format(", {} NOT FINITE (the first at {})", s->non_finite, s->first_non_finite);
  return t;
}

void print_node(const DumpNode& n) {
  fmt::print("{}\n  {} {} {}{}\n", n.label, n.kind, name(n.dtype), n.shape,
             n.where.file ? "  at " + n.where.text() : "");
  if (!n.attrs.empty()) fmt::print("  attributes: {}\n", n.attrs);
  fmt::print("  value:    {}\n", statistics_text(n.value, "dropped"));
  fmt::print("  gradient: {}\n", statistics_text(n.gradient, n.gradient_note));
  if (n.op) fmt::print("  formula:  {};  {}\n", n.op->formula, n.op->vjp_formula);
}

void print_nodes(const InspectedStep& step, const std::string& glob) {
  std::vector<std::string> labels;
  std::size_t found = 0;
  for (const DumpNode& n : step.graph.nodes) {
    labels.push_back(n.label);
    if (!matches(glob, n.label)) continue;
    ++found;
    print_node(n);
  }
  check<ConfigError>(found > 0,
                     "--node '{}' matches none of the {} nodes{}; `--node '*'` lists all", glob,
                     labels.size(), did_you_mean(glob, labels));
  fmt::print("{} of {} nodes match '{}'\n", found, labels.size(), glob);
}

void print_summary(const InspectedStep& step) {
  int64 named = 0, bad = 0, zero = 0;
  std::vector<const DumpNode*> parameters;
  for (std::size_t i = 0; i < step.nodes.size(); ++i) {
    const DumpNode& n = step.graph.nodes[i];
    named += !n.name.empty();
    bad += is_bad(n, step.nodes[i]);
    zero += n.gradient && n.gradient->norm == 0 && n.gradient->non_finite == 0;
    if (n.kind == "parameter") parameters.push_back(&n);
  }
  fmt::print("run {}: checkpoint {}, step {}, batch {}\n", step.run, step.checkpoint,
             step.point.step, step.batch);
  for (const std::string& w : step.windows) fmt::print("  window: {}\n", w);
  fmt::print(
      "loss {:.6f}; {} nodes, {} of them named; {} parameters of {} numbers; {} of values and "
      "gradients\n",
      step.loss.item(), step.graph.nodes.size(), named, parameters.size(), step.parameters,
      bytes_text(step.bytes));
  fmt::print("nodes with a value or gradient that is not finite: {}; with a gradient of 0: {}\n",
             bad, zero);
  std::stable_sort(parameters.begin(), parameters.end(), [](const auto* a, const auto* b) {
    return (a->gradient ? a->gradient->norm : -1) > (b->gradient ? b->gradient->norm : -1);
  });
  constexpr std::size_t kMost = 8;
  fmt::print("gradient norm of the parameters: {:.4g}; the largest:\n",
             step.gradients.global_norm());
  for (std::size_t i = 0; i < std::min(kMost, parameters.size()); ++i)
    fmt::print("  {:<52} {}\n", parameters[i]->label,
               parameters[i]->gradient ? fmt::format("{:.4g}", parameters[i]->gradient->norm)
                                       : parameters[i]->gradient_note);
}

}  // namespace

int cmd_inspect(int argc, char** argv) {
  CommandOptions options("gradus inspect",
                         "Runs one training step of a run, keeps everything, and shows it. "
                         "Nothing in the run changes.");
  options.add_options()("run", "run folder of `gradus train`", takes_word())(
      "html", "write a page with all nodes, formulas, gradients and attention maps", takes_word())(
      "export", "write values and gradients to a safetensors file (value/LABEL, gradient/LABEL)",
      takes_word())("names", "labels to export, as a glob (default: every node with a name)",
                    takes_word())("node", "print the nodes whose label matches this glob",
                                  takes_word())("json", "write the graph as JSON", takes_word())(
      "dot", "write the graph for Graphviz", takes_word())(
      "checkpoint", "which one (default: best, or last where there is no best)", takes_word())(
      "batch", "which batch of the next epoch", takes_word("0"))(
      "windows", "at most so many windows of the batch", takes_word("2"))(
      "detect-anomaly", "stop at the first NaN or Inf and name its node (exit code 1)")(
      "help", "this text");
  const CommandLine line(options, argc, argv,
                         "gradus inspect --run runs/demo --html runs/demo/inspect.html");
  if (line.helped()) return 0;
  const RunFolder folder =
      RunFolder::open(line.required("run", "the run folder of a trained model: --run runs/NAME"));
  check<ConfigError>(!line.has("names") || line.has("export"),
                     "--names chooses what --export FILE.safetensors writes: give both");
  InspectOptions o;
  if (line.has("checkpoint")) o.checkpoint = line.text("checkpoint");
  o.batch = line.integer("batch", 0, int64{1} << 40);
  o.windows = line.integer("windows", 1, int64{1} << 40);
  o.detect_anomaly = line.has("detect-anomaly");

  InspectedStep step;
  try {
    step = inspect_step(folder, o);
  } catch (const AnomalyError& e) {
    fmt::print(stderr, "gradus: {}\n", e.what());
    return 1;
  }
  const auto path = [&](const char* option) { return line.text(option); };
  if (line.has("node")) print_nodes(step, path("node"));
  if (line.has("export")) {
    TensorFile file;
    file.tensors = named_tensors(step, line.has("names") ? path("names") : "");
    file.metadata = {{"format", "gradus-inspect"}, {"version", "1"}, {"run", step.run}};
    write_safetensors(path("export"), file);
    fmt::print("{}: {} tensors\n", path("export"), file.tensors.size());
  }
  if (line.has("json")) {
    write_file(path("json"), to_json(step.graph));
    fmt::print("{}: {} nodes\n", path("json"), step.graph.nodes.size());
  }
  if (line.has("dot")) {
    write_file(path("dot"), to_dot(step.graph));
    fmt::print("{}: {} nodes\n", path("dot"), step.graph.nodes.size());
  }
  if (line.has("html")) {
    const std::string page = inspect_page(step);
    write_file(path("html"), page);
    fmt::print("{}: {} nodes, {}; open it in a browser\n", path("html"), step.graph.nodes.size(),
               bytes_text(page.size()));
  }
  if (!line.has("node") && !line.has("export") && !line.has("json") && !line.has("dot") &&
      !line.has("html"))
    print_summary(step);
  if (o.detect_anomaly)
    fmt::print("every value and every gradient of the step is finite ({} nodes)\n",
               step.graph.nodes.size());
  return 0;
}

}  // namespace gradus
