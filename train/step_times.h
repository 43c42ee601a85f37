// How long a model takes for a step: of many at once, and one after another as a recurrence, where
// a step must not take longer because much was heard before it.
#pragma once

#include "train/recurrence.h"

namespace gradus {

struct StepTimes {
  int64 steps = 0;
  double at_once = 0;          ///< seconds a step, all steps in one pass
  double first = 0, last = 0;  ///< seconds a step of the first and of the last eighth; median
  std::uint64_t first_state = 0, last_state = 0;  ///< bytes after the first and after the last step
};
/// Of a melody of so many steps. ConfigError where the model is no recurrence.
StepTimes time_steps(const Harmonizer& harmonizer, int64 steps);
/// "4096 steps: 0.05 ms a step at once; one after another 0.41 (first 512) and 0.41 (last 512),
/// ...".
std::string to_string(const StepTimes& times);

}  // namespace gradus
