// `gradus evaluate`: a run beside the floors, one floor alone, and what it refuses.
#include <nlohmann/json.hpp>

#include "data/midi.h"
#include "tests/data/pop909_clones.h"
#include "tests/tools/command.h"

using namespace gradus;

namespace {

const std::string kFloors[] = {"silent", "all-twelve", "heard-lately", "block-chords"};

/// Song 1 for training, song 2 for tests.
const PopClones& clones() {
  static const PopClones c;
  static const bool done = [] {
    c.add_song(2);
    c.list("startpos.csv", "ID,Position,Beats\n1,8,0.5\n2,0,0\n");
    c.list("split.csv", "ID,Split\n1,train\n2,test\n");
    return true;
  }();
  REQUIRE(done);
  return c;
}
std::string on_clones() { return " --no-cache --data " + clones().root().string(); }

/// A run like scratch().run() with other settings.
std::string run_with(const std::string& name, const std::string& settings) {
  const std::string path = scratch() / name;
  const CommandResult r = gradus_command("train" + kTiny + settings + " --out " + path);
  REQUIRE_MESSAGE(r.code == 0, r.out);
  return path;
}

}  // namespace

TEST_CASE("a run and the floors, on what it was trained on") {
  const std::string csv = scratch() / "table.csv", json = scratch() / "table.json";
  const CommandResult r =
      gradus_command("evaluate --run " + scratch().run() + " --csv " + csv + " --json " + json);
  CAPTURE(r.out);
  REQUIRE(r.code == 0);
  for (const char* words :
       {"data: the bundled tunes", "windows of 1 bars", "split validation", "from bar lines on",
        "encoding ropepool, context bin", "decoding: threshold", "best onset F1 on validation",
        "\nmodel ", "NDD: missing", "hear a window from its first tick on"})
    CHECK_MESSAGE(r.has(words), words);
  for (const std::string& f : kFloors) CHECK(r.has("\n" + f + " "));
  // A model of one epoch is no match for the floors.
  CHECK(r.has("reached by"));
  CHECK(r.has(" shows nothing"));
  const auto table = nlohmann::json::parse(read_file(json));
  REQUIRE(table["rows"].size() == 5);
  CHECK(table["rows"][0]["name"] == "model");
  CHECK(table["split"] == "validation");
  CHECK(table["bars"] == 1);
  CHECK(table["rows"][1]["cs"] == 0);
  CHECK(table["rows"][4]["onset_f1"] > 0);
  const std::string lines = read_file(csv);
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 6);
  CHECK(lines.starts_with("name,split,bars,windows,threshold,cs,"));
  // The same again, and with other windows.
  CHECK(gradus_command("evaluate --run " + scratch().run()).out == r.out);
  const CommandResult four =
      gradus_command("evaluate --split train --bars 4 --threshold 0.5 --run " + scratch().run());
  CHECK(four.code == 0);
  CHECK(four.has("windows of 4 bars"));
  CHECK(four.has("split train"));
  CHECK(four.has("threshold 0.5,"));
  CHECK(four.has("as given with --threshold"));
  const CommandResult other =
      gradus_command("evaluate --set decode.polyphony=1 --set decode.sustain_threshold=0.9 --run " +
                     scratch().run());
  CAPTURE(other.out);
  CHECK(other.code == 0);
  CHECK(other.has("sustain 0.9 of the onset's probability"));
  CHECK(other.has("1 notes at once"));
}

TEST_CASE("a run on other data, whose chords it knows") {
  const CommandResult r =
      gradus_command("evaluate --run " + scratch().run() + on_clones() + " --bars 2");
  CAPTURE(r.out);
  CHECK(r.code == 0);
  CHECK(r.has("5 windows of 2 bars in 1 of 1 pieces of split test, side by side"));
}

TEST_CASE("a context that looks ahead is marked") {
  const std::string run = run_with("rep", "--set data.context=rep --set pe.name=rope");
  const CommandResult r = gradus_command("evaluate --run " + run);
  CAPTURE(r.out);
  CHECK(r.code == 0);
  CHECK(r.has("NOTE: context rep looks ahead"));
  const std::string ahead = run_with("ahead", "--set model.causal=false");
  CHECK(gradus_command("evaluate --run " + ahead).has("NOTE: the model looks ahead"));
}

TEST_CASE("a run of the papers' kind: their windows, sounding cells of all tracks") {
  const PopClones songs;
  songs.add_song(2);
  songs.add_song(3);
  songs.list("startpos.csv", "ID,Position,Beats\n1,8,0.5\n2,0,0\n3,0,0\n");
  songs.list("split.csv", "ID,Split\n1,train\n2,validation\n3,test\n");
  const std::string run =
      run_with("papers",
               "--no-cache --data " + songs.root().string() +
                   " --set data.grid=16 --set data.windows=papers --set data.steps=512 --set "
                   "data.onsets=false --set data.targets=melody,bridge,piano --set decode.merge=2");
  const CommandResult r = gradus_command("evaluate --no-cache --run " + run);
  CAPTURE(r.out);
  CHECK(r.code == 0);
  CHECK(r.has("1 windows of 8 bars in 1 of 1 pieces of split test, those of the papers"));
  CHECK(r.has("gaps of 2 closed"));
  check_refused("evaluate --no-cache --bars 2 --run " + run, {"8, 16, 24, ... 64 bars", "got 2"});
  check_refused("train --out " + (scratch() / "refused") + kTiny +
                    "--set data.onsets=false --set decode.fill_quarters=true",
                {"decode.fill_quarters needs a model with onsets, but data.onsets = false"});
}

