// Numbers that a script of plain Python made from the papers' formulas (tests/pe/oracle/).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tensor/array.h"
#include "tensor/file.h"

namespace gradus::testing {

using Json = nlohmann::json;

/// tests/pe/oracle/NAME.json.
inline Json read_oracle(const std::string& name) {
  return Json::parse(
      read_file(std::string(GRADUS_SOURCE_DIR) + "/tests/pe/oracle/" + name + ".json"));
}

inline void flatten(const Json& j, Shape& shape, int depth, std::vector<double>& numbers) {
  if (!j.is_array()) return numbers.push_back(j.get<double>());
  if (shape.rank() <= depth) shape.push_back(static_cast<int64>(j.size()));
  for (const Json& inner : j) flatten(inner, shape, depth + 1, numbers);
}

/// Nested lists as a tensor.
inline Tensor read_numbers(const Json& j) {
  Shape shape;
  std::vector<double> numbers;
  flatten(j, shape, 0, numbers);
  return from_values(numbers, shape);
}

}  // namespace gradus::testing
