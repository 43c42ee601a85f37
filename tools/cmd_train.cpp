// gradus train: an experiment, a run folder, and going on with it.
#include <fmt/core.h>

#include "tensor/parallel.h"
#include "tools/cache_options.h"
#include "tools/commands.h"
#include "tools/stop_signals.h"
#include "tools/train_options.h"
#include "train/progress.h"
#include "train/run_evaluation.h"
#include "train/trainer.h"

namespace gradus {

namespace {

void print_report(const TrainingReport& r, const RunFolder& folder) {
  fmt::print("\n{} parameters, {} steps in {} epochs, {} on {} threads\n", r.parameters, r.steps,
             r.epochs, duration_text(r.seconds), threads());
  if (r.ending == TrainingReport::Ending::patience)
    fmt::print("ended early: the validation loss grew no smaller for train.patience epochs\n");
  if (r.weighted)
    fmt::print("validation loss {:.4f} (weighted: not to be compared with a plain one)\n",
               r.validation_loss);
  else
    fmt::print("validation loss {:.4f}; predicting the mean: {:.4f}{}\n", r.validation_loss,
               r.mean_loss,
               r.validation_loss < r.mean_loss ? "" : "  (not better: nothing was learned)");
  constexpr std::size_t kNamed = 12;
  std::vector<std::string> names = r.held_out;
  if (names.size() > kNamed) names.resize(kNamed), names.emplace_back("...");
  fmt::print("held out: {} pieces ({})\nthreshold {:.4f}, {}\n{}", r.held_out.size(), join(names),
             r.threshold,
             folder.experiment().decode.threshold > 0 ? "as the experiment says" : "chosen on them",
             text(r.table));
  fmt::print("run folder: {}\n", folder.path().string());
}

int run(Trainer& trainer, const RunFolder& folder, bool quiet) {
  if (!trainer.data().left_out.empty())
    fmt::print(stderr, "left out: {}\n",
               left_out_text(trainer.data(), fmt::format("gradus data info --data {}",
                                                         folder.experiment().data.source)));
  const StopSignals signals;
  const TrainingReport report = trainer.run(folder, quiet, [&] { return signals.seen() != 0; });
  if (report.ending != TrainingReport::Ending::stopped) {
    print_report(report, folder);
    return 0;
  }
  fmt::print("stopped after step {}; to go on: gradus train --resume {}\n", report.steps,
             folder.path().string());
  return ended_by(signals.seen());
}

int resume(const CommandLine& line) {
  check_resume_alone(line);
  const RunFolder folder = RunFolder::open(line.text("resume"));
  if (folder.complete()) {
    fmt::print("the run '{}' is complete; its report: {}\n", folder.path().string(),
               folder.metrics().string());
    return 0;
  }
  Trainer trainer(folder.experiment(), cache_folder(line));
  return run(trainer, folder, line.has("quiet"));
}

}  // namespace

int cmd_train(int argc, char** argv) {
  CommandOptions options = train_options();
  const CommandLine line(
      options, argc, argv,
      "gradus train train/experiments/demo.toml --out runs/demo --set train.epochs=1");
  if (line.helped()) return 0;
  if (line.has("keys")) {
    fmt::print("{}", experiment_keys_markdown());
    return 0;
  }
  if (line.has("resume")) return resume(line);
  const Experiment experiment = train_experiment(line);
  if (!line.has("preset")) line.required("out", "a run folder to make: --out runs/NAME");
  // What is wrong with the model is said before a folder is made.
  Trainer trainer(experiment, cache_folder(line));
  return run(trainer, make_run_folder(line, experiment), line.has("quiet"));
}

}  // namespace gradus
