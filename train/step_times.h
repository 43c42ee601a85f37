// How long a model takes for a step: of many at once, and one after another as a recurrence, where
// a step must not take longer because much was heard before it. A model that hears its past plays
// then: its steps are drawn, output after output where these are coupled, and heard.
#pragma once

#include "train/generation.h"

namespace gradus {

struct StepTimes {
  int64 steps = 0;
  bool plays = false;          ///< it hears what it plays
  double at_once = 0;          ///< seconds a step, all steps in one pass; median
  double first = 0, last = 0;  ///< seconds a step of the first and of the last eighth; median
  std::uint64_t first_state = 0, last_state = 0;  ///< bytes after the first and after the last step
  int64 sounding = 0;                             ///< cells that it played
};
/// Of a melody of so many steps, played by the experiment's rules with `threshold` as the pivot
/// where they have none. ConfigError where the model is no recurrence.
StepTimes time_steps(const Harmonizer& harmonizer, int64 steps, double threshold = 0.5);
/// "4096 steps: 0.05 ms a step all at once; one after another 0.41 in the first 512 and 0.41 in the
/// last 512; ...".
std::string to_string(const StepTimes& times);

}  // namespace gradus
