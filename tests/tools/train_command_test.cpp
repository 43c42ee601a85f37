// gradus train as a user runs it: what it writes, and what it refuses.
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/tools/command.h"
#include "train/run_folder.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

std::string train(const std::string& more, const std::string& out = scratch() / "refused") {
  return "train" + kTiny + more + " --out '" + out + "'";
}
/// A refusal that leaves no folder.
void check_train_refused(const std::string& more, const std::vector<std::string>& words) {
  check_refused(train(more), words);
  CHECK_FALSE(fs::exists(scratch() / "refused"));
}
std::string toml(const std::string& text) { return scratch().file("experiment.toml", text); }

std::vector<nlohmann::json> log_lines(const fs::path& run) {
  std::istringstream in(read_file(run / "log.jsonl"));
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

}  // namespace

TEST_CASE("a run folder holds configuration, environment, log and checkpoints") {
  const fs::path run = scratch().run();
  std::vector<std::string> files{"checkpoints",
                                 "checkpoints/best.safetensors",
                                 "checkpoints/last.safetensors",
                                 "chords.npy",
                                 "environment.json",
                                 "experiment.toml",
                                 "log.jsonl",
                                 "metrics.json",
                                 "samples"};
  const auto metrics = nlohmann::json::parse(read_file(run / "metrics.json"));
  REQUIRE_FALSE(metrics["held_out"].empty());
  for (std::size_t i = 0; i < metrics["held_out"].size() && i < 3; ++i)
    files.push_back("samples/" + metrics["held_out"][i].get<std::string>() + ".mid");
  std::sort(files.begin(), files.end());
  CHECK(files_below(run) == files);
  CHECK(metrics["validation_loss"].is_number());
  REQUIRE(metrics["validation"]["rows"].size() == 5);  // the model and the floors
  CHECK(metrics["validation"]["rows"][0]["onset_f1"].is_number());
  CHECK(metrics["validation"]["rows"][0]["onsets"]["target"].get<int>() > 0);
  CHECK_FALSE(metrics.contains("seconds"));
  const Song sample = read_midi(run / files.back());
  REQUIRE_FALSE(sample.tracks.empty());
  CHECK(sample.tracks[0].name == "melody");
  const auto lines = log_lines(run);
  REQUIRE(lines.size() >= 2);
  CHECK(lines.back()["validation_loss"].is_number());
  CHECK(lines.back()["onset_f1"].is_number());
  CHECK(lines[lines.size() - 2]["epoch"] == 1);
  const auto environment = nlohmann::json::parse(read_file(run / "environment.json"));
  for (const char* key : {"gradus", "compiler", "build", "blas", "blas_core", "threads"})
    CHECK_MESSAGE(environment.contains(key), key);
  // The configuration as run trains the same model.
  const std::string again = scratch() / "again";
  const CommandResult r =
      gradus_command("train " + (run / "experiment.toml").string() + " --quiet --out " + again);
  REQUIRE_MESSAGE(r.code == 0, r.out);
  CHECK(read_file(fs::path(again) / "checkpoints/best.safetensors") ==
        read_file(run / "checkpoints/best.safetensors"));
}

TEST_CASE("every report line says what was measured, the last where the results are") {
  const std::string out = scratch() / "report";
  const CommandResult r = gradus_command(train("", out));
  REQUIRE_MESSAGE(r.code == 0, r.out);
  for (const char* part : {"predicting the mean: ", "held out: ", "\nmodel ", "\nsilent ",
                           "\nall-twelve ", "\nheard-lately ", "\nblock-chords ", "windows: "})
    CHECK_MESSAGE(r.has(part), part);
  CHECK(r.out.ends_with("run folder: " + out + "\n"));
}

TEST_CASE("lists are given in both notations") {
  for (const std::string inputs : {"melody,beat,style", "[\"melody\", \"beat\", \"style\"]"}) {
    const std::string out = scratch() / ("lists" + std::to_string(inputs.size()));
    const CommandResult r = gradus_command(train("--set 'data.inputs=" + inputs + "'", out));
    REQUIRE_MESSAGE(r.code == 0, r.out);
    CHECK(RunFolder::open(out).experiment().data.inputs ==
          std::vector<std::string>{"melody", "beat", "style"});
  }
  check_train_refused("--set 'data.inputs=[\"melody\"'", {"--set data.inputs=[", "array"});
}

TEST_CASE("a wrong encoding is refused before a folder is made") {
  check_train_refused("--set pe.name=rop",
                      {"unknown positional encoding 'rop'", "alibi", "did you mean 'rope'?"});
  check_train_refused("--set pe.name=alibi --set data.context=time",
                      {"the linear core cannot carry 'alibi'", "softmax", "ropepool"});
  check_train_refused("--set pe.name=toeplitz --set model.attention=softmax --set data.context=bin",
                      {"'toeplitz'", "one label", "12"});
  check_train_refused("--set pe.width=3 --set data.context=bin", {"ropepool", "3", "12"});
  check_train_refused("--set pe.widht=3", {"--set pe.widht=3", "did you mean 'pe.width'?"});
  check_train_refused("--set pe.tracks=tiem", {"'tiem'", "bin"});
  check_train_refused("--set model.feature_map=elu", {"unknown feature map 'elu'", "elu1"});
}

