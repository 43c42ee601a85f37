// A MIDI file, or a folder of them, as a data set; what is broken is named and never stops others.
#include <doctest/doctest.h>

#include "data/midi_set.h"
#include "tests/data/scratch_files.h"
#include "tests/error_text.h"

using namespace gradus;
using testing::has;
using testing::message;
namespace fs = std::filesystem;

namespace {

Song with_piano() { return song_of({scale("melody", 8, 72), scale("piano", 8, 48, 1)}); }
Song melody_only() { return song_of({scale("melody", 8, 72)}); }

}  // namespace

TEST_CASE("files are found by their ending, in subfolders too, in the order of their names") {
  const ScratchFiles scratch;
  scratch.midi("b.MID", with_piano());
  scratch.midi("a/z.midi", with_piano());
  scratch.midi("a.mid", with_piano());
  scratch.file("readme.txt", "no music");
  scratch.file("c.mid.bak", "no music");
  std::filesystem::create_directories(scratch.root() / "folder.mid");
  std::vector<std::string> names;
  for (const MidiFile& f : find_midi_files(scratch.root())) names.push_back(f.name);
  CHECK(names == std::vector<std::string>{"a", "a/z", "b"});
  const auto one = find_midi_files(scratch.root() / "b.MID");
  REQUIRE(one.size() == 1);
  CHECK(one[0].name == "b");
  CHECK(one[0].chords == scratch.root() / "b.chords");
  CHECK(has(message([&] { find_midi_file(find_midi_files(scratch.root()), "a/y", "here"); }),
            "here: there is no song 'a/y' among its 3 MIDI files: a, a/z, b"));
}

TEST_CASE("files of one stem are called with their endings") {
  const ScratchFiles scratch;
  // a.mid needs its ending, so that a.mid.mid needs one too.
  for (const char* name : {"a.mid", "a.midi", "a.mid.mid", "b.mid", "sub/a.mid", "c.MID", "c.mid"})
    scratch.midi(name, with_piano());
  scratch.midi("c.midi", melody_only());
  scratch.file("c.chords", "C | G\n");
  const std::vector<MidiFile> files = find_midi_files(scratch.root());
  std::vector<std::string> names;
  for (const MidiFile& f : files) names.push_back(f.name);
  CHECK(names == std::vector<std::string>{"a.mid", "a.mid.mid", "a.midi", "b", "c.MID", "c.mid",
                                          "c.midi", "sub/a"});
  for (const std::string& name : names) {
    const MidiFile& file = find_midi_file(files, name, "here");
    CHECK(file.path.filename().string().starts_with(fs::path(name).filename().string()));
    CHECK(read_midi_piece(file, 4).piece.name == name);
  }
  CHECK(read_midi_piece(find_midi_file(files, "c.midi", "here"), 4).arranged);
  CHECK(!read_midi_piece(find_midi_file(files, "c.mid", "here"), 4).arranged);
  CHECK(has(message([&] { find_midi_file(files, "a", "here"); }), "no song 'a' among its 8"));
}

TEST_CASE("with or without chords; a melody with chords has the arranger's accompaniment") {
  const ScratchFiles scratch;
  scratch.midi("full.mid", with_piano());
  scratch.midi("chords.mid", with_piano());
  scratch.file("chords.chords", "C | G\n");
  scratch.midi("lead.mid", melody_only());
  scratch.file("lead.chords", "C | G\n");
  scratch.midi("silent.mid", melody_only());
  scratch.file("silent.chords", "N\n");
  scratch.midi("bare.mid", melody_only());
  const MidiSet set = read_midi_set(scratch.root());
  CHECK(set.broken.empty());
  REQUIRE(set.songs.size() == 5);
  const auto is = [&](std::size_t i, const char* name, bool chords, bool target, bool arranged) {
    CHECK(set.songs[i].piece.name == name);
    CHECK(set.songs[i].has_chords == chords);
    CHECK(set.songs[i].has_target() == target);
    CHECK(set.songs[i].arranged == arranged);
  };
  is(0, "bare", false, false, false);
  is(1, "chords", true, true, false);
  is(2, "full", false, true, false);
  is(3, "lead", true, true, true);
  CHECK(set.songs[4].has_chords);
  CHECK(!set.songs[4].has_target());
  CHECK(set.songs[3].piece.steps[16].chord == parse_chord("G"));
}

TEST_CASE("a broken file among others is named with its reason") {
  const ScratchFiles scratch;
  const std::string good = midi_bytes(with_piano());
  scratch.file("good.mid", good);
  scratch.file("cut.mid", good.substr(0, good.size() / 2));
  scratch.file("empty.mid", "");
  scratch.midi("kit.mid", song_of({scale("kit", 4, 36, 9)}));
  scratch.midi("meter.mid", song_of({scale("melody", 4)}, {0, 4, 32}));
  scratch.midi("wrong.mid", with_piano());
  scratch.file("wrong.chords", "C | H\n");
  std::filesystem::create_symlink("nowhere.mid", scratch.root() / "link.mid");
  const MidiSet set = read_midi_set(scratch.root(), 16);
  REQUIRE(set.songs.size() == 1);
  CHECK(set.songs[0].piece.name == "good");
  CHECK(set.songs[0].piece.steps_per_quarter == 16);
  REQUIRE(set.broken.size() == 6);
  const auto is = [&](std::size_t i, const char* name, const char* reason) {
    CHECK(set.broken[i].name == name);
    CHECK_MESSAGE(has(set.broken[i].reason, reason), set.broken[i].reason);
  };
  is(0, "cut", "cut.mid: byte ");
  is(1, "empty", "empty.mid: byte 0");
  is(2, "kit", "drums only");
  is(3, "link", "link.mid");
  is(4, "meter", "4/32");
  is(5, "wrong", "wrong.chords:1:5");
}

TEST_CASE("where nothing can be used it is one error") {
  const ScratchFiles scratch;
  CHECK(has(message<IoError>([&] { read_midi_set(scratch.root()); }), "there is no MIDI file"));
  scratch.file("a.mid", "no music");
  CHECK(has(message<IoError>([&] { read_midi_set(scratch.root()); }), "a.mid: byte 0"));
  scratch.file("b.mid", "");
  CHECK(has(message<IoError>([&] { read_midi_set(scratch.root()); }),
            "none of its 2 MIDI files can be used; the first: "));
  CHECK(has(message<IoError>([&] { read_midi_set(scratch.root() / "c.mid"); }), "c.mid"));
}
