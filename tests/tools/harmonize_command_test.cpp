// gradus harmonize on MIDI files of all kinds: the melody stays as it is, a second track comes, and
// what is wrong is told in one message.
#include <algorithm>

#include "data/arranger.h"
#include "data/roll.h"
#include "tests/data/pop909_clones.h"
#include "tests/data/scratch_files.h"
#include "tests/tools/command.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

/// Quarters (or other steps) one after another, going up and down.
Song melody(int count, int ticks = 480, TimeSignature meter = {}, int64 length = 0) {
  constexpr int kScale[] = {60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62};
  Song s;
  s.ticks_per_quarter = ticks;
  s.time_signatures = {meter};
  s.tempos = {{0, 600000}};
  SongTrack t{"lead", 73, {}};
  if (length == 0) length = ticks;
  for (int i = 0; i < count; ++i)
    t.notes.push_back({i * length, (i + 1) * length - 1, kScale[i % 14], 80, 3});
  s.tracks = {t};
  return s;
}

std::string midi(const std::string& name, const Song& song) {
  return scratch().file(name, midi_bytes(song));
}
std::string harmonize(const std::string& song, const std::string& more) {
  return "harmonize '" + song + "' --run " + scratch().run() + " -o " + (scratch() / "out.mid") +
         " " + more;
}
/// Runs, reads the result back, checks that the melody is kept note for note.
Song harmonized(const Song& song, const std::string& more) {
  const CommandResult r = gradus_command(harmonize(midi("in.mid", song), more));
  REQUIRE_MESSAGE(r.code == 0, r.out);
  CHECK(r.out.ends_with(scratch() / "out.mid\n"));
  const Song out = read_midi(scratch() / "out.mid");
  REQUIRE(out.tracks.size() == 2);
  CHECK(out.tracks[0].name == song.tracks[0].name);
  CHECK(out.tracks[0].program == song.tracks[0].program);
  CHECK(with_ticks(out, song.ticks_per_quarter).tracks[0].notes == song.tracks[0].notes);
  CHECK(out.tempos == song.tempos);
  CHECK(out.tracks[1].name == "accompaniment");
  const auto& notes = out.tracks[1].notes;
  CHECK(std::all_of(notes.begin(), notes.end(), [&](const Note& n) {
    return n.channel != out.tracks[0].notes[0].channel && n.pitch >= 36 && n.pitch <= 72 &&
           n.start % (out.ticks_per_quarter / kStepsPerQuarter) == 0;
  }));
  return out;
}
// A model that hears nothing yet: a low threshold makes it play.
const std::string kChords = "--threshold 0.02 --chords 'C | F G | C' ";

}  // namespace

TEST_CASE("the melody is kept note for note, whatever the ticks of its file") {
  for (const int ticks : {480, 96, 100, 25, 1023, 1024, 32764}) {
    CAPTURE(ticks);
    const Song out = harmonized(melody(8, ticks), kChords);
    CHECK(out.tracks[1].notes.size() > 0);
    CHECK(out.ticks_per_quarter % ticks == 0);
  }
  // No tick count holds both: times are rounded.
  CHECK(gradus_command(harmonize(midi("in.mid", melody(8, 32767)), kChords)).code == 0);
  CHECK(read_midi(scratch() / "out.mid").ticks_per_quarter == 480);
}

TEST_CASE("meters, a single note, a long melody") {
  CHECK(harmonized(melody(1), kChords).tracks[1].notes.size() > 0);
  harmonized(melody(12, 480, {0, 3, 4}), "--chords 'C | F . G | C'");
  harmonized(melody(24, 480, {0, 6, 8}, 240), "--chords 'C | F G | C'");
  harmonized(melody(12, 480, {0, 2, 2}), "--chords 'C G'");
  harmonized(melody(20, 480, {0, 5, 4}), "--chords 'C . . G .'");
  const Song out = harmonized(melody(8000), kChords);  // 2,000 bars
  CHECK(out.end() <= 2000 * 4 * 480);
  CHECK(out.tracks[1].notes.back().start > 1900 * 4 * 480);
}

