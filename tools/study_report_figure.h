// Figure 4 of the paper on RoPEPool: each measure against the mutual information of its context and
// pitch, ours filled and with the deviation over seeds, the paper's hollow.
#pragma once

#include <optional>
#include <string>

#include "train/study/report_tables.h"

namespace gradus {

/// Nats of a study's context: TIME, REP, KEY (with the mode) and BIN by their names in the table,
/// or, without a table, the paper's. None where nothing is known of it.
std::optional<double> context_nats(const std::string& context, const InformationTable* table);

/// One SVG, dark or light as the reader's screen; "" where no context has a known information.
std::string information_figure(const StudyResults& results, const InformationTable* table);

}  // namespace gradus
