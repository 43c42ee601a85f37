// Every source of data: the bundled tunes, POP909's clones, MIDI files; what each lacks is told.
#include <doctest/doctest.h>

#include "data/harmony_data.h"
#include "tests/data/pop909_clones.h"
#include "tests/data/scratch_files.h"
#include "tests/error_text.h"

using namespace gradus;
using testing::has;
using testing::message;
namespace fs = std::filesystem;

namespace {

DataRequest of(const fs::path& source, int grid = 4) {
  DataRequest r;
  r.source = source;
  r.steps_per_quarter = grid;
  return r;
}
std::string refusal(const fs::path& source) {
  return message([&] { read_harmony_data(of(source)); });
}

}  // namespace

TEST_CASE("the bundled tunes, on both grids") {
  const HarmonyData coarse = read_harmony_data(of("")), fine = read_harmony_data(of("", 16));
  CHECK(coarse.has_styles);
  CHECK(coarse.left_out.empty());
  REQUIRE(coarse.pieces.size() == fine.pieces.size());
  CHECK(fine.pieces[0].length() == 4 * coarse.pieces[0].length());
  CHECK(fine.chords.codes() == coarse.chords.codes());
  CHECK(has(message([] { read_harmony_data(of("", 8)); }), "4 (sixteenths) or 16"));
}

TEST_CASE("POP909: whatever is absent of the three clones is named") {
  const PopClones clones;
  for (const int grid : {4, 16}) {
    const HarmonyData data = read_harmony_data(of(clones.root(), grid));
    REQUIRE(data.pieces.size() == 1);
    CHECK(data.pieces[0].name == "001");
    CHECK(data.pieces[0].steps_per_quarter == grid);
    CHECK(!data.pieces[0].bridge.empty());
    CHECK(!data.has_styles);
  }
  // One of the clones holds MIDI files: the folder is POP909's all the same.
  for (const std::string& clone : pop909_clones()) {
    fs::rename(clones.root() / clone, clones.root() / "away");
    const std::string text = refusal(clones.root());
    CHECK_MESSAGE(has(text, fmt::format("no folder '{}'", clone)), text);
    CHECK(has(text, "github.com/agarwalmanvi/structurePE"));
    fs::rename(clones.root() / "away", clones.root() / clone);
  }
  for (const auto& [clone, inside] : std::vector<std::pair<std::string, std::string>>{
           {"POP909-Dataset", "POP909"},
           {"hierarchical-structure-analysis", "POP909"},
           {"structurePE", "data/pop909/data"}}) {
    const fs::path away = clones.root() / clone / "away";
    fs::rename(clones.root() / clone / inside, away);
    CHECK(has(refusal(clones.root()), "the clone of github.com/"));
    fs::rename(away, clones.root() / clone / inside);
  }
  clones.add_song(2);
  clones.list("startpos.csv", "ID,Position,Beats\n1,8,0.5\n2,8,0.5\n");
  clones.list("split.csv", "ID,Split\n1,train\n2,test\n");
  clones.label(2, "finalized_chord.txt", "C:maj [0, 4, 7] 0 4 \nA:mi");
  const HarmonyData data = read_harmony_data(of(clones.root()));
  CHECK(data.pieces.size() == 1);
  REQUIRE(data.left_out.size() == 1);
  CHECK(data.left_out[0].name == "002");
  CHECK(has(data.left_out[0].reason, "finalized_chord.txt:2"));
}

TEST_CASE("neither POP909 nor MIDI") {
  const ScratchFiles scratch;
  const std::string text = refusal(scratch.root());
  CHECK(has(text, "no folder 'POP909-Dataset'"));
  CHECK(has(text, "nor is there a MIDI file"));
  CHECK(has(refusal("/no/such/folder"), "/no/such/folder: no such folder"));
  CHECK(has(refusal(scratch.file("text.txt", "no music")), "text.txt: byte 0"));
}

