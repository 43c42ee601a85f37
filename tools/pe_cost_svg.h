// Time and memory of a token against the number of tokens, one curve an encoding, as SVG: both axes
// logarithmic, so that linear cost is a level line and quadratic cost rises by the diagonal.
#pragma once

#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace gradus {

struct CostCurve {
  std::string name;
  bool softmax = false;  ///< drawn dashed
  std::vector<int64> tokens;
  std::vector<double> seconds, bytes;  ///< of a whole run at each of the lengths
};
/// Two panels side by side; at least one curve with one length.
std::string cost_svg(const std::vector<CostCurve>& curves);

}  // namespace gradus
