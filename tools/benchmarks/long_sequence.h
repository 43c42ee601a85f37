// One sequence as long as memory allows, through a whole model: a Transformer of 2 layers, d_model
// 64, 4 heads, RoPEPool and causal linear attention, forward and backward, each block computed
// again in the backward pass instead of kept.
#pragma once

#include "tensor/dtype.h"

namespace gradus::bench {

struct LongRun {
  double forward_seconds = 0, backward_seconds = 0;
  double loss = 0, gradient_norm = 0;  ///< of the mean square of the outputs
  int64 compared = 0;                  ///< first outputs that a shorter sequence gives too
  double largest_difference = 0;       ///< between the two, over the largest output
};

/// `tokens` in all; the first min(tokens, shorter) of its outputs beside those of a run of only so
/// many.
LongRun run_long_sequence(int64 tokens, int64 shorter);

struct StepTimes {
  double first_seconds = 0, last_seconds = 0;  ///< mean of a token, in the first and last eighth
  int64 first_bytes = 0, last_bytes = 0;       ///< live in the pool after these eighths
};
/// The same model as a recurrence, token by token, without gradients.
StepTimes run_step_by_step(int64 tokens);

}  // namespace gradus::bench
