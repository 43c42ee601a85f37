// What one study and preset gave: its groups of seeds, its floors, and the test of significance of
// every pair of encodings.
#pragma once

#include "train/study/report_groups.h"

namespace gradus {

/// Groups point into the table of cells.
struct StudyResults {
  std::string study, preset;
  std::vector<int64> bars;
  std::vector<SeedGroup> groups;
  std::vector<FloorRow> floors;
  std::string note;  ///< what the preset changes, where somebody says it
  /// Behind the names of files and tables where a report holds several presets.
  std::string suffix;
  /// "7 encodings, 4 contexts, 72 cells; 12 groups have fewer than 2 seeds".
  std::string counts() const;
};
/// One for each study and preset of the table.
std::vector<StudyResults> study_results(const CellTable& cells,
                                        const std::vector<FloorRow>& floors);

/// Every pair of encodings in each context and measure:
/// context,measure,bars,a,b,n_a,n_b,mean_a,mean_b,levene_p,test,t,degrees,p,welch_p
std::string tests_csv(const StudyResults& results);

/// For each measure, in the shortest windows, the floors that reach the best mean of all:
/// "CS, 16 bars: the best of all models, RoPEPool in BIN, has 73.20; block-chords 80.70".
std::vector<std::string> reached_by_floors(const StudyResults& results);

/// Of one context: of RoPE the variant with the most CS in the shortest windows, all other
/// encodings as they are.
std::vector<const SeedGroup*> table_groups(const StudyResults& results, const std::string& context);
std::vector<std::string> contexts_of(const StudyResults& results);

}  // namespace gradus
