// The tables of a study's report: II and III of the paper on RoPEPool with its own numbers and the
// floors beside ours, the measures that it lacks, how cells were trained, and Table I.
#pragma once

#include "train/mutual_information.h"
#include "train/study/report_results.h"
#include "train/study/report_table.h"

namespace gradus {

/// SSMD in the paper's tables counts to 50, in files of rows to 100.
double shown_ssmd(double ssmd);

/// Table II: variants of RoPE. No rows where the study has none.
ReportTable rope_table(const StudyResults& results);
/// Table III: the best variant of RoPE in each context (by CS in the shortest windows), all other
/// encodings, no encoding.
ReportTable encodings_table(const StudyResults& results);
/// What the paper does not measure: superfluous notes, F1 of onsets and notes, how many onsets.
ReportTable further_table(const StudyResults& results);
/// Threshold, loss, parameters, time.
ReportTable training_table(const StudyResults& results);
ReportTable information_report(const InformationTable& information);

}  // namespace gradus