TEST_CASE("a pickup in a meter of its own is the end of the first bar") {
  // One quarter before the bar line of 3/4: the accompaniment may begin there, not before it.
  Song s = melody(13);
  s.time_signatures = {{0, 1, 4}, {480, 3, 4}};
  const CommandResult r =
      gradus_command(harmonize(midi("pickup.mid", s), "--threshold 0.02 --chords 'C | G . C'"));
  REQUIRE_MESSAGE(r.code == 0, r.out);
  CHECK(r.has("all of it is read in 3/4"));
  CHECK(r.has("pickup: 5 bars, 13 melody notes"));
  const Song out = read_midi(scratch() / "out.mid");
  CHECK(out.tracks[0].notes == s.tracks[0].notes);
  CHECK(out.time_signatures == s.time_signatures);
  CHECK(out.end() <= 13 * 480);

  // The pickup of a bundled tune: no chords in it.
  const CommandResult t = gradus_command("harmonize --tune amazing_grace --chords 'G | C' --run " +
                                         scratch().run() + " -o " + (scratch() / "out.mid"));
  REQUIRE_MESSAGE(t.code == 0, t.out);
  CHECK(read_midi(scratch() / "out.mid").tracks[0].notes ==
        arrange(bundled_tune("amazing_grace")).tracks[0].notes);
}

TEST_CASE("format 0, several tracks, drums, program") {
  // A header of format 0, then one track: note on, off after a quarter.
  const std::string zero(
      "MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\x0d\0\x90\x3c\x40\x83\x60\x3c\0\0"
      "\xff\x2f\0",
      14 + 8 + 12);
  std::string bytes = zero;
  bytes[21] = static_cast<char>(zero.size() - 22);
  const CommandResult r = gradus_command(harmonize(scratch().file("zero.mid", bytes), kChords));
  REQUIRE_MESSAGE(r.code == 0, r.out);
  CHECK(read_midi(scratch() / "out.mid").tracks[0].notes == std::vector<Note>{{0, 480, 60, 64, 0}});

  Song s = melody(8);
  s.tracks.insert(s.tracks.begin(), {"kit", 0, {{0, 10, 36, 90, 9}}});
  const std::string both = midi("both.mid", s);
  CHECK(gradus_command(harmonize(both, kChords + "--program 48")).code == 0);
  Song out = read_midi(scratch() / "out.mid");
  CHECK(out.tracks[0].notes == s.tracks[1].notes);  // the first that is no drum kit
  CHECK(out.tracks[1].program == 48);
  CHECK(gradus_command(harmonize(both, kChords + "--track kit")).code == 0);
  CHECK(read_midi(scratch() / "out.mid").tracks[0].notes == s.tracks[0].notes);
  check_refused(harmonize(both, kChords + "--track led"),
                {"no track 'led'", "kit, lead", "did you mean 'lead'?"});
  s.tracks.pop_back();
  check_refused(harmonize(midi("kit.mid", s), kChords), {"kit.mid", "drums only"});
}

TEST_CASE("chords come from words or from a file; where they are missing, it says how") {
  const std::string song = midi("song.mid", melody(16));
  CHECK(gradus_command(harmonize(song, kChords)).code == 0);
  const std::string from_words = read_file(scratch() / "out.mid");
  const std::string file = scratch().file("chords.txt", "# all of it\nC | F G |\nC\n");
  CHECK(gradus_command(harmonize(song, "--threshold 0.02 --chords " + file)).code == 0);
  CHECK(read_file(scratch() / "out.mid") == from_words);

  check_refused(harmonize(song, ""), {"needs the chords", "--chords \"C | F G | C\"", "FILE"});
  // An encoding that reads no labels needs no chords.
  const std::string plain = scratch() / "plain";
  CHECK(gradus_command("train" + kTiny + "--set pe.name=none --out " + plain).code == 0);
  CHECK(gradus_command("harmonize " + song + " --run " + plain + " -o " + (scratch() / "out.mid"))
            .code == 0);
  check_refused(harmonize(song, "--chords 'C | Fmj'"), {"--chords:1:5", "'mj'", "'maj'?"});
  check_refused(harmonize(song, "--chords 'H'"), {"--chords:1:1", "'H' is no chord"});
  check_refused(harmonize(song, "--chords nowhere.txt"),
                {"'nowhere.txt' is no chord", "nor is there a file 'nowhere.txt'"});
  check_refused(harmonize(song, "--chords '|'"), {"--chords"});
  // Three beats a bar in a song of four.
  check_refused(harmonize(song, "--chords 'C . G | F'"),
                {"3 symbols cannot share a bar of 4 beats"});
  check_refused(harmonize(song, "--chords " + scratch().file("empty", "")), {"no chord at all"});
  check_refused(harmonize(song, "--chords /tmp"), {"'/tmp'", "folder"});
}

