// Files: whole-file reading with limits, and atomic writing (temporary name, fsync, rename): a
// reader sees the old file or the new one, never half of one, and a full disk leaves the old one in
// place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace gradus {

/// The file's bytes. IoError says the path and the system's reason; a folder or a file above
/// `limit` bytes is refused.
std::string read_file(const std::filesystem::path& path,
                      std::uint64_t limit = std::uint64_t{1} << 32);

/// A regular file, open for reading in pieces. Errors are IoErrors with path and reason.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  std::uint64_t size() const { return size_; }
  /// Exactly `count` bytes from `offset` on.
  void read(std::uint64_t offset, void* to, std::size_t count) const;
  /// Up to `count` bytes; fewer only at the file's end.
  std::size_t read_some(std::uint64_t offset, void* to, std::size_t count) const;

 private:
  std::string name_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

/// Writes to a temporary name in the same folder; commit() flushes, syncs and renames. Without
/// commit() nothing remains.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(const void* bytes, std::size_t count);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
/// The whole text at once, atomically.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace gradus
