// gradus train: an experiment file, overrides, a run folder.
#include <fmt/core.h>

#include "tensor/parallel.h"
#include "tools/command_line.h"
#include "tools/commands.h"
#include "train/progress.h"
#include "train/trainer.h"

namespace gradus {

namespace {

void print_report(const TrainingReport& r, const RunFolder& folder) {
  const auto ratio = [](const OnsetScore& s) {
    return s.target ? static_cast<double>(s.predicted) / static_cast<double>(s.target) : 0;
  };
  fmt::print("\n{} parameters, {} steps in {} epochs, {} on {} threads\n", r.parameters, r.steps,
             r.epochs, duration_text(r.seconds), threads());
  fmt::print("validation loss {:.4f}; predicting the mean: {:.4f}{}\n", r.validation_loss,
             r.mean_loss,
             r.validation_loss < r.mean_loss ? "" : "  (not better: nothing was learned)");
  fmt::print("held-out tunes: {}\nonsets of their accompaniment (threshold {:.4f}):\n",
             join(r.held_out), r.threshold);
  fmt::print("  {:<36} {:>8} {:>7} {:>8}\n", "", "onsets", "ratio", "F1 (%)");
  fmt::print("  {:<36} {:>8} {:>7.2f} {:>8.1f}\n", "target", r.model.target, 1.0, 100.0);
  fmt::print("  {:<36} {:>8} {:>7.2f} {:>8.1f}\n", "model", r.model.predicted, ratio(r.model),
             100 * r.model.f1());
  fmt::print("  {:<36} {:>8} {:>7.2f} {:>8.1f}\n", "rule: the known chord each quarter",
             r.block_chords.predicted, ratio(r.block_chords), 100 * r.block_chords.f1());
  if (!(r.model.f1() > r.block_chords.f1()))
    fmt::print("  the rule, which needs no learning, scores as well: this F1 shows nothing\n");
  fmt::print("run folder: {}\n", folder.path().string());
}

}  // namespace

int cmd_train(int argc, char** argv) {
  cxxopts::Options options("gradus train",
                           "Trains a model from an experiment file into a run folder.");
  options.positional_help("EXPERIMENT.toml");
  cxxopts::OptionAdder add = options.add_options();
  add("experiment", "experiment file; without one, the defaults", cxxopts::value<std::string>());
  add("out", "run folder to make", cxxopts::value<std::string>());
  add("set", "override a key: --set train.epochs=2 (again for more keys)",
      cxxopts::value<std::vector<std::string>>());
  add("keys", "print every key with default, range and meaning");
  add("quiet", "no progress");
  add("help", "this text");
  options.parse_positional({"experiment"});
  const CommandLine line(
      options, argc, argv,
      "gradus train train/experiments/demo.toml --out runs/demo --set train.epochs=1");
  if (line.helped()) return 0;
  if (line.has("keys")) {
    fmt::print("{}", experiment_keys_markdown());
    return 0;
  }
  const auto overrides =
      line.has("set") ? line["set"].as<std::vector<std::string>>() : std::vector<std::string>();
  const Experiment experiment =
      line.has("experiment") ? Experiment::read(line["experiment"].as<std::string>(), overrides)
                             : Experiment::parse("", "defaults", overrides);
  const std::string out = line.required("out", "a run folder to make: --out runs/NAME");
  // What is wrong with the model is said before a folder is made.
  Trainer trainer(experiment);
  const RunFolder folder = RunFolder::create(out, experiment);
  print_report(trainer.run(folder, line.has("quiet")), folder);
  return 0;
}

}  // namespace gradus
