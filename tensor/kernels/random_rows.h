// Masks from the counter-based generator (tensor/random.h), many blocks of Philox4x32-10 at once:
// the same bits as philox() gives one at a time.
#pragma once

#include <cstdint>

#include "tensor/level.h"

namespace gradus {

template <class T>
struct RandomRows {
  /// y[i] of the `blocks` blocks of four numbers from counter `first` on: `yes` where the 32 random
  /// bits are below `limit` (at most 2^32), else `no`.
  void (*choose)(std::uint64_t key, std::uint64_t draw, std::uint64_t first, std::int64_t blocks,
                 std::uint64_t limit, T yes, T no, T* y);
};
struct RandomKernels {
  RandomRows<float> f32;
  RandomRows<double> f64;
  RandomRows<std::uint8_t> u8;

  const RandomRows<float>& of(float) const { return f32; }
  const RandomRows<double>& of(double) const { return f64; }
  const RandomRows<std::uint8_t>& of(std::uint8_t) const { return u8; }
};

GRADUS_DECLARE_KERNELS(RandomKernels, random_kernels);

}  // namespace gradus