TEST_CASE("wrong MIDI files are refused with the place") {
  const std::string good = midi_bytes(melody(8));
  check_refused(harmonize(scratch().file("cut.mid", good.substr(0, good.size() / 2)), kChords),
                {"cut.mid: byte ", "the file ends"});
  check_refused(harmonize(scratch().file("empty", ""), kChords), {"empty: byte 0", "MThd"});
  check_refused(harmonize(scratch().file("text.mid", "C | F G | C, all of it"), kChords),
                {"text.mid: byte 0", "no MIDI file"});
  Song none = melody(8);
  none.tracks.clear();
  check_refused(harmonize(midi("none.mid", none), kChords), {"none.mid", "no notes"});
  check_refused(harmonize("/tmp", kChords), {"'/tmp'", "folder"});
  check_refused(harmonize("nowhere.mid", kChords), {"'nowhere.mid'"});
  check_refused(harmonize(midi("meter.mid", melody(8, 480, {0, 4, 64})), kChords),
                {"4/64", "16th grid"});
  // One note in three days' time, in bars of 255 whole notes.
  Song late = melody(2, 480, {0, 255, 1});
  late.tracks[0].notes[1] = {int64{1} << 27, (int64{1} << 27) + 1, 60, 80, 3};
  check_refused(harmonize(midi("late.mid", late), "--chords C"), {"late"});
}

TEST_CASE("wrong options are refused") {
  const std::string song = midi("song.mid", melody(16));
  check_refused(harmonize(song, kChords + "--threshold 2"), {"--threshold", "at most 1", "'2'"});
  check_refused(harmonize(song, "--chords C --threshold 0"), {"--threshold", "above 0"});
  check_refused(harmonize(song, "--chords C --threshold nan"), {"--threshold", "'nan'"});
  check_refused(harmonize(song, "--chords C --threshold x"), {"--threshold", "'x'"});
  check_refused(harmonize(song, kChords + "--program 128"), {"--program", "0 to 127", "'128'"});
  check_refused(harmonize(song, kChords + "--style baladd"), {"did you mean 'ballad'?"});
  check_refused(harmonize(song, kChords + "--style ballad"), {"without the input \"style\""});
  check_refused(harmonize(song, kChords + "--tune twinkle"), {"one melody"});
  const std::string tune = " --run " + scratch().run() + " -o " + (scratch() / "out.mid");
  check_refused("harmonize --tune twinkel" + tune, {"did you mean 'twinkle'?"});
  check_refused("harmonize --tune twinkle --track melody" + tune, {"--track"});
}

TEST_CASE("chords beside the file, the bridge, the song's own accompaniment") {
  const ScratchFiles files;
  const std::string whole =
      files
          .midi("sub/song.mid", song_of({scale("piano", 16, 48, 1), scale("BRIDGE", 3, 64, 2),
                                         scale("Melody", 16, 72)}))
          .string();
  files.file("sub/song.chords", "C | G\n");
  const auto run = [&](const std::string& more) {
    const CommandResult r = gradus_command(harmonize(whole, "--threshold 0.02 " + more));
    REQUIRE_MESSAGE(r.code == 0, r.out);
    CHECK(r.has("song: 4 bars, 16 melody notes, 3 bridge notes"));
    CHECK(r.has("16 in the target"));
    CHECK(r.has("by the rule"));
    return read_midi(scratch() / "out.mid");
  };
  const Song song = run("");
  REQUIRE(song.tracks.size() == 3);
  CHECK(song.tracks[0].notes == scale("Melody", 16, 72).notes);
  CHECK(song.tracks[1].name == "BRIDGE");
  CHECK(song.tracks[2].name == "accompaniment");
  const Song both = run("--with-target");
  REQUIRE(both.tracks.size() == 4);
  CHECK(both.tracks[2].notes == song.tracks[2].notes);
  CHECK(both.tracks[3].name == "target");
  CHECK(both.tracks[3].notes.size() == 16);
  CHECK(both.tracks[3].notes[0].channel != both.tracks[2].notes[0].channel);

  const std::string data = "harmonize --data " + files.root().string() + " --run " +
                           scratch().run() + " -o " + (scratch() / "out.mid") +
                           " --threshold 0.02 --song ";
  CHECK(gradus_command(data + "sub/song").code == 0);
  CHECK(read_midi(scratch() / "out.mid").tracks == song.tracks);
  check_refused(data + "sub/sung", {"no song 'sub/sung'", "did you mean 'sub/song'?"});
  check_refused(harmonize(midi("bare.mid", melody(8)), kChords + "--with-target"),
                {"'bare' has no accompaniment"});
  files.file("sub/song.chords", "C | H\n");
  check_refused(data + "sub/song", {"song.chords:1:5", "'H' is no chord"});
}

