// Rows of cos and sin in f32 of angles in f64, which are reduced in f64: what the table of RoPE is
// made of. Within an ulp of 1 of the exact values, as for sin and cos of f32 (tensor/kernels).
#pragma once

#include <cstdint>

#include "tensor/level.h"

namespace gradus {

/// theta_rd = f_d p_r; a step of 0 takes one row of f, or one number p, for all rows.
struct TurnRows {
  const double* f = nullptr;
  const double* p = nullptr;
  std::int64_t f_step = 0, p_step = 0;
  std::int64_t rows = 0, count = 0;
};
struct TurnRowKernels {
  /// [rows][cos, sin][count]
  void (*table)(const TurnRows&, float* y);
};

GRADUS_DECLARE_KERNELS(TurnRowKernels, turn_row_kernels);

}  // namespace gradus
