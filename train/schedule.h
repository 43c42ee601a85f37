// What changes with the step: the learning rate, as a factor of the base rate (linear warm-up, then
// constant, a step down each epoch, or a half cosine to a floor), and the windows' length.
#pragma once

#include <string>

#include "tensor/dtype.h"

namespace gradus {

struct Schedule {
  enum class Shape { constant, step, cosine } shape = Shape::constant;
  int64 warmup_steps = 0;     ///< factor (step + 1) / warmup_steps before
  int64 total_steps = 0;      ///< cosine: where the floor is reached
  int64 steps_per_epoch = 1;  ///< step: the factor is decay^epochs since the warm-up
  double decay = 0.85;
  double floor = 0;  ///< cosine: the last factor

  /// The factor for step 0, 1, ...
  double factor(int64 step) const;
};
/// "constant", "step", "cosine"; ConfigError with the nearest spelling.
Schedule::Shape parse_schedule(const std::string& word);

/// The length curriculum: `first` at step 0, then linear to `full`, reached at `steps`. What lies
/// between is a multiple of 8: few lengths, for which memory is used again.
int64 curriculum_length(int64 step, int64 steps, int64 first, int64 full);

}  // namespace gradus
