#include "train/base_rate.h"

#include <cmath>

namespace gradus {

Tensor log_odds(const MeanPredictor& mean) {
  std::vector<double> values;
  for (double ones : mean.ones())
    values.push_back(std::log((ones + 0.5) / (static_cast<double>(mean.steps()) - ones + 0.5)));
  return from_values<double>(values, {static_cast<int64>(values.size())});
}

}  // namespace gradus