TEST_CASE("a song of POP909, on the papers' grid, with a run trained on MIDI files") {
  const ScratchFiles files;
  for (const char* name : {"a", "b", "c"}) {
    files.midi(std::string(name) + ".mid",
               song_of({scale("melody", 8, 72), scale("bridge", 8, 64, 1), scale("p", 8, 48, 2)}));
    files.file(std::string(name) + ".chords", "C | Am\n");
  }
  files.file("broken.mid", "no music");
  const std::string run = scratch() / "papers";
  const CommandResult trained = gradus_command(
      "train" + kTiny + "--data " + files.root().string() +
      " --set data.grid=16 --set data.steps=128 --set 'data.inputs=[\"melody\", \"bridge\", "
      "\"beat\"]' --out " +
      run);
  REQUIRE_MESSAGE(trained.code == 0, trained.out);
  const PopClones clones;
  const std::string command = "harmonize --data " + clones.root().string() + " --run " + run +
                              " -o " + (scratch() / "out.mid") + " --threshold 0.02 --song ";
  const CommandResult r = gradus_command(command + "1 --with-target");
  REQUIRE_MESSAGE(r.code == 0, r.out);
  CHECK(r.has("001: "));
  CHECK(r.has("1 bridge notes"));
  const Song song = read_midi(scratch() / "out.mid");
  REQUIRE(song.tracks.size() == 4);
  CHECK(song.tracks[0].name == "melody");
  CHECK(song.tracks[0].notes.size() == 40);
  CHECK(song.tracks[1].name == "bridge");
  CHECK(song.tracks[3].notes.size() == 40);
  // Labels begin half a quarter behind the first note: there is the bar line.
  CHECK(song.tracks[0].notes[0].start % 1920 == 1920 - 240);
  CHECK(song.tracks[0].notes[0].start == song.tracks[3].notes[0].start);
  CHECK(song.tempos[0].microseconds_per_quarter == 60000000 / 90);
  check_refused(command + "2", {"there is no song 002"});
  check_refused(command + "x", {"'x' is no song of POP909"});
  check_refused(command + "1 --track MELODY", {"--track"});
  fs::remove_all(clones.root() / "structurePE");
  check_refused(command + "1", {"no folder 'structurePE'"});

  // No bridge is silence; 3/4 on a model of 4/4 works.
  CHECK(gradus_command("harmonize " + midi("three.mid", melody(12, 480, {0, 3, 4})) + " --run " +
                       run + " --chords 'C | G' -o " + (scratch() / "out.mid"))
            .code == 0);
  CHECK(gradus_command("harmonize --tune twinkle --run " + run + " -o " + (scratch() / "out.mid"))
            .code == 0);
}

TEST_CASE("streaming: refused for what looks ahead, else the same music") {
  const std::string tune =
      "harmonize --tune amazing_grace --threshold 0.02 -o " + (scratch() / "out.mid") + " --run ";
  CHECK(gradus_command(tune + scratch().run()).code == 0);
  const std::string offline = read_file(scratch() / "out.mid");
  const CommandResult r = gradus_command(tune + scratch().run() + " --stream");
  REQUIRE_MESSAGE(r.code == 0, r.out);
  CHECK(r.has("bar by bar"));
  CHECK(read_file(scratch() / "out.mid") == offline);

  const std::string rep = scratch() / "rep", whole = scratch() / "whole";
  REQUIRE(gradus_command("train" + kTiny + "--context rep --out " + rep).code == 0);
  CHECK(gradus_command(tune + rep).has("context rep looks ahead: rank of the chord"));
  check_refused(tune + rep + " --stream", {"context rep looks ahead", "rank of the chord"});
  REQUIRE(gradus_command("train" + kTiny + "--set model.causal=false --out " + whole).code == 0);
  CHECK(gradus_command(tune + whole).has("model.causal = false"));
  check_refused(tune + whole + " --stream", {"model.causal = false"});
}

