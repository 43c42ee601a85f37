// gradus study: a grid of experiments that grows over days and machines.
#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tools/cache_options.h"
#include "tools/commands.h"
#include "tools/stop_signals.h"
#include "tools/study_run.h"
#include "train/run_folder.h"

namespace gradus {

namespace {

namespace fs = std::filesystem;

constexpr int64 kMostJobs = 1024, kMostCells = 1000000;

/// What `run` and `verify` share.
void add_study_options(CommandOptions::Adder& add) {
  add("study", "study file", takes_word(), "STUDY.toml");
  add("preset", "a preset of the file", takes_word(), "NAME");
  add("data", "POP909's folder, a MIDI file or a folder of MIDI files (default: as in the file)",
      takes_word(), "DIR");
  add("out", "folder of the study: cells.csv, floors.csv, a run folder for each cell", takes_word(),
      "DIR");
  add("jobs", "cells at once, which share the threads (default: one for each thread)", takes_word(),
      "N");
  add_cache_options(add);
  add("quiet", "no progress");
  add("help", "this text");
}

double hours(const CommandLine& line) {
  if (!line.has("hours")) return 0;
  const std::string given = line.text("hours");
  std::size_t used = 0;
  double value = 0;
  try {
    value = std::stod(given, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  check<ConfigError>(used > 0 && used == given.size() && value > 0 && value < 1e6,
                     "--hours takes a number above 0, got '{}'", given);
  return value;
}

StudyRunOptions run_options(const CommandLine& line) {
  StudyRunOptions o;
  o.cache = cache_folder(line);
  o.jobs = line.has("jobs") ? line.integer("jobs", 1, kMostJobs) : threads();
  o.threads = std::max<int64>(1, threads() / o.jobs);
  o.quiet = line.has("quiet");
  return o;
}

StudyLedger ledger(const CommandLine& line, const fs::path& out) {
  const std::string file = line.required("study", "a study file: gradus study run STUDY.toml");
  Study study = Study::read(file, line.has("preset") ? line.text("preset") : "");
  std::optional<std::string> source;
  // A study goes on from anywhere.
  if (line.has("data")) source = fs::absolute(line.text("data")).lexically_normal().string();
  std::vector<StudyCell> cells = study_cells(study, source);
  return StudyLedger(std::move(study), std::move(cells), out);
}

int study_run(int argc, char** argv) {
  CommandOptions options(
      "gradus study run",
      "Trains and judges the cells of a study that have no row yet in OUT/cells.csv, several at "
      "once.\nWhenever it was ended, the same command goes on.\n");
  options.positional_help("STUDY.toml");
  CommandOptions::Adder add = options.add_options();
  add_study_options(add);
  add("hours", "begin no cell that would end later", takes_word(), "H");
  add("dry-run", "print the plan alone");
  options.parse_positional({"study"});
  const CommandLine line(
      options, argc, argv,
      "gradus study run train/studies/of_all_stripes.toml --preset laptop --data DIR --out runs/s");
  if (line.helped()) return 0;
  const fs::path out = line.required("out", "a folder for the study: --out DIR");
  StudyRunOptions o = run_options(line);
  o.hours = hours(line);
  o.dry_run = line.has("dry-run");
  StudyLedger l = ledger(line, out);
  return run_study(l, out, o);
}

int study_verify(int argc, char** argv) {
  constexpr int64 kUsualCells = 3;
  CommandOptions options("gradus study verify",
                         "Trains rows of OUT/cells.csv, drawn at random, again in a scratch folder "
                         "and compares all numbers but times.\nExit code 1 where any differs.\n");
  options.positional_help("STUDY.toml");
  CommandOptions::Adder add = options.add_options();
  add_study_options(add);
  add("cells", "how many (default: 3)", takes_word(), "N");
  add("seed", "by which they are drawn (default: the time)", takes_word(), "S");
  options.parse_positional({"study"});
  const CommandLine line(
      options, argc, argv,
      "gradus study verify train/studies/tiny.toml --out runs/tiny --cells 3 --seed 1");
  if (line.helped()) return 0;
  const fs::path out = line.required("out", "the folder of the study: --out DIR");
  const int64 cells = line.has("cells") ? line.integer("cells", 1, kMostCells) : kUsualCells;
  const int64 seed =
      line.has("seed") ? line.integer("seed", 0, int64{1} << 53) : int64{std::time(nullptr)};
  return verify_study(ledger(line, out), cells, static_cast<std::uint64_t>(seed),
                      run_options(line));
}

/// One cell, as `run` begins it: its steps on the output, its row in its folder.
int study_cell(int argc, char** argv) {
  CommandOptions options("gradus study cell",
                         "Trains and judges one cell of a study in its run folder; `gradus study "
                         "run` begins it.\n");
  CommandOptions::Adder add = options.add_options();
  add("folder", "run folder of the cell", takes_word(), "DIR");
  add("bars", "lengths of the windows that it is judged by", takes_word(), "N,...");
  add("split", "that they are of", takes_word());
  add("data", "where the data is", takes_word(), "DIR");
  add_cache_options(add);
  add("help", "this text");
  const CommandLine line(options, argc, argv,
                         "gradus study cell --folder runs/s/cells/00c0ffee --bars 16,64");
  if (line.helped()) return 0;
  const pid_t parent = ::getppid();
  const fs::path folder = line.required("folder", "the cell's run folder: --folder DIR");
  CellTask task{RunFolder::open(folder).experiment(), {}, std::nullopt, cache_folder(line)};
  if (line.has("data")) task.experiment.data.source = line.text("data");
  if (line.has("split")) task.split = parse_split(line.text("split"));
  for (const std::string& b : split(line.required("bars", "lengths in bars: --bars 16,64"), ','))
    task.bars.push_back(std::atoll(b.c_str()));
  const StopSignals signals;
  const auto stop = [&](int64 step, int64 steps) {
    fmt::print("{} {}\n", step, steps);
    std::fflush(stdout);
    return signals.seen() != 0 || ::getppid() != parent;
  };
  const std::optional<CellRow> row = run_cell(folder, task, stop);
  if (!row) return ended_by(signals.seen() ? signals.seen() : SIGHUP);
  write_cell_row(folder, *row);
  return 0;
}

struct Part {
  const char *name, *summary;
  int (*run)(int argc, char** argv);
};
constexpr Part kParts[] = {
    {"run", "train and judge the cells of a study that are still to do", study_run},
    {"verify", "train rows drawn at random again, and compare", study_verify},
    {"cell", "train and judge one cell, as `run` begins it", study_cell},
    {"report", "tables, tests, a figure, and a page to hear it", study_report},
};

}  // namespace

int cmd_study(int argc, char** argv) {
  std::vector<std::string> names;
  for (const Part& p : kParts) names.emplace_back(p.name);
  if (argc < 2 || std::string_view(argv[1]) == "--help" || std::string_view(argv[1]) == "-h") {
    fmt::print("gradus study: grids of experiments\n\n");
    for (const Part& p : kParts) fmt::print("  {:<8} {}\n", p.name, p.summary);
    fmt::print("\nexample: gradus study run train/studies/tiny.toml --out runs/tiny\n");
    return argc < 2 ? 2 : 0;
  }
  for (const Part& p : kParts)
    if (std::string_view(p.name) == argv[1]) return p.run(argc - 1, argv + 1);
  fail<ConfigError>("unknown part of gradus study '{}'; known: {}{}", argv[1], join(names),
                    did_you_mean(argv[1], names));
}

}  // namespace gradus
