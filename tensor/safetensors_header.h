// The JSON header of a safetensors file, read and checked to the last byte before any tensor is
// made.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/shape.h"

namespace gradus::detail {

inline constexpr std::uint64_t kLongestSafetensorsHeader = 100'000'000;
inline constexpr std::string_view kSafetensorsMetadata = "__metadata__";

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::f32;
  bool is_bool = false;
  Shape shape;
  std::uint64_t begin = 0, end = 0;  ///< bytes behind the header
};
struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< in the order of their bytes
  std::map<std::string, std::string> metadata;
};
/// Entries cover `data_bytes` without gap or overlap, each with the bytes its shape needs; anything
/// else is an IoError that names `file`, the tensor and the numbers.
SafetensorsHeader read_safetensors_header(std::string_view json, std::uint64_t data_bytes,
                                          const std::string& file);
/// The JSON of a header, entries in their order; text that is no UTF-8 is an IoError that names
/// `file`.
std::string safetensors_header_text(const SafetensorsHeader& header, const std::string& file);
/// A name of a file, fit for a message: cut, without control characters.
std::string shown(const std::string& name);

}  // namespace gradus::detail
