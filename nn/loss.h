// Losses: means over what a mask or an ignored id leaves; 0 where that is nothing.
#pragma once

#include "nn/ops.h"

namespace gradus {

struct BceOptions {
  double positive_weight = 1;  ///< w: how much a true 1 counts
  double focal_gamma = 0;      ///< Lin et al. 2017: (1 - p_t)^gamma
};
/// Mean binary cross entropy with logits over the elements where `mask` (u8, broadcast; undefined:
/// everywhere) is 1; 0 where it is 1 nowhere. target: 0 .. 1, of x's shape and dtype.
Var bce_loss(At x, const Var& target, const Var& mask = {}, BceOptions options = {});

struct CrossEntropyOptions {
  double label_smoothing = 0;  ///< in [0, 1)
  int64 ignore_index = -100;
};
/// Mean over the rows of logits [..., C] whose id is not ignored; 0 where all are.
Var cross_entropy_loss(At logits, const Var& ids, CrossEntropyOptions options = {});

/// Mean of (x - target)^2 over the elements where `mask` is 1.
Var mse_loss(At x, const Var& target, const Var& mask = {});

}  // namespace gradus
