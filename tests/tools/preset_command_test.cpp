// gradus train --preset and the shorthands of keys, as a user types them.
#include "tests/tools/command.h"
#include "train/run_folder.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

/// kTiny without its epochs, so that --epochs can be given.
std::string tiny() {
  std::string t = kTiny;
  const std::string epochs = "--set train.epochs=1 ";
  return t.erase(t.find(epochs), epochs.size());
}
Experiment trained(const std::string& arguments, const std::string& name) {
  const std::string out = scratch() / name;
  const CommandResult r = gradus_command("train" + tiny() + arguments + " --out " + out);
  REQUIRE_MESSAGE(r.code == 0, r.out);
  return RunFolder::open(out).experiment();
}

}  // namespace

TEST_CASE("a preset needs no --out: runs/PRESET-CONTEXT-PE, then -2, -3") {
  const std::string before = "cd '" + (scratch() / ".") + "' &&";
  const std::string command =
      "train" + tiny() + "--preset demo --epochs 1 --context bin,beat --attention linear --pe none";
  for (const char* name :
       {"runs/demo-bin+beat-none", "runs/demo-bin+beat-none-2", "runs/demo-bin+beat-none-3"}) {
    const CommandResult r = gradus_command(command, before);
    REQUIRE_MESSAGE(r.code == 0, r.out);
    CHECK(r.out.ends_with(std::string("run folder: ") + name + "\n"));
    CHECK(fs::exists(fs::path(scratch() / name) / "metrics.json"));
  }
  // What is refused leaves no folder.
  check_refused(command + " --set train.epoch=1", {"did you mean 'train.epochs'?"}, before);
  CHECK_FALSE(fs::exists(scratch() / "runs/demo-bin+beat-none-4"));
}

TEST_CASE("shorthands set their keys") {
  const Experiment e = trained(
      "--preset demo --epochs 2 --seed 7 --context bin,beat --pe rope "
      "--set pe.base=100 --attention softmax --set train.batch=64",
      "shorthands");
  CHECK(e.train.epochs == 2);
  CHECK(e.train.seed == 7);
  CHECK(e.data.context == std::vector<std::string>{"bin", "beat"});
  CHECK(e.pe == "rope");
  CHECK(e.pe_options.values().count("base") == 1);
  CHECK(e.model.attention == "softmax");
  CHECK(e.train.batch == 64);
  CHECK(e.data.inputs == std::vector<std::string>{"melody", "beat", "style"});  // the preset's
}

TEST_CASE("--grid: sixteenths, or the papers' sixteen steps a quarter") {
  const std::string out = scratch() / "grid";
  const CommandResult r = gradus_command(
      "train --preset demo --grid 16 --epochs 1 --quiet --set data.steps=96 --set "
      "data.hop_bars=64 --set data.transpose_down=0 --set data.transpose_up=0 --set "
      "model.d_model=8 --set model.d_ff=8 --set model.heads=2 --set model.layers=1 --set "
      "train.batch=64 --out " +
      out);
  REQUIRE_MESSAGE(r.code == 0, r.out);
  CHECK(RunFolder::open(out).experiment().data.grid == 16);
  CHECK(r.has("windows of 1 bars"));
  check_refused("train --preset demo --grid 8 --out " + (scratch() / "refused"),
                {"data.grid is 4 (sixteenths) or 16 (the papers) steps a quarter, got 8"});
}

TEST_CASE("--pe drops another encoding's options, and keeps its own") {
  const std::string file = scratch().file(
      "rope.toml", "[data]\ncontext = [\"time\"]\n[pe]\nname = \"rope\"\nbase = 50\n");
  CHECK(trained(file + " --epochs 1 --pe sinusoidal", "other").pe_options.values().empty());
  CHECK(trained(file + " --epochs 1 --pe rope", "same").pe_options.values().count("base") == 1);
}

TEST_CASE("a key that is set twice, two experiments, and unknown names are refused") {
  const auto refused = [](const std::string& arguments, const std::vector<std::string>& words) {
    const std::string out = scratch() / "refused";
    check_refused("train" + kTiny + arguments + " --out " + out, words);
    CHECK_FALSE(fs::exists(out));
  };
  refused("--epochs 2", {"--epochs and --set train.epochs=1 both set 'train.epochs'"});
  refused("--pe rope --set pe.name=rope", {"--pe and --set pe.name=rope both set 'pe.name'"});
  refused("--seed -1", {"'train.seed'", "0 to 9007199254740992", "got -1"});
  refused("--seed x", {"'train.seed'", "'x'"});
  refused("--context bim", {"'data.context'", "did you mean 'bin'?"});
  refused("--attention linaer", {"'model.attention'", "did you mean 'linear'?"});
  refused("--pe rop", {"unknown positional encoding 'rop'", "did you mean 'rope'?"});
  refused("--preset dmo", {"unknown preset 'dmo'; known: alibi, ", "did you mean 'demo'?"});
  refused("--preset demo x.toml", {"takes one experiment: 'x.toml' or --preset demo"});
  refused("--data '/nowhere/a, b'", {"/nowhere/a, b"});
  refused("--set train.curriculum_epochs=1 --set train.curriculum_steps=500",
          {"train.curriculum_steps = 500", "data.steps = 18"});
}

TEST_CASE("a relative data folder is kept as an absolute one") {
  fs::create_directories(scratch() / "midi");
  Song song;
  song.tracks.push_back({"melody", 0, {}});
  for (int i = 0; i < 64; ++i)
    song.tracks[0].notes.push_back({i * 480, (i + 1) * 480, 60 + i % 12});
  song.tracks.push_back({"piano", 0, {}});
  for (int i = 0; i < 64; ++i)
    song.tracks[1].notes.push_back({i * 480, (i + 1) * 480, 48 + i % 12, 64, 1});
  for (const char* name : {"a", "b", "c", "d", "e"})
    write_midi(scratch() / (std::string("midi/") + name + ".mid"), song);
  const std::string arguments =
      "train" + tiny() + "--epochs 1 --context time --data midi/../midi/ ";
  const CommandResult r =
      gradus_command(arguments + "--out relative", "cd '" + (scratch() / ".") + "' &&");
  REQUIRE_MESSAGE(r.code == 0, r.out);
  const std::string source = RunFolder::open(scratch() / "relative").experiment().data.source;
  CHECK(fs::path(source).is_absolute());
  CHECK(fs::equivalent(source, scratch() / "midi"));
  CHECK(source.find("..") == std::string::npos);
}
