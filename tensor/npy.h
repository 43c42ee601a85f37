// NumPy's .npy, versions 1 to 3: f4, f8, i8, u1 (and b1, read as u8), little endian, C order
// (Fortran order is read too). Strict: the header is checked against the file's size before
// anything is allocated.
#pragma once

#include <filesystem>

#include "tensor/array.h"

namespace gradus {

Tensor read_npy(const std::filesystem::path& path);
void write_npy(const std::filesystem::path& path, const Tensor& t);

}  // namespace gradus
