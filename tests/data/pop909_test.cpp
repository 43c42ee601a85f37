// POP909 as a set: which songs are used, what is said of the others, and windows.
#include "data/pop909.h"

#include <doctest/doctest.h>

#include "data/harmony_data.h"
#include "tensor/text.h"
#include "tests/data/pop909_clones.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

std::string set_error(const fs::path& data) {
  return rule_of([&] { read_pop909(data); });
}
/// The one song that is left out.
PopLeftOut left_out(const PopClones& clones) {
  const PopSet set = read_pop909(clones.root());
  REQUIRE(set.left_out.size() == 1);
  return set.left_out[0];
}
using Begins = std::vector<int64>;

}  // namespace

TEST_CASE("a whole set: songs by number, with their splits") {
  const PopClones clones;
  clones.add_song(12);
  clones.add_song(7);
  clones.list("startpos.csv", "ID,Position,Beats\r\n12,-8,\r\n1,0,0\n7,16,1\n");
  clones.list("split.csv", "ID,Split\n1,train\n7,test\n12,validation\n");
  const PopSet set = read_pop909(clones.root());
  REQUIRE(set.songs.size() == 3);
  CHECK(set.left_out.empty());
  CHECK(set.songs[1].name == "007");
  CHECK(set.songs[1].split == PopSplit::test);
  CHECK(set.songs[1].start == 16);
  CHECK(set.song(12).ticks == 649);
  for (PopSplit s : {PopSplit::train, PopSplit::validation, PopSplit::test})
    CHECK(set.count(s) == 1);
}

TEST_CASE("each clone is missed by name, with its source") {
  CHECK(set_error("/no/such") == "/no/such: no such folder");
  for (const char* clone : {"POP909-Dataset", "hierarchical-structure-analysis", "structurePE"}) {
    const PopClones clones;
    fs::rename(clones.root() / clone, clones.root() / "elsewhere");
    const std::string error = set_error(clones.root());
    CHECK(error.starts_with(clones.root().string() + ": no folder '" + clone + "'; --data takes"));
    CHECK(error.find("github.com/music-x-lab/POP909-Dataset") != std::string::npos);
    fs::create_directory(clones.root() / clone);
    CHECK(set_error(clones.root()).find("': the clone of github.com/") != std::string::npos);
  }
}

TEST_CASE("broken lists stop the set, with file and line") {
  const PopClones clones;
  const std::string starts = clones.list("startpos.csv").string();
  const std::string splits = clones.list("split.csv").string();
  const std::string expected = "expected 'ID,Position', once a song, got ";
  for (const char* row : {"1,x,0", "1", "one,3", "0,3", "1,--3", "1,", ",3", "1,3\n1,3"}) {
    clones.list("startpos.csv", std::string("ID,Position,Beats\n") + row + "\n");
    const int line = std::string(row).find('\n') == std::string::npos ? 2 : 3;
    CHECK(set_error(clones.root()) ==
          fmt::format("{}:{}: {}'{}'", starts, line, expected, line == 2 ? row : "1,3"));
  }
  clones.list("startpos.csv", "1,8\n");
  CHECK(set_error(clones.root()) ==
        starts + ":1: expected a header that begins 'ID,Position', got '1,8'");
  clones.list("startpos.csv", "\n");
  CHECK(set_error(clones.root()) == starts + ": is empty; its first line is 'ID,Position'");
  clones.list("startpos.csv", "ID,Position\n1,8\n");
  clones.list("split.csv", "ID,Split\n1,trian\n");
  CHECK(set_error(clones.root()) == splits + ":2: expected 'ID,Split', once a song, got '1,trian'");
  fs::remove(splits);
  CHECK(set_error(clones.root()).find(splits) != std::string::npos);
}

