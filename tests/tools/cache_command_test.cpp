// Prepared data as a user meets it: kept where --cache says, made again when it must be, never an
// error.
#include <fstream>

#include "tests/data/scratch_files.h"
#include "tests/tools/command.h"

using namespace gradus;
namespace fs = std::filesystem;

TEST_CASE("training keeps prepared data, and tells when it is made again") {
  const ScratchFiles files;
  for (const char* name : {"a", "b", "c"}) {
    files.midi(fmt::format("music/{}.mid", name),
               song_of({scale("melody", 8, 72), scale("piano", 8, 48, 1)}));
    files.file(fmt::format("music/{}.chords", name), "C | Am\n");
  }
  int runs = 0;
  const auto train = [&](const std::string& more) {
    const CommandResult r =
        gradus_command("train" + kTiny + "--data " + (files.root() / "music").string() + " --out " +
                       (files.root() / fmt::format("run{}", ++runs)).string() + " " + more);
    CHECK_MESSAGE(r.code == 0, r.out);
    return r;
  };
  const auto metrics = [&](int run) {
    return read_file(files.root() / fmt::format("run{}", run) / "checkpoints/best.safetensors");
  };
  const fs::path cache = files.root() / "cache";
  const std::string with_cache = "--cache " + cache.string();
  CHECK(!train("--no-cache").has("prepared"));
  CHECK(!fs::exists(cache));
  CHECK(!train(with_cache).has("prepared"));
  REQUIRE(files_below(cache).size() == 2);  // on the model's grid, and on the one it is judged on
  const fs::path file = cache / files_below(cache)[0];
  CHECK(!train(with_cache).has("prepared"));
  {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(fs::file_size(file) / 2));
    bytes.put('?');
  }
  const CommandResult damaged = train(with_cache);
  CHECK(damaged.has("prepared data of " + (files.root() / "music").string()));
  CHECK(damaged.has("is damaged: made again"));
  fs::resize_file(file, 10);
  CHECK(train(with_cache).has("is damaged: made again"));
  CHECK(!train(with_cache).has("prepared"));
  for (int run = 2; run <= runs; ++run) CHECK(metrics(run) == metrics(1));
  files.file("music/a.chords", "F | Am\n");
  CHECK(train(with_cache).has("is out of date: made again"));
  CHECK(train("--cache " + (files.root() / "music/a.mid").string()).has("is not kept: cannot"));
  // The default folder.
  train("");
  CHECK(files_below(fs::path(scratch() / "cache/gradus")).size() == 2);
  check_refused("train --cache x --no-cache --out y", {"--cache and --no-cache"});
}
