#include "tools/study_run.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/text.h"
#include "tools/cell_process.h"
#include "tools/stop_signals.h"
#include "tools/study_plan.h"
#include "train/harmony_source.h"
#include "train/progress.h"
#include "train/run_lock.h"

namespace gradus {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// ConfigError where the data of a cell that is to do has nothing to judge it by: what is found out
/// before anything is timed.
void check_judged(const StudyLedger& ledger, const fs::path& cache) {
  std::set<std::string> seen;  // data
  for (std::size_t i = 0; i < ledger.cells().size(); ++i) {
    if (ledger.done(i)) continue;
    const Experiment& e = ledger.cells()[i].experiment;
    Experiment of_data;
    of_data.data.source = e.data.source;
    of_data.data.grid = e.data.grid;
    of_data.data.align = e.data.align;
    of_data.data.windows = e.data.windows;
    of_data.data.validation_share = e.data.validation_share;
    try {
      // Elsewhere it says which pieces are held out.
      if (e.data.source.empty() || !is_pop909(e.data.source)) of_data.train.seed = e.train.seed;
      if (!seen.insert(of_data.to_toml()).second) continue;
      check_windows(cell_task(ledger.study(), e, cache));
    } catch (Error& error) {
      error.add("in the cell " + ledger.name(i));
      throw;
    }
  }
}

/// The floors of this study: made where floors.csv lacks them, else compared with what the data
/// gives now.
void keep_floors(const StudyLedger& ledger, const fs::path& out, const fs::path& cache) {
  const Study& study = ledger.study();
  const fs::path file = out / "floors.csv";
  std::error_code error;
  std::vector<FloorRow> all, own;
  if (fs::exists(file, error)) all = read_floors(file);
  Experiment e = ledger.cells().front().experiment;
  e.train.seed = Experiment().train.seed;  // of tunes it says which are held out
  CellTask task = cell_task(study, e, cache);
  const auto mine = [&](const FloorRow& r) {
    return r.study == study.name && r.preset == study.preset;
  };
  std::copy_if(all.begin(), all.end(), std::back_inserter(own), mine);
  if (own.size() == floors().size() * study.test_bars.size()) {
    constexpr double kRounding = 1e-6;
    for (const FloorRow& now : cell_floors(task, {&find_floor("silent"), 1}))
      for (const FloorRow& r : own)
        if (r.floor == now.floor && r.measures.bars == now.measures.bars)
          check<ConfigError>(
              r.windows == now.windows &&
                  std::abs(r.measures.ssmd - now.measures.ssmd) <= kRounding &&
                  std::abs(r.measures.gs - now.measures.gs) <= kRounding,
              "this study was begun with other data: '{}' has {} windows of {} bars in which "
              "silence has GS {:.3f}, the data now has {} and {:.3f}",
              file.string(), r.windows, r.measures.bars, r.measures.gs, now.windows,
              now.measures.gs);
    return;
  }
  all.erase(std::remove_if(all.begin(), all.end(), mine), all.end());
  for (FloorRow& r : cell_floors(task)) {
    r.study = study.name;
    r.preset = study.preset;
    all.push_back(std::move(r));
  }
  write_file(file, floors_csv(all));
}

class Runner {
 public:
  Runner(StudyLedger& ledger, const StudyPlan& plan, const StudyRunOptions& options)
      : ledger_(ledger), plan_(plan), options_(options), terminal_(isatty(STDERR_FILENO) != 0) {
    for (std::size_t i = 0; i < ledger.cells().size(); ++i)
      if (!ledger.done(i)) todo_.push_back(i);
  }

  int operator()() {
    constexpr double kPause = 0.2;
    const StopSignals signals;
    bool stopping = false;
    for (;;) {
      reap(stopping);
      if (signals.seen() && !stopping) {
        stopping = true;
        for (const auto& r : running_) r->process.stop();
      }
      while (!stopping && running_.size() < static_cast<std::size_t>(options_.jobs) &&
             begin_next()) {
      }
      if (running_.empty()) break;
      show();
      std::vector<const CellProcess*> processes;
      for (const auto& r : running_) processes.push_back(&r->process);
      wait_for(processes, kPause);
    }
    erase();
    return end(signals.seen());
  }