TEST_CASE("a song that cannot be used is left out with the reason; the others stay") {
  const PopClones clones;
  clones.add_song(2);
  CHECK(left_out(clones).reason == PopReason::no_start);
  CHECK(left_out(clones).message == "startpos.csv does not name it");
  clones.list("startpos.csv", "ID,Position,Beats\n1,8,0.5\n2,0,0\n");
  CHECK(left_out(clones).reason == PopReason::no_split);
  clones.list("split.csv", "ID,Split\n1,train\n2,test\n");
  CHECK(read_pop909(clones.root()).left_out.empty());

  write_midi(clones.midi(2), PopClones::midi_song(32));  // 497 ticks
  CHECK(left_out(clones).reason == PopReason::too_short);
  CHECK(left_out(clones).message == "497 ticks; the shortest window has 513");
  Song song = PopClones::midi_song(33);
  song.tracks[2].notes.back().end -= 30;
  write_midi(clones.midi(2), song);
  CHECK(left_out(clones).message == "512 ticks; the shortest window has 513");
  write_midi(clones.midi(2), PopClones::midi_song(33));  // 513 ticks: just enough
  CHECK(read_pop909(clones.root()).left_out.empty());

  clones.label(2, "finalized_chord.txt", "C:maj [0, 4, 7] 0 4 \nA:min [0, 4");
  CHECK(left_out(clones).song == 2);
  CHECK(left_out(clones).reason == PopReason::broken);
  CHECK(left_out(clones).message ==
        clones.label(2, "finalized_chord.txt").string() +
            ":2: expected '<name> [<pitch classes>] <bass> <quarters>', got 'A:min [0, 4'");
  const PopSet set = read_pop909(clones.root());
  CHECK(set.songs.size() == 1);
  CHECK(rule_of([&] {
          set.song(2);
        }).starts_with("song 002 is not in use (a file cannot be read): /"));
  CHECK(rule_of([&] { set.song(3); }) == "there is no song 003; 1 are in use, 001 to 001");

  fs::remove(clones.label(2, "finalized_chord.txt"));
  CHECK(left_out(clones).reason == PopReason::missing);
  CHECK(left_out(clones).message ==
        clones.label(2, "finalized_chord.txt").string() + ": no such file");
  fs::remove(clones.midi(2));
  CHECK(left_out(clones).message == clones.midi(2).string() + ": no such file");
  fs::remove_all(clones.midi(2).parent_path());
  fs::remove_all(clones.label(2, "x").parent_path());
  CHECK(left_out(clones).reason == PopReason::missing);  // the lists still name it
  fs::create_directory(clones.midi(1).parent_path().parent_path() / "notes");  // no song's name
  CHECK(read_pop909(clones.root()).left_out.size() == 1);
}

TEST_CASE("a file that is no text or a folder in its place breaks one song only") {
  const PopClones clones;
  clones.add_song(2);
  clones.list("startpos.csv", "ID,Position\n1,8\n2,0\n");
  clones.list("split.csv", "ID,Split\n1,train\n2,test\n");
  clones.label(2, "melody.txt", std::string("\0\xff\xfe", 3));
  CHECK(left_out(clones).message == clones.label(2, "melody.txt").string() +
                                        ":1: expected '<pitch, or 0 for a rest> <sixteenths>', "
                                        "got '\\x00\xff\xfe'");
  fs::remove(clones.label(2, "melody.txt"));
  fs::create_directory(clones.label(2, "melody.txt"));
  CHECK(left_out(clones).reason == PopReason::broken);
}

TEST_CASE("3/4 is left out, unless both lists name the song") {
  const PopClones clones;
  clones.add_song(2);
  clones.label(2, "human_label1.txt", "A13\n");
  CHECK(left_out(clones).reason == PopReason::three_four);
  CHECK(left_out(clones).message == "40 quarters of chords in 13 bars");
  clones.list("startpos.csv", "ID,Position\n1,8\n2,0\n");
  CHECK(left_out(clones).reason == PopReason::three_four);
  clones.list("split.csv", "ID,Split\n1,train\n2,test\n");
  CHECK(read_pop909(clones.root()).song(2).labels.beats_per_bar == 3);
}

