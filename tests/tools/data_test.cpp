// gradus data, run as a user runs it, on miniature clones of POP909 and MIDI files in a temporary
// folder.
#include <doctest/doctest.h>

#include "data/pop909.h"
#include "tensor/npy.h"
#include "tests/data/pop909_clones.h"
#include "tests/data/scratch_files.h"
#include "tests/tools/command.h"

using namespace gradus;
namespace fs = std::filesystem;

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
  fails("export", "gradus data needs the data folder: --data DIR");
  fails("infos" + data, "unknown action 'infos'; known: info, export, mi; did you mean 'info'?");
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

TEST_CASE("info of the bundled tunes: bars, meter and key of each") {
  const CommandResult r = data_command("info");
  REQUIRE_MESSAGE(r.code == 0, r.out);
  CHECK(r.has(fmt::format("{} tunes, ", bundled_tunes().size())));
  CHECK(r.has("amazing_grace             17 bars    3/4  G major"));
  CHECK(static_cast<std::size_t>(std::count(r.out.begin(), r.out.end(), '\n')) ==
        bundled_tunes().size() + 1);
}

TEST_CASE("info of MIDI files: found, used, left out and why, chords, meters") {
  const ScratchFiles scratch;
  scratch.midi("full.mid", song_of({scale("melody", 8), scale("piano", 4, 48, 1)}));
  scratch.midi("sub/lead.MID", song_of({scale("melody", 6)}, {0, 3, 4}));
  scratch.file("sub/lead.chords", "C | G\n");
  scratch.midi("bare.mid", song_of({scale("melody", 8)}));
  scratch.file("broken.mid", "no music");
  const CommandResult r = data_command("info --data " + scratch.root().string());
  REQUIRE_MESSAGE(r.code == 0, r.out);
  for (const char* part :
       {": 4 found, 3 in use, 1 left out", "broken: ", "broken.mid: byte 0",
        "in use: 6 bars; 22 notes in melodies, 0 in bridges", "2  in 4/4", "1  in 3/4",
        "1  have chords (NAME.chords) (sub/lead)", "2  have no chords (bare, full)",
        "the arranger's ballad is the target (sub/lead)", "melody only"})
    CHECK_MESSAGE(r.has(part), part << " in " << r.out);
  CHECK(data_command("info --data " + (scratch.root() / "full.mid").string()).code == 0);
  fs::remove_all(scratch.root() / "sub");
  fs::remove(scratch.root() / "full.mid");
  fs::remove(scratch.root() / "bare.mid");
  check_refused("data info --data " + scratch.root().string(), {"broken.mid: byte 0"});
  fs::remove(scratch.root() / "broken.mid");
  check_refused("data info --data " + scratch.root().string(),
                {"no folder 'POP909-Dataset'", "nor is there a MIDI file"});
}

TEST_CASE("export of a MIDI file: rolls, and contexts where it has the chords") {
  const ScratchFiles scratch;
  scratch.midi("full.mid", song_of({scale("melody", 8), scale("piano", 4, 48, 1)}));
  scratch.midi("lead.mid", song_of({scale("melody", 8)}));
  scratch.file("lead.chords", "C | G\n");
  scratch.file("broken.mid", "no music");
  const std::string file = (scratch.root() / "out.npy").string();
  const auto write = [&](const std::string& song, const std::string& what) {
    return "export --data " + scratch.root().string() + " --song " + song + " --what " + what +
           " --npy " + file;
  };
  REQUIRE(data_command(write("full", "roll")).code == 0);
  const Tensor roll = read_npy(file);
  CHECK(roll.shape() == Shape{128, 384});
  CHECK(roll.at({0, 60}) == 1);
  CHECK(roll.at({16, 61}) == 1);
  CHECK(roll.at({63, 2 * 128 + 51}) == 1);
  REQUIRE(data_command(write("lead", "bin")).code == 0);
  const Tensor bits = read_npy(file);
  CHECK(bits.shape() == Shape{128, 12});
  CHECK(bits.at({64, 7}) == 1);
  CHECK(bits.at({63, 2}) == 0);
  check_refused("data " + write("full", "bin"), {"'full' has no chords", "full.chords"});
  check_refused("data " + write("broken", "roll"), {"'broken' is not in use", "byte 0"});
  check_refused("data " + write("leda", "roll"), {"no song 'leda'", "did you mean 'lead'?"});
  // Files of one stem.
  scratch.midi("lead.midi", song_of({scale("melody", 12), scale("piano", 12, 48, 1)}));
  scratch.midi("full.midi", song_of({scale("melody", 16)}));
  REQUIRE(data_command(write("lead.midi", "roll")).code == 0);
  CHECK(read_npy(file).shape() == Shape{192, 384});
  REQUIRE(data_command(write("lead.mid", "roll")).code == 0);
  CHECK(read_npy(file).shape() == Shape{128, 384});
  check_refused("data " + write("full.mid", "bin"), {"'full.mid' has no chords", "in full.chords"});
}

TEST_CASE("POP909 without one of its clones: which, and where to get it") {
  const PopClones clones;
  for (const std::string& clone : pop909_clones()) {
    fs::rename(clones.root() / clone, clones.root() / "away");
    check_refused("data info --data " + clones.root().string(),
                  {"no folder '" + clone + "'", "github.com/music-x-lab/POP909-Dataset",
                   "github.com/Dsqvival/hierarchical-structure-analysis",
                   "github.com/agarwalmanvi/structurePE"});
    fs::rename(clones.root() / "away", clones.root() / clone);
  }
}

TEST_CASE("help ends in an example") {
  const CommandResult r = data_command("--help");
  CHECK(r.code == 0);
  CHECK(
      r.has("example: gradus data export --data DIR --song 001 --what bin "
            "--npy bin.npy"));
}