 private:
  struct Running {
    std::size_t cell;
    bool fresh;  // not gone on with
    Clock::time_point begin;
    CellProcess process;
  };

  /// By what the plan says and how the cells so far kept to it.
  double expected(std::size_t cell) const {
    // Validation and judging come to the steps; how much, the first cell tells.
    constexpr double kAtFirst = 1.5;
    return plan_.costs[cell].seconds * (planned_ > 0 ? spent_ / planned_ : kAtFirst);
  }
  double left_seconds() const {
    std::vector<double> seconds;
    for (const auto& r : running_)
      seconds.push_back(std::max(expected(r->cell) - since(r->begin), 0.0));
    for (std::size_t c : todo_) seconds.push_back(expected(c));
    return time_at_once(seconds, options_.jobs);
  }

  /// The first cell that ends in time; false where there is none.
  bool begin_next() {
    // A row may have come from another machine.
    todo_.erase(
        std::remove_if(todo_.begin(), todo_.end(), [&](std::size_t c) { return ledger_.done(c); }),
        todo_.end());
    const auto fits = [&](std::size_t c) {
      constexpr double kHour = 3600;
      return options_.hours <= 0 || since(begin_) + expected(c) <= options_.hours * kHour;
    };
    const auto next = std::find_if(todo_.begin(), todo_.end(), fits);
    if (next == todo_.end()) return false;
    const std::size_t cell = *next;
    todo_.erase(next);
    const fs::path folder = ledger_.folder(cell);
    Experiment e = ledger_.cells()[cell].experiment;
    if (e.train.save_every == 0) {
      constexpr double kBetweenSaves = 30;
      const CellCost& c = plan_.costs[cell];
      const double step = c.seconds / static_cast<double>(std::max<int64>(c.steps, 1));
      e.train.save_every = static_cast<int64>(std::clamp(kBetweenSaves / step, 1.0, 1e6));
    }
    make_cell_folder(folder, e);
    std::error_code error;
    const bool fresh = !fs::exists(folder / "checkpoints" / "last.safetensors", error);
    const CellTask task = cell_task(ledger_.study(), e, options_.cache);
    running_.push_back(std::unique_ptr<Running>(
        new Running{cell, fresh, Clock::now(),
                    CellProcess(folder, cell_arguments(task, folder, options_.threads))}));
    return true;
  }

