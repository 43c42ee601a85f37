#include "tensor/file.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "tests/error_text.h"

using namespace gradus;
using namespace gradus::testing;
namespace fs = std::filesystem;

namespace {

/// A folder of its own for each test case, gone at its end.
struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "gradus_file_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  std::size_t entries() const {
    std::size_t n = 0;
    for (const auto& e : fs::directory_iterator(path)) n += !e.path().empty();
    return n;
  }
};

}  // namespace

TEST_CASE("what was written is read: empty, with zero bytes, larger than any buffer") {
  Folder folder;
  const fs::path path = folder.path / "a.bin";
  write_file(path, "");
  CHECK(read_file(path) == "");
  const std::string odd("a\0b\n\xff", 5);
  write_file(path, odd);
  CHECK(read_file(path) == odd);
  std::string large(1 << 20, 'x');
  large += "end";
  write_file(path, large);
  CHECK(read_file(path) == large);
  AtomicFile file(path);
  std::string wanted;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26));
    file.write(piece);
    wanted += piece;
  }
  file.write(large), wanted += large;
  file.write("tail"), wanted += "tail";
  file.commit();
  CHECK(read_file(path) == wanted);
  CHECK(folder.entries() == 1);
}

TEST_CASE("without commit nothing remains, and the old file stays") {
  Folder folder;
  const fs::path path = folder.path / "a.txt";
  { AtomicFile(path).write("half"); }
  CHECK(folder.entries() == 0);
  write_file(path, "old");
  try {
    AtomicFile file(path);
    file.write("new");
    CHECK(folder.entries() == 2);
    CHECK(read_file(path) == "old");
    throw 1;
  } catch (int) {
  }
  CHECK(read_file(path) == "old");
  CHECK(folder.entries() == 1);
  AtomicFile file(path);
  file.write("new");
  file.commit();
  CHECK_THROWS_AS(file.write("more"), InternalError);
  CHECK_THROWS_AS(file.commit(), InternalError);
  CHECK(read_file(path) == "new");
}

TEST_CASE("permissions and links of a replaced file are kept") {
  Folder folder;
  const fs::path path = folder.path / "a.txt", link = folder.path / "link";
  write_file(path, "old");
  REQUIRE(chmod(path.c_str(), 0640) == 0);
  fs::create_symlink("a.txt", link);
  write_file(link, "new");
  CHECK(fs::is_symlink(link));
  CHECK(read_file(path) == "new");
  CHECK(static_cast<int>(fs::status(path).permissions()) == 0640);
}

TEST_CASE("reading refuses what it should, with path and reason") {
  Folder folder;
  const fs::path missing = folder.path / "missing";
  std::string error = message<IoError>([&] { read_file(missing); });
  CHECK(has(error, missing.string()));
  CHECK(has(error, "No such file"));
  CHECK(has(message<IoError>([&] { read_file(folder.path); }), "folder"));
  const fs::path pipe = folder.path / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(has(message<IoError>([&] { read_file(pipe); }), "not a regular file"));
  const fs::path path = folder.path / "ten";
  write_file(path, "0123456789");
  CHECK(read_file(path, 10) == "0123456789");
  error = message<IoError>([&] { read_file(path, 9); });
  CHECK(has(error, "10 bytes"));
  CHECK(has(error, "at most 9"));
  // Files of /proc announce no size, and have bytes.
  CHECK(read_file("/proc/self/status").size() > 100);
  CHECK(has(message<IoError>([&] { read_file("/proc/self/status", 5); }), "at most 5"));
}

TEST_CASE("writing refuses what it should") {
  Folder folder;
  CHECK(
      has(message<IoError>([&] { write_file(folder.path / "no" / "file", "x"); }), "No such file"));
  CHECK(has(message<IoError>([&] { write_file(folder.path, "x"); }), "folder"));
  CHECK(has(message<IoError>([&] { write_file("", "x"); }), "names no file"));
  CHECK(folder.entries() == 0);
}

TEST_CASE("a write that fails is an IoError and leaves the old file in place") {
  Folder folder;
  const fs::path path = folder.path / "a.bin";
  write_file(path, "old");
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100000, 100000};
    setrlimit(RLIMIT_FSIZE, &limit);
    bool good = true;
    const std::string large(300000, 'x');
    // At once, and piece by piece: the failure comes in write() or in commit().
    for (const std::size_t piece : {std::size_t{300000}, std::size_t{1000}}) {
      const std::string error = message<IoError>([&] {
        AtomicFile file(path);
        for (std::size_t i = 0; i < large.size(); i += piece) file.write(large.data() + i, piece);
        file.commit();
      });
      good = good && has(error, path.string()) && has(error, "File too large") &&
             has(error, "as it was") && read_file(path) == "old" && folder.entries() == 1;
    }
    const std::string error = message<IoError>([&] { write_file(folder.path / "fresh", large); });
    good = good && has(error, "nothing was written") && folder.entries() == 1;
    _exit(good ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(read_file(path) == "old");
}