TEST_CASE("one floor alone: the papers' windows on POP909, bars elsewhere") {
  for (const std::string& f : kFloors) {
    const CommandResult r =
        gradus_command("evaluate --baseline " + f + on_clones() + " --split test --bars 8");
    CAPTURE(r.out);
    CHECK(r.code == 0);
    CHECK(r.has("1 windows of 8 bars in 1 of 1 pieces of split test, those of the papers"));
    CHECK(r.has("\n" + f + " "));
    CHECK_FALSE(r.has("\nmodel"));
    CHECK_FALSE(r.has(" shows nothing"));
  }
  const CommandResult tunes = gradus_command("evaluate --baseline silent");
  CHECK(tunes.code == 0);
  CHECK(tunes.has("windows of 8 bars"));
  CHECK(tunes.has("split validation"));
}

TEST_CASE("a MIDI file without chords: floors, and no run that needs chords") {
  const std::string file = scratch() / "plain.mid";
  write_midi(file, PopClones::midi_song(41));
  const std::string data = " --no-cache --bars 2 --data " + file;
  const CommandResult r = gradus_command("evaluate --baseline block-chords" + data);
  CAPTURE(r.out);
  CHECK(r.code == 0);
  CHECK(r.has("split train"));
  CHECK(r.has("chords: none is known"));
  check_refused("evaluate --run " + scratch().run() + data,
                {"trained with context bin: it needs chords", "split train", "plain.mid"});
  const std::string styled =
      run_with("styled", "--set data.context=time --set 'data.inputs=melody,style'");
  check_refused("evaluate --run " + styled + data, {"style of the accompaniment", "plain.mid"});
  const std::string time = run_with("time", "--set data.context=time --set pe.name=rope");
  CHECK(gradus_command("evaluate --run " + time + data).code == 0);
}

TEST_CASE("chords that the run's data had in no key are refused") {
  const std::string run = run_with("key", "--set data.context=key --set pe.name=rope");
  clones().add_song(3);
  clones().label(3, "finalized_chord.txt", "C:maj/3 [0, 4, 7] 4 4\nC:aug(9) [0, 2, 4, 8] 0 36\n");
  clones().list("startpos.csv", "ID,Position,Beats\n2,0,0\n3,0,0\n");
  clones().list("split.csv", "ID,Split\n2,train\n3,test\n");
  check_refused("evaluate --run " + run + on_clones() + " --bars 1",
                {"no song of the data set has the chord on", "trained on the bundled tunes"});
}

TEST_CASE("what is wrong is one clear message") {
  const std::string run = scratch().run();
  check_refused("evaluate", {"one of --run RUN and --baseline NAME"});
  check_refused("evaluate --baseline silent --run " + run,
                {"one of --run RUN and --baseline NAME"});
  check_refused("evaluate --baseline silnt",
                {"unknown floor 'silnt'", "heard-lately", "did you mean 'silent'?"});
  check_refused("evaluate --baseline silent --threshold 0.2", {"--threshold belongs to --run"});
  check_refused("evaluate --baseline silent --set decode.merge=1", {"--set belongs to --run"});
  check_refused("evaluate --baseline silent --split tests",
                {"unknown split 'tests'", "did you mean 'test'?"});
  check_refused("evaluate --baseline silent --split test",
                {"no pieces in split test", "train (", "validation ("});
  check_refused("evaluate --baseline silent --bars 4000",
                {"no piece of split validation holds a window of 4000 bars; the longest has"});
  check_refused("evaluate --baseline silent --bars 0", {"--bars takes a whole number from 1"});
  check_refused("evaluate --baseline silent --data /nowhere", {"/nowhere"});
  check_refused("evaluate --run /nowhere", {"there is no run folder '/nowhere'"});
  check_refused("evaluate --set train.epochs=2 --run " + run, {"[decode]", "train.epochs=2"});
  check_refused("evaluate --set decode.polyfony=2 --run " + run,
                {"decode.polyfony", "did you mean 'decode.polyphony'?"});
  check_refused("evaluate --threshold 2 --run " + run, {"--threshold is a probability", "'2'"});
  check_refused("evaluate --csv /nowhere/a.csv --run " + run, {"/nowhere/a.csv"});
  const std::string untrained = scratch() / "untrained";
  std::filesystem::create_directories(untrained + "/checkpoints");
  for (const char* file : {"experiment.toml", "environment.json", "chords.npy"})
    std::filesystem::copy(run + "/" + file, untrained + "/" + file);
  check_refused("evaluate --run " + untrained, {"has no checkpoint yet"});
}
