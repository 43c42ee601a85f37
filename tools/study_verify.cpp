// gradus study verify: rows drawn at random, trained again in a scratch folder and compared. Equal
// numbers are promised for equal version, compiler, level, threads and OpenBLAS core; where they
// differ, what else differs is said.
#include <fmt/core.h>

#include <cstdlib>

#include "tensor/error.h"
#include "tensor/random.h"
#include "tensor/text.h"
#include "tools/cell_process.h"
#include "tools/stop_signals.h"
#include "tools/study_run.h"

namespace gradus {

namespace fs = std::filesystem;

namespace {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "gradus-verify-XXXXXX").string();
    check<IoError>(::mkdtemp(name.data()) != nullptr, "cannot make a scratch folder '{}'", name);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::vector<std::size_t> drawn_rows(const StudyLedger& ledger, int64 count, std::uint64_t seed) {
  std::vector<std::size_t> done, drawn;
  for (std::size_t i = 0; i < ledger.cells().size(); ++i)
    if (ledger.done(i)) done.push_back(i);
  check<ConfigError>(!done.empty(), "'{}' has no row of this study yet", ledger.file().string());
  Rng rng(seed);
  for (; !done.empty() && static_cast<int64>(drawn.size()) < count;) {
    const auto at =
        static_cast<std::ptrdiff_t>(integer_number(rng, static_cast<int64>(done.size())));
    drawn.push_back(done[static_cast<std::size_t>(at)]);
    done.erase(done.begin() + at);
  }
  return drawn;
}

/// "digest 00ff, now 00fe" for each column that differs.
class Differences {
 public:
  template <class T>
  void compare(const std::string& column, const T& there, const T& now) {
    if (!(there == now)) texts_.push_back(fmt::format("{} {}, now {}", column, there, now));
  }
  void compare(const std::string& column, double there, double now) {
    if (!(there == now))
      texts_.push_back(fmt::format("{} {:.17g}, now {:.17g}", column, there, now));
  }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::vector<std::string> texts_;
};

std::vector<std::string> number_differences(const CellRow& there, const CellRow& now) {
  Differences d;
  d.compare("digest", there.digest, now.digest);
  d.compare("parameters", there.parameters, now.parameters);
  d.compare("epochs", there.epochs, now.epochs);
  d.compare("steps", there.steps, now.steps);
  d.compare("threshold", there.threshold, now.threshold);
  d.compare("validation_loss", there.validation_loss, now.validation_loss);
  for (std::size_t i = 0; i < there.tests.size(); ++i)
    for (const StudyMeasure& m : study_measure_table())
      d.compare(fmt::format("{}_{}", m.name, there.tests[i].bars), there.tests[i].*m.value,
                now.tests[i].*m.value);
  return d.texts();
}

std::vector<std::string> machine_differences(const CellRow& there, const CellRow& now) {
  Differences d;
  d.compare("version", there.version, now.version);
  d.compare("compiler", there.compiler, now.compiler);
  d.compare("level", there.level, now.level);
  d.compare("threads", there.threads, now.threads);
  d.compare("blas_core", there.blas_core, now.blas_core);
  return d.texts();
}

/// True where the rows are equal; says so, or what differs.
bool told(const StudyLedger& ledger, std::size_t cell, const CellRow& now) {
  const CellRow& there = ledger.row(cell);
  const std::vector<std::string> numbers = number_differences(there, now),
                                 machine = machine_differences(there, now);
  const std::string name = fmt::format("{} ({})", ledger.name(cell), there.hash);
  if (numbers.empty())
    fmt::print("{}: equal\n", name);
  else
    fmt::print("{}: differs: {}\n", name, join(numbers, "; "));
  if (!machine.empty())
    fmt::print("  made elsewhere: {}\n", join(machine, "; "));
  else if (!numbers.empty())
    fmt::print("  version, compiler, level, threads and OpenBLAS core are the same\n");
  std::fflush(stdout);
  return numbers.empty();
}

}  // namespace

int verify_study(const StudyLedger& ledger, int64 count, std::uint64_t seed,
                 const StudyRunOptions& options) {
  const std::vector<std::size_t> drawn = drawn_rows(ledger, count, seed);
  fmt::print("{} of {} rows, drawn by --seed {}, are trained again\n", drawn.size(),
             ledger.done_count(), seed);
  std::fflush(stdout);
  const ScratchFolder scratch;
  const StopSignals signals;
  struct Running {
    std::size_t cell;
    CellProcess process;
  };
  std::vector<std::unique_ptr<Running>> running;
  std::size_t next = 0, equal = 0, compared = 0;
  while (!signals.seen() && compared < drawn.size()) {
    while (next < drawn.size() && running.size() < static_cast<std::size_t>(options.jobs)) {
      const std::size_t cell = drawn[next++];
      const Experiment& e = ledger.cells()[cell].experiment;
      const fs::path folder = scratch / ledger.cells()[cell].hash;
      make_cell_folder(folder, e);
      running.push_back(std::unique_ptr<Running>(new Running{
          cell, CellProcess(folder, cell_arguments(cell_task(ledger.study(), e, options.cache),
                                                   folder, ledger.row(cell).threads))}));
    }
    constexpr double kPause = 0.2;
    std::vector<const CellProcess*> processes;
    for (const auto& r : running) processes.push_back(&r->process);
    wait_for(processes, kPause);
    for (std::size_t i = 0; i < running.size();) {
      Running& r = *running[i];
      if (r.process.running()) {
        ++i;
        continue;
      }
      check<ConfigError>(r.process.code() == 0, "{} cannot be trained again: {}",
                         ledger.name(r.cell), r.process.errors());
      const std::optional<CellRow> now =
          read_cell_row(scratch / ledger.cells()[r.cell].hash, ledger.study().test_bars);
      check<InternalError>(now.has_value(), "cell {} ended without its row", ledger.name(r.cell));
      equal += told(ledger, r.cell, *now);
      ++compared;
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  fmt::print("{} of {} rows are equal\n", equal, compared);
  if (signals.seen()) return ended_by(signals.seen());
  return equal == drawn.size() ? 0 : 1;
}

}  // namespace gradus
