// gradus data, run as a user runs it, on miniature clones of POP909 in a temporary folder.
#include <doctest/doctest.h>

#include "tensor/npy.h"
#include "tests/data/pop909_clones.h"
#include "tests/tools/command.h"

using namespace gradus;

namespace {

CommandResult data_command(const std::string& arguments) {
  return gradus_command("data " + arguments);
}

}  // namespace

TEST_CASE("info: what is used, what is left out and why") {
  const PopClones clones;
  clones.add_song(2);
  clones.add_song(3);
  clones.label(3, "melody.txt", "60\n");
  const CommandResult r = data_command("info --data " + clones.root().string());
  REQUIRE_MESSAGE(r.code == 0, r.out);
  CHECK(r.has(": 3 songs, 1 in use, 2 left out"));
  CHECK(r.has("1  not in startpos.csv (002)"));
  CHECK(r.has("1  a file cannot be read (003)"));
  CHECK(r.has("melody.txt:1: expected"));
  CHECK(r.has("windows of 512 steps"));
}

TEST_CASE("export: every array, with its type and length") {
  const PopClones clones;
  const std::string file = (clones.root() / "out.npy").string();
  for (const char* what : {"roll", "onset", "rep", "key", "bin", "phrase", "section"}) {
    const CommandResult r = data_command("export --data " + clones.root().string() +
                                         " --song 001 --what " + what + " --npy " + file);
    REQUIRE_MESSAGE(r.code == 0, r.out);
    CHECK(r.has(std::string(what) + " of song 001"));
    CHECK(read_npy(file).size(0) == 641);
  }
}

TEST_CASE("the user's errors are one message and exit code 2") {
  const PopClones clones;
  const std::string data = " --data " + clones.root().string();
  const auto fails = [](const std::string& arguments, const std::string& text) {
    check_refused("data " + arguments, {text});
  };
  fails("", "gradus data needs an action");
  fails("info", "gradus data needs the data folder: --data DIR");
  fails("infos" + data, "unknown action 'infos'; known: info, export; did you mean 'info'?");
  fails("info --data /no/such", "/no/such: no such folder");
  fails("info --song 001" + data, "--song belongs to gradus data export");
  fails("info --align melod" + data, "unknown alignment 'melod'; known: papers, melody");
  fails("export" + data, "gradus data needs a song: --song 001");
  fails("export --song 1" + data, "gradus data needs what to write: --what roll|onset|time|");
  fails("export --song 1 --what bin" + data, "needs a file to write: --npy FILE.npy");
  fails("export --song 1 --what bim --npy x.npy" + data, "did you mean 'bin'?");
  fails("export --song x --what bin --npy x.npy" + data, "'x' is no song of POP909");
  fails("export --song 9 --what bin --npy x.npy" + data, "there is no song 009; 1 are in use");
  fails("export --song 1 --what bin --npy /no/such/x.npy" + data, "/no/such/x.npy");
}

TEST_CASE("help ends in an example") {
  const CommandResult r = data_command("--help");
  CHECK(r.code == 0);
  CHECK(
      r.has("example: gradus data export --data ../shared/data --song 001 --what bin "
            "--npy bin.npy"));
}
