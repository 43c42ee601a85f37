#include "tensor/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

/// Closes at the end of its scope.
struct Descriptor {
  int fd = -1;
  ~Descriptor() { close(); }
  int close() {
    const int result = fd >= 0 ? ::close(fd) : 0;
    fd = -1;
    return result;
  }
};

int open_again(const char* path, int flags, mode_t mode = 0) {
  int fd;
  do fd = ::open(path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path) : name_(path.string()) {
  // Without O_NONBLOCK the opening of a named pipe would wait for a writer.
  Descriptor file{open_again(path.c_str(), O_RDONLY | O_NONBLOCK)};
  check<IoError>(file.fd >= 0, "cannot read '{}': {}", name_, reason(errno));
  struct stat info {};
  check<IoError>(::fstat(file.fd, &info) == 0, "cannot read '{}': {}", name_, reason(errno));
  check<IoError>(!S_ISDIR(info.st_mode), "cannot read '{}': it is a folder, not a file", name_);
  check<IoError>(S_ISREG(info.st_mode), "cannot read '{}': it is not a regular file", name_);
  size_ = static_cast<std::uint64_t>(info.st_size);
  fd_ = std::exchange(file.fd, -1);
}

InputFile::~InputFile() { ::close(fd_); }

std::size_t InputFile::read_some(std::uint64_t offset, void* to, std::size_t count) const {
  std::size_t done = 0;
  while (done < count) {
    const ssize_t n = ::pread(fd_, static_cast<char*>(to) + done, count - done,
                              static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    check<IoError>(n >= 0, "cannot read '{}': {}", name_, reason(errno));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

void InputFile::read(std::uint64_t offset, void* to, std::size_t count) const {
  const std::size_t got = read_some(offset, to, count);
  check<IoError>(got == count, "'{}' ends at byte {}; bytes {} to {} were wanted", name_,
                 offset + got, offset, offset + count);
}

std::string read_file(const std::filesystem::path& path, std::uint64_t limit) {
  const InputFile file(path);
  const auto within = [&](std::uint64_t n) {
    check<IoError>(n <= limit, "'{}' has {} bytes; at most {} ({}) are read", path.string(), n,
                   limit, bytes_text(limit));
  };
  within(file.size());
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  text.resize(file.read_some(0, text.data(), text.size()));
  // Files of /proc say they are empty, and a file may grow.
  char piece[4096];
  while (const std::size_t n = file.read_some(text.size(), piece, sizeof piece)) {
    within(text.size() + n);
    text.append(piece, n);
  }
  return text;
}

struct AtomicFile::Impl {
  std::filesystem::path target;     // what the caller named, links followed
  std::filesystem::path temporary;  // exists while not empty
  Descriptor file;
  std::string buffer;

  static constexpr std::size_t kBuffer = std::size_t{1} << 16;

  ~Impl() { discard(); }
  void discard() noexcept {
    file.close();
    if (!temporary.empty()) ::unlink(temporary.c_str());
    temporary.clear();
  }
  [[noreturn]] void refuse(int error) {
    discard();
    fail<IoError>("cannot write '{}': {}; {}", target.string(), reason(error),
                  std::filesystem::exists(std::filesystem::symlink_status(target))
                      ? "the file of that name is as it was"
                      : "nothing was written");
  }
  void put(const char* bytes, std::size_t count) {
    while (count > 0) {
      const ssize_t n = ::write(file.fd, bytes, count);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) refuse(n < 0 ? errno : EIO);
      bytes += n, count -= static_cast<std::size_t>(n);
    }
  }
  void flush() {
    put(buffer.data(), buffer.size());
    buffer.clear();
  }
};

AtomicFile::AtomicFile(std::filesystem::path path) : impl_(std::make_unique<Impl>()) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  // A link stays a link: what it points to is replaced.
  impl_->target = fs::is_symlink(path, ignored) ? fs::weakly_canonical(path, ignored) : path;
  if (impl_->target.empty()) impl_->target = path;
  check<IoError>(!path.empty() && path.has_filename(), "cannot write '{}': it names no file",
                 path.string());
  check<IoError>(!fs::is_directory(path, ignored), "cannot write '{}': it is a folder",
                 path.string());
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 100; ++attempt) {
    fs::path name = impl_->target;
    name += fmt::format(".{}.{}.tmp", ::getpid(), counter.fetch_add(1));
    const int fd = open_again(name.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (fd >= 0) {
      impl_->file.fd = fd;
      impl_->temporary = std::move(name);
      // A replaced file keeps its permissions.
      struct stat old {};
      if (::stat(impl_->target.c_str(), &old) == 0 && S_ISREG(old.st_mode))
        (void)!::fchmod(fd, old.st_mode & 07777);
      return;
    }
    if (errno != EEXIST) impl_->refuse(errno);
  }
  impl_->refuse(EEXIST);
}

AtomicFile::~AtomicFile() = default;

void AtomicFile::write(const void* bytes, std::size_t count) {
  if (impl_->file.fd < 0)
    throw InternalError("write to '" + impl_->target.string() +
                        "' after it was committed or refused");
  const char* from = static_cast<const char*>(bytes);
  if (impl_->buffer.size() + count > Impl::kBuffer) impl_->flush();
  if (count >= Impl::kBuffer)
    impl_->put(from, count);
  else if (count > 0)
    impl_->buffer.append(from, count);
}

void AtomicFile::commit() {
  Impl& f = *impl_;
  if (f.file.fd < 0)
    throw InternalError("commit of '" + f.target.string() + "' after it was committed or refused");
  f.flush();
  // Some file systems know no fsync and say EINVAL; a full disk or a bad one must not pass.
  if (::fsync(f.file.fd) != 0 && errno != EINVAL && errno != ENOTSUP) f.refuse(errno);
  if (f.file.close() != 0) f.refuse(errno);
  if (::rename(f.temporary.c_str(), f.target.c_str()) != 0) f.refuse(errno);
  f.temporary.clear();
  // The new name itself must reach the disk. The file is complete either way, so a folder that
  // cannot be opened or synced is no failure.
  const std::filesystem::path folder = f.target.parent_path();
  Descriptor entry{open_again(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY)};
  if (entry.fd >= 0) (void)::fsync(entry.fd);
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace gradus