TEST_CASE("a wrong experiment is told with file and line, key and nearest spelling") {
  const struct {
    std::string text;
    std::vector<std::string> words;
  } cases[] = {
      {"[train]\nepocs = 3\n", {"experiment.toml:2: ", "'train.epocs'", "'train.epochs'?"}},
      {"[data]\nsteps = 32\n[trian]\nepochs = 1\n", {"experiment.toml:3", "did you mean 'train'?"}},
      {"epochs = 3\n", {"experiment.toml:1: ", "outside of a section", "train"}},
      {"[train]\nepochs = [1,\n", {"experiment.toml:2: "}},
      {"[train]\nepochs = 1\nepochs = 2\n", {"experiment.toml:3: ", "epochs"}},
      {"[train]\n\nepochs = 0\n",
       {"experiment.toml:3: ", "'train.epochs'", "1 to 100000", "got 0"}},
      {"[train]\nlearning_rate = nan\n", {"experiment.toml:2: ", "'train.learning_rate'", "nan"}},
      {"[train]\nepochs = 1979-05-27\n", {"experiment.toml:2: ", "'train.epochs'"}},
      {"[model]\nattention = \"linaer\"\n", {"experiment.toml:2: ", "did you mean 'linear'?"}},
      {"[data]\ncontext = [\"bim\"]\n", {"experiment.toml:2: ", "did you mean 'bin'?"}},
      {"[data]\ncontext = [\"bin\", \"bin\"]\n", {"experiment.toml:2: ", "'bin' twice"}},
      {"[data]\ncontext = []\n", {"data.context is empty", "time"}},
      {"[pe]\nname = \"rope\"\nbsae = 100\n", {"experiment.toml:3: ", "did you mean 'pe.base'?"}},
      {"[pe]\nname = \"ropee\"\n", {"experiment.toml:2: ", "did you mean 'rope'?"}},
      {"[model]\nd_model = 10\nheads = 3\n", {"model.heads = 3 does not divide model.d_model"}},
      {"\xff\xfe\x01", {"experiment.toml:1: "}},
  };
  for (const auto& c : cases)
    check_refused("train " + toml(c.text) + " --out " + (scratch() / "refused"), c.words);
  check_train_refused("--set train.epoch=3",
                      {"--set train.epoch=3", "did you mean 'train.epochs'?"});
  check_train_refused("--set train.epochs=x", {"--set train.epochs=x", "1 to 100000", "'x'"});
  check_train_refused("--set train.epochs", {"write key=value"});
  check_train_refused("--set data.validation_share=0", {"'data.validation_share'", "0.001 to 0.9"});
  check_train_refused("--set data.steps=16", {"a window of 16 steps", "one bar of", "18 steps"});
  check_refused("train nowhere.toml --out x", {"cannot read 'nowhere.toml'"});
  check_refused("train /tmp --out x", {"'/tmp'", "folder"});
}

TEST_CASE("an empty experiment is the defaults") {
  const std::string out = scratch() / "defaults";
  const CommandResult r = gradus_command("train " + toml("") + kTiny + " --out " + out);
  REQUIRE_MESSAGE(r.code == 0, r.out);
}

TEST_CASE("a run folder that stands already or cannot be made is refused") {
  const std::string before = read_file(fs::path(scratch().run()) / "log.jsonl");
  check_refused(train("", scratch().run()), {scratch().run(), "holds a run already", "--out"});
  CHECK(read_file(fs::path(scratch().run()) / "log.jsonl") == before);
  const std::string file = scratch().file("file", "x");
  check_refused(train("", file + "/run"), {"cannot make the run folder", file});
  check_refused(train("", file), {"cannot make the run folder", file});
  check_refused(train("", "/proc/run"), {"cannot make the run folder '/proc/run'"});
  check_refused(train("", ""), {"name is empty"});
}

TEST_CASE("a full disk leaves nothing half-written") {
  const std::string out = scratch() / "full";
  check_refused(train("", out), {"cannot write", "environment.json"}, "ulimit -f 0;");
  CHECK_FALSE(fs::exists(out));
  // Room for the configuration, none for a checkpoint: what is there is whole.
  check_refused(train("", out), {"cannot write", "best.safetensors"}, "ulimit -f 8;");
  CHECK(files_below(out) == std::vector<std::string>{"checkpoints", "chords.npy",
                                                     "environment.json", "experiment.toml",
                                                     "log.jsonl"});
  for (const auto& line : log_lines(out)) CHECK(line.is_object());
  check_refused("harmonize --tune twinkle -o x.mid --run " + out, {out, "no checkpoint yet"});
  check_refused("inspect --run " + out, {out, "no checkpoint yet"});
}
