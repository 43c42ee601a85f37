// gradus study run: a plan, then the cells that are still to do, each in a process of its own,
// several at once; and gradus study verify, which trains some of them again.
#pragma once

#include <filesystem>
#include <optional>

#include "train/study/cell.h"
#include "train/study/ledger.h"

namespace gradus {

struct StudyRunOptions {
  std::filesystem::path cache;  ///< of prepared data; empty: none
  int64 jobs = 1;               ///< cells at once
  int64 threads = 1;            ///< of each cell
  double hours = 0;             ///< no cell is begun that would end later; 0: no limit
  bool dry_run = false, quiet = false;
};
/// Exit code: 0 done or out of hours, 2 where cells failed, 130 or 143 where it was stopped.
int run_study(StudyLedger& ledger, const std::filesystem::path& out,
              const StudyRunOptions& options);

/// Trains `count` rows, drawn by `seed`, again in a scratch folder and compares all numbers but
/// times. Exit code: 0 equal, 1 where any differs.
int verify_study(const StudyLedger& ledger, int64 count, std::uint64_t seed,
                 const StudyRunOptions& options);

/// The cell as its process gets it.
CellTask cell_task(const Study& study, const Experiment& experiment,
                   const std::filesystem::path& cache);
/// `gradus --threads N study cell ...` for it; its experiment is that of the folder.
std::vector<std::string> cell_arguments(const CellTask& task, const std::filesystem::path& folder,
                                        int64 threads);

}  // namespace gradus
