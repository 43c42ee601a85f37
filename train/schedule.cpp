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

int64 curriculum_length(int64 step, int64 steps, int64 first, int64 full) {
  constexpr int64 kMultiple = 8;
  if (step >= steps || first >= full) return full;
  const int64 length = first + (full - first) * step / steps;
  return std::max(first, length / kMultiple * kMultiple);
}

}  // namespace gradus