TEST_CASE(
    "a model that hears its past plays by itself: seeds, streaming, a melody without chords") {
  const std::string past = scratch() / "past", out = scratch() / "out.mid";
  REQUIRE(gradus_command("train" + kTiny +
                         "--context time --pe rope --set data.inputs=melody,past,past-bar "
                         "--set model.coupled=true --set train.past_noise=0.1 --out " +
                         past)
              .code == 0);
  const std::string command = "harmonize '" + midi("bare.mid", melody(30)) + "' -o " + out;
  const std::string run = command + " --run " + past;
  const CommandResult first = gradus_command(run);
  REQUIRE_MESSAGE(first.code == 0, first.out);
  CHECK(first.has("played at temperature 1, seed 1"));
  const std::string one = read_file(out);
  REQUIRE(gradus_command(run + " --seed 2").code == 0);
  CHECK(read_file(out) != one);
  const CommandResult streamed = gradus_command(run + " --stream --seed 1");
  CHECK(streamed.has("bar by bar"));
  CHECK(read_file(out) == one);
  CHECK(gradus_command(run + " --temperature 0.5").has("temperature 0.5, pivot"));
  check_refused(run + " --temperature 11", {"--temperature", "0 to 10", "'11'"});
  check_refused(command + " --chords C --run " + scratch().run() + " --seed 2",
                {"--seed belongs to a model that hears its past", "reads melody, beat"});

  const CommandResult table =
      gradus_command("evaluate --run " + past + " --seeds 2 --time-steps 16 --set decode.cut=0.5");
  REQUIRE_MESSAGE(table.code == 0, table.out);
  for (const char* words : {"seed 2", "true past", "no onset below 0.5", "nats a cell, given the",
                            "16 steps: ", "all at once; playing, "})
    CHECK_MESSAGE(table.has(words), table.out);
}

TEST_CASE("a checkpoint that does not fit is refused") {
  const fs::path other = scratch() / "other";
  fs::copy(scratch().run(), other, fs::copy_options::recursive);
  const fs::path best = other / "checkpoints/best.safetensors";
  const std::string whole = read_file(best), toml = read_file(other / "experiment.toml");
  const std::string command =
      "harmonize --tune twinkle -o " + (scratch() / "out.mid") + " --run " + other.string();
  std::string wide = toml;
  wide.replace(wide.find("d_model = 8"), 11, "d_model = 16");
  write_file(other / "experiment.toml", wide);
  check_refused(command, {"does not fit module 'model'", "in the model", "in the state",
                          "checkpoint: " + best.string()});
  check_refused("inspect --run " + other.string(), {"does not fit", "checkpoint: "});
  write_file(other / "experiment.toml", toml);
  write_file(best, "");
  check_refused(command, {best.string(), "0 bytes"});
  write_file(best, whole.substr(0, whole.size() / 2));
  check_refused(command, {best.string()});
  write_file(best, "{\"no\": 1} and so on");
  check_refused(command, {best.string()});
  fs::remove(best);
  check_refused(command, {other.string(), "no checkpoint yet"});
  fs::create_directory(best);
  check_refused(command, {best.string(), "folder"});
  check_refused("harmonize --tune twinkle -o x.mid --run /nowhere", {"no run folder '/nowhere'"});
  check_refused("harmonize --tune twinkle -o x.mid --run /tmp", {"no experiment.toml"});
}

TEST_CASE("a full disk leaves the old file, or none") {
  const fs::path folder = scratch() / "disk";
  fs::create_directory(folder);
  const std::string command =
      "harmonize --tune twinkle --run " + scratch().run() + " -o " + folder.string() + "/out.mid";
  check_refused(command, {"cannot write", "out.mid"}, "ulimit -f 0;");
  CHECK(files_below(folder).empty());
  write_file(folder / "out.mid", "old");
  check_refused(command, {"cannot write", "out.mid"}, "ulimit -f 0;");
  CHECK(files_below(folder) == std::vector<std::string>{"out.mid"});
  CHECK(read_file(folder / "out.mid") == "old");
  check_refused("harmonize --tune twinkle -o /proc/out.mid --run " + scratch().run(),
                {"cannot write '/proc/out.mid'"});
  check_refused("harmonize --tune twinkle -o /tmp --run " + scratch().run(), {"'/tmp'", "folder"});
}
