// safetensors (huggingface.co/docs/safetensors): 8 bytes of header length, a JSON header, the
// tensors' bytes. Strict on input: header length, JSON, dtypes, sizes, offsets (overlaps, gaps,
// overflow) are all checked against the file's size before anything is allocated. Dtypes F32, F64,
// I64, U8 (and BOOL, read as u8).
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tensor/array.h"

namespace gradus {

struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};
TensorFile read_safetensors(const std::filesystem::path& path);
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace gradus