  void reap(bool stopping) {
    for (std::size_t i = 0; i < running_.size();) {
      Running& r = *running_[i];
      if (r.process.running()) {
        ++i;
        continue;
      }
      ended(r, stopping);
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  void ended(const Running& r, bool stopping) {
    const std::string name = ledger_.name(r.cell);
    if (r.process.code() == 0) {
      std::optional<CellRow> row = read_cell_row(ledger_.folder(r.cell), ledger_.study().test_bars);
      check<InternalError>(row.has_value(), "cell {} ended without its row", name);
      keep(r.cell, std::move(*row));
      const double seconds = since(r.begin);
      if (r.fresh) spent_ += seconds, planned_ += plan_.costs[r.cell].seconds;
      const CellRow& done = ledger_.row(r.cell);
      const StudyMeasures& m = done.tests.front();
      line(
          fmt::format("{}/{} {}: loss {:.4f}; {} bars: CS {:.1f}, GS {:.1f}, onset F1 {:.1f}, "
                      "onsets {:.2f}; {}",
                      ledger_.done_count(), ledger_.cells().size(), name, done.validation_loss,
                      m.bars, m.cs, m.gs, m.onset_f1, m.onset_ratio, duration_text(seconds)));
      return;
    }
    if (stopping) return;
    const std::string errors = r.process.errors();
    failed_.push_back(fmt::format(
        "{} ({}): {}", name, ledger_.folder(r.cell).string(),
        errors.empty() ? fmt::format("ended with exit code {}", r.process.code()) : errors));
    line("failed: " + failed_.back());
  }

  /// A table that cannot be written now, as while somebody appends to it, ends no other cell: the
  /// rows are here, in their cells' folders too, and stand in the table when it is written next.
  void keep(std::size_t cell, CellRow row) {
    try {
      ledger_.add(cell, std::move(row));
      unwritten_ = false;
    } catch (const Error& error) {
      unwritten_ = true;
      line(fmt::format("the row is not in the table yet: {}", error.what()));
    }
  }

  int end(int signal) {
    if (unwritten_) ledger_.write();
    const std::size_t left = ledger_.cells().size() - ledger_.done_count();
    fmt::print("{} of {} cells are done: {}\n", ledger_.done_count(), ledger_.cells().size(),
               ledger_.file().string());
    if (signal) {
      fmt::print("stopped; {} cells are left; to go on, give the same command again\n", left);
      return ended_by(signal);
    }
    check<ConfigError>(failed_.empty(), "{} cells failed; the others are kept. The first: {}",
                       failed_.size(), failed_.empty() ? "" : failed_.front());
    if (left > 0)
      fmt::print("left: {} cells, about {} at {} at once: no more of them ends within {} hours\n",
                 left, duration_text(left_seconds()), options_.jobs, options_.hours);
    return 0;
  }

  void line(const std::string& text) {
    if (options_.quiet) return;
    erase();
    std::fputs((text + "\n").c_str(), stderr);
  }
  void erase() {
    if (drawn_) std::fputs("\r\033[K", stderr), std::fflush(stderr);
    drawn_ = false;
  }
  void show() {
    if (options_.quiet || !terminal_) return;
    std::vector<std::string> parts;
    for (const auto& r : running_) {
      const int64 all = r->process.steps(), done = r->process.step();
      parts.push_back(fmt::format("{} {}", ledger_.name(r->cell),
                                  all == 0      ? "begins"
                                  : done == all ? "is judged"
                                                : fmt::format("{} %", 100 * done / all)));
    }
    const std::string text =
        fmt::format("{}/{} done; {}; {} left", ledger_.done_count(), ledger_.cells().size(),
                    join(parts), duration_text(left_seconds()));
    std::fputs(("\r\033[K" + text).c_str(), stderr);
    std::fflush(stderr);
    drawn_ = true;
  }

  StudyLedger& ledger_;
  const StudyPlan& plan_;
  const StudyRunOptions& options_;
  const bool terminal_;
  bool drawn_ = false, unwritten_ = false;
  std::vector<std::size_t> todo_;
  std::vector<std::unique_ptr<Running>> running_;
  std::vector<std::string> failed_;
  const Clock::time_point begin_ = Clock::now();
  double spent_ = 0, planned_ = 0;  // seconds of cells that ended
};

}  // namespace

CellTask cell_task(const Study& study, const Experiment& experiment, const fs::path& cache) {
  return {experiment, study.test_bars, study.split, cache};
}

std::vector<std::string> cell_arguments(const CellTask& task, const fs::path& folder,
                                        int64 threads) {
  std::vector<std::string> bars;
  for (int64 b : task.bars) bars.push_back(fmt::format("{}", b));
  std::vector<std::string> all{"--threads", fmt::format("{}", threads),
                               "study",     "cell",
                               "--folder",  folder.string(),
                               "--bars",    join(bars, ",")};
  if (task.split) all.insert(all.end(), {"--split", to_string(*task.split)});
  if (!task.experiment.data.source.empty())
    all.insert(all.end(), {"--data", task.experiment.data.source});
  if (task.cache.empty())
    all.emplace_back("--no-cache");
  else
    all.insert(all.end(), {"--cache", task.cache.string()});
  return all;
}

int run_study(StudyLedger& ledger, const fs::path& out, const StudyRunOptions& options) {
  std::error_code error;
  std::optional<RunLock> lock;
  if (!options.dry_run && fs::exists(out, error)) {
    lock.emplace(out);
    ledger.collect();
  }
  // What is wrong with a cell is said before a folder is made.
  check_judged(ledger, options.cache);
  const StudyPlan plan = plan_study(ledger, options);
  fmt::print("{}", plan_text(ledger, plan, options));
  std::fflush(stdout);
  if (options.dry_run) return 0;
  fs::create_directories(out / "cells", error);
  check<IoError>(!error, "cannot make the folder '{}': {}", out.string(), error.message());
  if (!lock) lock.emplace(out);
  keep_floors(ledger, out, options.cache);
  ledger.write();
  return Runner(ledger, plan, options)();
}

}  // namespace gradus
