// How many bytes a shape that was read from a file needs: the file may say anything.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "tensor/dtype.h"

namespace gradus::detail {

/// Nothing where the number does not fit into 63 bits. Sizes of 0 or more. Even for a tensor
/// without elements the product of the other sizes must fit: strides are made of it.
inline std::optional<std::uint64_t> byte_count(std::span<const int64> sizes, DType dtype) {
  int64 bytes = static_cast<int64>(size_of(dtype));
  bool zero = false;
  for (int64 s : sizes) {
    zero = zero || s == 0;
    if (__builtin_mul_overflow(bytes, s == 0 ? 1 : s, &bytes)) return std::nullopt;
  }
  return zero ? 0 : static_cast<std::uint64_t>(bytes);
}

}  // namespace gradus::detail
