// The plan of a study: what each cell that is still to do costs, by parameters, steps and the time
// of a few real steps of each kind of model.
#pragma once

#include "tools/study_run.h"

namespace gradus {

struct StudyPlan {
  /// Cells that differ in the seed, the rate or the decoding alone.
  struct Group {
    std::vector<std::size_t> cells;
    CellCost cost;  ///< of each
  };
  std::vector<Group> groups;
  std::vector<CellCost> costs;  ///< by cell; of cells that are done, nothing
};
/// How long cells of these times take, begun in their order, so many at once: of one cell its own
/// time, whatever the jobs.
double time_at_once(const std::vector<double>& seconds, int64 jobs);
/// ConfigError for a cell that cannot be trained, before any is begun.
StudyPlan plan_study(const StudyLedger& ledger, const StudyRunOptions& options);
std::string plan_text(const StudyLedger& ledger, const StudyPlan& plan,
                      const StudyRunOptions& options);

}  // namespace gradus
