// The inspector: one self-contained HTML page of an inspected step, its data as JSON inside, no
// network.
#pragma once

#include <string>

#include "tools/inspect_step.h"

namespace gradus {

/// The page's data: {"meta", "masks", "histograms", "attention", "graph"}.
std::string inspect_page_data(const InspectedStep& step);
std::string inspect_page(const InspectedStep& step);

}  // namespace gradus