TEST_CASE("MIDI files: whole files are held out; melody alone is left out, and named") {
  const ScratchFiles scratch;
  const Song full = song_of({scale("melody", 8, 72), scale("piano", 8, 48, 1)});
  for (int i = 0; i < 10; ++i) scratch.midi(fmt::format("song{}.mid", i), full);
  scratch.file("song3.chords", "C | F#m7\n");
  scratch.file("broken.mid", "");
  scratch.midi("tune.mid", song_of({scale("melody", 8)}));
  DataRequest r = of(scratch.root());
  r.tunes.validation_share = 0.3;
  const HarmonyData data = read_harmony_data(r);
  REQUIRE(data.pieces.size() == 10);
  const auto held = [](const HarmonyData& d) {
    std::vector<std::string> names;
    for (const Piece& p : d.pieces)
      if (p.split == Split::validation) names.push_back(p.name);
    return names;
  };
  CHECK(held(data).size() == 3);
  CHECK(std::none_of(data.pieces.begin(), data.pieces.end(),
                     [](const Piece& p) { return p.split == Split::test; }));
  REQUIRE(data.left_out.size() == 2);
  CHECK(data.left_out[0].name == "broken");
  CHECK(data.left_out[1].name == "tune");
  CHECK(has(data.left_out[1].reason, "melody only"));
  // No chord, and both chords in all keys.
  CHECK(data.chords.size() == 1 + 12 + 12);
  CHECK(!data.has_styles);
  r.split = Rng(5);
  CHECK(held(read_harmony_data(r)).size() == 3);
  CHECK(held(read_harmony_data(r)) != held(data));

  const HarmonyData one = read_harmony_data(of(scratch.root() / "song1.mid"));
  CHECK(one.pieces.size() == 1);
  CHECK(one.pieces[0].split == Split::train);
  CHECK(has(refusal(scratch.root() / "tune.mid"), "nothing to learn from"));
}

TEST_CASE("prepared data is what is read, for every setting") {
  const ScratchFiles scratch;
  const PopClones clones;
  const Song full = song_of({scale("melody", 8, 72), scale("piano", 8, 48, 1)});
  for (const char* name : {"a", "b", "c", "d"})
    scratch.midi(fmt::format("music/{}.mid", name), full);
  scratch.midi("music/tune.mid", song_of({scale("melody", 8)}));
  const auto count = [&] {
    return std::distance(fs::directory_iterator(scratch.root() / "cache"), {});
  };
  for (int round = 0; round < 2; ++round) {
    int settings = 0;
    for (const fs::path& source : {clones.root(), scratch.root() / "music"})
      for (const int grid : {4, 16})
        for (const PopAlignment align : {PopAlignment::papers, PopAlignment::melody}) {
          DataRequest r = of(source, grid);
          r.alignment = align;
          const HarmonyData read = read_harmony_data(r);
          r.cache = scratch.root() / "cache";
          const HarmonyData mapped = read_harmony_data(r);
          REQUIRE(mapped.pieces.size() == read.pieces.size());
          for (std::size_t i = 0; i < read.pieces.size(); ++i) {
            CHECK(mapped.pieces[i].name == read.pieces[i].name);
            CHECK(mapped.pieces[i].split == read.pieces[i].split);
            CHECK(mapped.pieces[i].steps == read.pieces[i].steps);
            CHECK(mapped.pieces[i].melody == read.pieces[i].melody);
            CHECK(mapped.pieces[i].accompaniment == read.pieces[i].accompaniment);
          }
          CHECK(mapped.left_out.size() == read.left_out.size());
          ++settings;
        }
    // MIDI files know no alignment.
    CHECK(count() == settings - 2);
  }
  // A changed file counts, and so does one more.
  DataRequest r = of(scratch.root() / "music");
  r.cache = scratch.root() / "cache";
  scratch.midi("music/e.mid", full);
  CHECK(read_harmony_data(r).pieces.size() == 5);
  scratch.file("music/tune.chords", "C");
  CHECK(read_harmony_data(r).pieces.size() == 6);
  scratch.file("music/a.mid", "");
  CHECK(read_harmony_data(r).pieces.size() == 5);
  CHECK(count() == 6);
}

TEST_CASE("a source by another path is not prepared anew") {
  const ScratchFiles scratch;
  const PopClones clones;
  scratch.midi("music/a.mid", song_of({scale("melody", 8, 72), scale("piano", 8, 48, 1)}));
  for (const fs::path& source : {clones.root(), scratch.root() / "music"}) {
    DataRequest r = of(source);
    r.cache = scratch.root() / source.filename() / "cache";
    read_harmony_data(r);
    REQUIRE(std::distance(fs::directory_iterator(r.cache), {}) == 1);
    const fs::path file = fs::directory_iterator(r.cache)->path();
    const auto before = fs::last_write_time(file) - std::chrono::hours(1);
    fs::last_write_time(file, before);
    const fs::path link = scratch.root() / ("link to " + source.filename().string());
    fs::create_directory_symlink(source, link);
    for (const fs::path& same : {link, source / "", fs::relative(source), source}) {
      r.source = same;
      CHECK(read_harmony_data(r).pieces.size() == 1);
      CHECK(fs::last_write_time(file) == before);
    }
    CHECK(std::distance(fs::directory_iterator(r.cache), {}) == 1);
  }
}