TEST_CASE("the folder of one clone, or one within it, is refused with the folder to give") {
  const PopClones clones;
  const std::string above = ": give the folder above it, " + fs::canonical(clones.root()).string();
  const auto refusal = [](const fs::path& folder) {
    const std::string text = rule_of([&] { is_pop909(folder); });
    CHECK(text.starts_with(folder.string() + ": "));
    return text.substr(folder.string().size());
  };
  for (const std::string& clone : pop909_clones()) {
    CHECK(refusal(clones.root() / clone) == ": is the clone " + clone + " itself" + above);
    CHECK(refusal(clones.root() / clone / "") == ": is the clone " + clone + " itself" + above);
  }
  const fs::path dataset = clones.root() / "POP909-Dataset";
  CHECK(refusal(dataset / "POP909") == ": lies in the clone POP909-Dataset" + above);
  CHECK(refusal(dataset / "POP909/001") == ": lies in the clone POP909-Dataset" + above);
  fs::create_directory_symlink(dataset, clones.root() / "link");
  CHECK(refusal(clones.root() / "link") == ": is the clone POP909-Dataset itself" + above);
  CHECK(is_pop909(clones.root()));
  CHECK(!is_pop909(clones.midi(1)));  // a single file is one
  // By another name it is told by what it holds.
  fs::create_directory(clones.root() / "other");
  const fs::path other = clones.root() / "other/songs";
  fs::rename(dataset, other);
  const std::string rest = ", as a clone of POP909 does: give the folder that holds the clones " +
                           join(pop909_clones()) + " side by side";
  CHECK(refusal(other) == ": holds POP909/" + rest);
  CHECK(refusal(other / "POP909") == ": holds 001/001.mid" + rest);
  // A folder of one's own that is called like a clone is none.
  fs::create_directories(clones.root() / "mine/structurePE");
  fs::copy_file(other / "POP909/001/001.mid", clones.root() / "mine/structurePE/song.mid");
  CHECK(!is_pop909(clones.root() / "mine/structurePE"));
}

TEST_CASE("windows of steps + 1 ticks with overlap") {
  CHECK(window_begins(512, 512, 64).empty());
  CHECK(window_begins(513, 512, 64) == Begins{0});
  CHECK(window_begins(513 + 448, 512, 64) == Begins{0});
  CHECK(window_begins(513 + 449, 512, 64) == Begins{0, 449});
  CHECK(window_begins(4, 1, 1) == Begins{0, 1, 2});
  CHECK(window_begins(4, 1, 0) == Begins{0, 2});
  CHECK(window_begins(0, 1, 0).empty());
  for (int64 overlap : {-1, 513})
    CHECK(rule_of([&] { window_begins(9, 512, overlap); }).starts_with("windows have 1 or more"));
  CHECK(rule_of([] { window_begins(9, 0, 0); }).ends_with("got 0 steps and overlap 0"));
}

TEST_CASE("joined windows need all the windows of 512 steps that cover them") {
  CHECK(joined_window_begins(513 + 449, 512) == Begins{0, 449});
  CHECK(joined_window_begins(513 + 2 * 449 - 1, 1024).empty());
  CHECK(joined_window_begins(513 + 2 * 449, 1024) == Begins{0});
  CHECK(joined_window_begins(513 + 4 * 449, 1024) == Begins{0, 898});
  CHECK(joined_window_begins(513 + 8 * 449 - 1, 4096).empty());
  CHECK(joined_window_begins(513 + 8 * 449, 4096) == Begins{0});
  for (int64 steps = 512; steps <= 4096; steps += 512)
    for (int64 ticks : {513, 1411, 4105, 9000})
      for (int64 b : joined_window_begins(ticks, steps)) CHECK(b + steps + 1 <= ticks);
  for (int64 steps : {0, 511, 1000, 4608, -512})
    CHECK(
        rule_of([&] { joined_window_begins(9000, steps); }) ==
        fmt::format("the papers' windows have 512 steps or a multiple up to 4096, got {}", steps));
}

TEST_CASE("the windows of a split") {
  const PopClones clones;
  const PopSet set = read_pop909(clones.root());  // 641 ticks
  CHECK(cut_windows(set, PopSplit::train, 512, 400) ==
        std::vector<PopWindow>{{0, 0, 513}, {0, 113, 513}});
  CHECK(joined_windows(set, PopSplit::train, 512) == std::vector<PopWindow>{{0, 0, 513}});
  CHECK(cut_windows(set, PopSplit::test, 512, 64).empty());
}

TEST_CASE("names of songs and splits") {
  CHECK(parse_pop_song("007") == 7);
  CHECK(parse_pop_song("909") == 909);
  for (const char* text : {"", "0", "x", "-1", "1.5", "99999"})
    CHECK(rule_of([&] { parse_pop_song(text); }) ==
          fmt::format("'{}' is no song of POP909: they are 001 to 909", text));
  CHECK(parse_pop_split("test") == PopSplit::test);
  CHECK(rule_of([] { parse_pop_split("tset"); }) ==
        "unknown split 'tset'; known: train, validation, test; did you mean 'test'?");
}
