#include "tools/study_plan.h"

#include <algorithm>
#include <map>

#include "tensor/error.h"
#include "tensor/machine.h"
#include "tensor/parallel.h"
#include "tensor/text.h"
#include "train/progress.h"

namespace gradus {

namespace {

/// The same parameters and steps, and as much time for each.
std::string group_key(Experiment e) {
  const Experiment usual;
  e.train.seed = usual.train.seed;
  e.train.learning_rate = usual.train.learning_rate;
  e.decode = usual.decode;
  return configuration_hash(e);
}
/// The time of a step is that of its model, nearly whatever the labels.
std::string time_key(Experiment e) {
  e.data.context = {"time"};
  return group_key(std::move(e));
}

/// The names of an axis' values in the cells of a group.
std::string names_text(const StudyLedger& ledger, const std::vector<std::size_t>& cells,
                       std::size_t axis) {
  std::vector<std::string> names;
  for (std::size_t c : cells)
    for (const std::string& n : ledger.cells()[c].values[axis])
      if (std::find(names.begin(), names.end(), n) == names.end()) names.push_back(n);
  return join(names, ",");
}

/// Threads for a while.
class Threads {
 public:
  explicit Threads(int64 n) : before_(threads()) { set_threads(static_cast<int>(n)); }
  ~Threads() { set_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

}  // namespace

double time_at_once(const std::vector<double>& seconds, int64 jobs) {
  std::vector<double> free(static_cast<std::size_t>(jobs), 0);  // when each of them is
  for (const double s : seconds) *std::min_element(free.begin(), free.end()) += s;
  return *std::max_element(free.begin(), free.end());
}

StudyPlan plan_study(const StudyLedger& ledger, const StudyRunOptions& options) {
  const Threads as_in_a_cell(options.threads);
  StudyPlan plan;
  plan.costs.resize(ledger.cells().size());
  std::map<std::string, std::size_t> groups;
  std::map<std::string, double> times;
  for (std::size_t i = 0; i < ledger.cells().size(); ++i) {
    if (ledger.done(i)) continue;
    const Experiment& e = ledger.cells()[i].experiment;
    const auto [group, fresh] = groups.emplace(group_key(e), plan.groups.size());
    if (fresh) {
      StudyPlan::Group g;
      const std::string key = time_key(e);
      const auto time = times.find(key);
      try {
        g.cost = cell_cost(cell_task(ledger.study(), e, options.cache), time == times.end());
      } catch (Error& error) {
        error.add("in the cell " + ledger.name(i));
        throw;
      }
      if (time == times.end())
        times[key] = g.cost.seconds;
      else
        g.cost.seconds = time->second;
      plan.groups.push_back(std::move(g));
    }
    plan.groups[group->second].cells.push_back(i);
    plan.costs[i] = plan.groups[group->second].cost;
  }
  return plan;
}

std::string plan_text(const StudyLedger& ledger, const StudyPlan& plan,
                      const StudyRunOptions& options) {
  const Study& study = ledger.study();
  const std::size_t all = ledger.cells().size(), done = ledger.done_count();
  std::size_t combinations = 0;
  for (const StudyCell& c : ledger.cells()) {
    std::size_t product = 1;
    for (const auto& names : c.values) product *= names.size();
    combinations += product;
  }
  std::string text =
      fmt::format("study {}, preset {}: {} cells for {} combinations, {} done, {} to do\n",
                  study.name, study.preset, all, combinations, done, all - done);
  if (!study.note.empty()) text += fmt::format("  {}\n", study.note);
  const Machine m = machine();
  for (const std::string& w : m.warnings) text += fmt::format("warning: {}\n", w);
  if (plan.groups.empty()) return text;

  std::vector<std::vector<std::string>> rows(1);
  for (const StudyAxis& a : study.axes) rows[0].push_back(a.name);
  for (const char* head : {"cells", "parameters", "steps", "training"}) rows[0].emplace_back(head);
  for (const StudyPlan::Group& g : plan.groups) {
    std::vector<std::string> row;
    for (std::size_t a = 0; a < study.axes.size(); ++a)
      row.push_back(names_text(ledger, g.cells, a));
    row.push_back(fmt::format("{}", g.cells.size()));
    row.push_back(fmt::format("{}", g.cost.parameters));
    row.push_back(fmt::format("{}", g.cost.steps));
    row.push_back(duration_text(g.cost.seconds));
    rows.push_back(std::move(row));
  }
  std::vector<std::size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      text += i < study.axes.size() ? fmt::format("  {:<{}}", row[i], widths[i])
                                    : fmt::format("  {:>{}}", row[i], widths[i]);
    text += "\n";
  }
  std::vector<double> seconds;
  for (std::size_t i = 0; i < all; ++i)
    if (!ledger.done(i)) seconds.push_back(plan.costs[i].seconds);
  const int64 at_once = std::min(options.jobs, static_cast<int64>(seconds.size()));
  text += fmt::format(
      "training to do: {} at {} cell{} at once, {} thread{} each, by the time of a few steps; "
      "judging comes to it\n",
      duration_text(time_at_once(seconds, at_once)), at_once, at_once == 1 ? "" : "s",
      options.threads, options.threads == 1 ? "" : "s");
  return text;
}

}  // namespace gradus
