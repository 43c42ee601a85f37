// What tests of fused ops against their references share: a distance, and tensors whose numbers do
// not lie side by side.
#pragma once

#include <algorithm>
#include <limits>

#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"

namespace gradus::testing {

/// The largest difference, relative to the largest number (at least 1).
inline double distance(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
  if (a.numel() == 0) return 0;
  const double size = std::max(1.0, max(abs(b)).item());
  return max(abs(sub(cast(a, DType::f64), cast(b, DType::f64)))).item() / size;
}

/// Of two lists of tensors, as long as each other.
template <class Results>
bool same_bits(const Results& a, const Results& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(distance(a[i], b[i]) == 0)) return false;
  return true;
}

/// Stored with the axes in reverse order.
inline Tensor reversed(const Tensor& t) {
  return permute(contiguous(permute(t, {3, 2, 1, 0})), {3, 2, 1, 0});
}
/// Every second number of a larger tensor.
inline Tensor apart(const Tensor& t) {
  return slice(unslice(t, -1, 1, 2, 2 * t.size(-1) + 1), -1, 1, 2 * t.size(-1) + 1, 2);
}

}  // namespace gradus::testing
