// One element from one type to another, with every case defined: what cast(), full() and
// to_vector() share. Floats to integers truncate and saturate, NaN becomes 0, u8 wraps.
#pragma once

#include <limits>
#include <type_traits>

#include "tensor/dtype.h"

namespace gradus::detail {

template <class To, class From>
To convert(From x) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // A float outside int64 is undefined behaviour in C++, hence the bounds: 2^63 is exact.
    constexpr From kBound = static_cast<From>(9223372036854775808.0);
    int64 whole = 0;
    if (x >= kBound)
      whole = std::numeric_limits<int64>::max();
    else if (x <= -kBound)
      whole = std::numeric_limits<int64>::min();
    else if (x == x)
      whole = static_cast<int64>(x);
    return static_cast<To>(whole);
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace gradus::detail
