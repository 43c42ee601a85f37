#include "data/prepared.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/machine.h"

namespace gradus {

namespace fs = std::filesystem;

namespace {

/// A whole file in memory, read only.
class Mapping {
 public:
  Mapping(void* bytes, std::size_t size) : bytes_(bytes), size_(size) {}
  ~Mapping() { ::munmap(bytes_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::span<const char> bytes() const { return {static_cast<const char*>(bytes_), size_}; }

 private:
  void* bytes_;
  std::size_t size_;
};

/// Null for what is empty, no regular file, or cannot be mapped.
std::shared_ptr<const Mapping> map_file(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return nullptr;
  struct stat info {};
  std::shared_ptr<const Mapping> mapping;
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
    const auto size = static_cast<std::size_t>(info.st_size);
    void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes != MAP_FAILED) mapping = std::make_shared<const Mapping>(bytes, size);
  }
  ::close(fd);
  return mapping;
}

void write_prepared(const fs::path& path, const std::string& bytes) {
  try {
    std::error_code ignored;
    fs::create_directories(path.parent_path(), ignored);
    write_file(path, bytes);
  } catch (const IoError& e) {
    fmt::print(stderr, "note: prepared data is not kept: {}\n", e.rule());
  }
}

}  // namespace

std::string PreparedKey::file_name() const {
  const Checksum sum = checksum(settings.data(), settings.size());
  return fmt::format("{:016x}{:016x}{:016x}{:016x}.prepared", sum[0], sum[1], sum[2], sum[3]);
}

Checksum PreparedKey::stamp() const {
  std::string all =
      fmt::format("{}\nversion {} pieces {}\n", settings, machine().version, kPiecesVersion);
  for (const fs::path& f : files) {
    std::error_code absent;
    const auto size = fs::file_size(f, absent);
    const auto time = fs::last_write_time(f, absent).time_since_epoch().count();
    all += f.lexically_proximate(source).native();
    all += absent ? std::string("\n-\n") : fmt::format("\n{} {}\n", size, time);
  }
  return checksum(all.data(), all.size());
}

PreparedState map_prepared(const fs::path& path, const Checksum& stamp, HarmonyData& data) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return PreparedState::absent;
  const std::shared_ptr<const Mapping> file = map_file(path);
  return file ? read_prepared(file->bytes(), file, stamp, data) : PreparedState::damaged;
}

HarmonyData prepared(const fs::path& folder, const PreparedKey& key,
                     const std::function<HarmonyData()>& make) {
  const fs::path path = folder / key.file_name();
  const Checksum stamp = key.stamp();
  HarmonyData data;
  const PreparedState state = map_prepared(path, stamp, data);
  if (state == PreparedState::good) return data;
  if (state != PreparedState::absent)
    fmt::print(stderr, "prepared data of {} ({}) is {}: made again\n", key.source, path.string(),
               state == PreparedState::stale ? "out of date" : "damaged");
  data = make();
  write_prepared(path, prepared_bytes(data, stamp));
  return data;
}

fs::path default_cache_folder() {
  const auto set = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value ? value : "");
  };
  if (const fs::path cache = set("XDG_CACHE_HOME"); cache.is_absolute()) return cache / "gradus";
  if (const fs::path home = set("HOME"); home.is_absolute()) return home / ".cache" / "gradus";
  return {};
}

}  // namespace gradus
