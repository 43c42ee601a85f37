#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tensor/text.h"

namespace gradus {

double Schedule::factor(int64 step) const {
  if (step < warmup_steps) return static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  const int64 since = step - warmup_steps;
  switch (shape) {
    case Shape::constant:
      return 1;
    case Shape::step:
      return std::pow(decay, static_cast<double>(since / std::max<int64>(1, steps_per_epoch)));
    case Shape::cosine: {
      const double span = static_cast<double>(std::max<int64>(1, total_steps - warmup_steps));
      const double t = std::min(1.0, static_cast<double>(since) / span);
      return floor + (1 - floor) * 0.5 * (1 + std::cos(std::numbers::pi * t));
    }
  }
  throw InternalError("a schedule without a formula");
}

Schedule::Shape parse_schedule(const std::string& word) {
  const std::vector<std::string> known{"constant", "step", "cosine"};
  for (std::size_t i = 0; i < known.size(); ++i)
    if (known[i] == word) return static_cast<Schedule::Shape>(i);
  fail<ConfigError>("unknown schedule '{}'; known: {}{}", word, join(known),
                    did_you_mean(word, known));
}

}  // namespace gradus
