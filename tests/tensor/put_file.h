// Files with any bytes, for tests of readers.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace gradus::testing {

/// Hundreds of files are written. A new one need not reach the disk, while some file systems wait
/// for it where an old one is overwritten.
inline void put(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace gradus::testing
