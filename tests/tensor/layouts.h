// Test data: deterministic numbers, and one tensor's values in every memory layout a view can have.
#pragma once

#include <cmath>
#include <vector>

#include "tensor/index.h"

namespace gradus::testing {

/// Numbers in (-1, 1) without a pattern that a wrong stride would keep.
inline Tensor wave(const Shape& shape, DType dtype = DType::f64, double seed = 1) {
  std::vector<double> values(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::sin(12.9898 * static_cast<double>(i + 1) + 78.233 * seed);
  return cast(from_values(values, shape), dtype);
}

/// The same values: contiguous, transposed, inside a larger tensor, every second element, reversed
/// axes.
inline std::vector<Tensor> layouts_of(const Tensor& t) {
  std::vector<Tensor> list{contiguous(t)};
  if (t.rank() == 0) return list;
  const int64 n = t.size(-1);
  list.push_back(slice(pad(t, -1, 2, 3, 77), -1, 2, 2 + n));
  list.push_back(slice(unslice(t, -1, 1, 2, 2 * n + 2), -1, 1, 1 + 2 * n, 2));
  if (t.rank() > 1) {
    list.push_back(transpose(copy(transpose(t))));
    list.push_back(slice(pad(t, 0, 1, 1, 77), 0, 1, 1 + t.size(0)));
    std::vector<int64> reversed;
    for (int axis = t.rank() - 1; axis >= 0; --axis) reversed.push_back(axis);
    list.push_back(permute(copy(permute(t, reversed)), reversed));
  }
  return list;
}

/// The text of the error that f throws, or "" where it throws none.
template <class E, class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace gradus::testing
