// A study's file becomes cells: every combination once, those of the same configuration as one;
// hashes stay; what is wrong is told with its place.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/error_text.h"
#include "train/study/study.h"

using namespace gradus;
using gradus::testing::has, gradus::testing::message;

namespace {

using Words = std::vector<std::string>;

std::vector<StudyCell> cells(const std::string& text, const std::string& preset = "") {
  return study_cells(Study::parse(text, "s.toml", preset));
}
std::string refusal(const std::string& text, const std::string& preset = "") {
  return message<ConfigError>([&] { cells(text, preset); });
}

const std::string kName = "[study]\nname = \"s\"\n";
const std::string kGrid = kName + R"([axes.encoding]
rope_b.pe = {name = "rope", variant = "B"}
none.pe = {name = "none"}
[axes.context]
TIME.data = {context = ["time"]}
BIN.data = {context = ["bin"]}
[axes.seed]
key = "train.seed"
values = [1, 2]
)";

}  // namespace

TEST_CASE("no axis: one cell, of the defaults") {
  const auto all = cells(kName);
  REQUIRE(all.size() == 1);
  CHECK(all[0].values.empty());
  CHECK(all[0].experiment.to_toml() == Experiment().to_toml());
}

TEST_CASE("every combination, in the order of the file, the last axis fastest") {
  const auto all = cells(kGrid);
  std::vector<std::vector<Words>> expected{
      {{"rope_b"}, {"TIME"}, {"1"}},      {{"rope_b"}, {"TIME"}, {"2"}},
      {{"rope_b"}, {"BIN"}, {"1"}},       {{"rope_b"}, {"BIN"}, {"2"}},
      {{"none"}, {"TIME", "BIN"}, {"1"}}, {{"none"}, {"TIME", "BIN"}, {"2"}}};
  REQUIRE(all.size() == expected.size());
  std::set<std::string> hashes;
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].values == expected[i]);
    CHECK(hashes.insert(all[i].hash).second);
    CHECK(all[i].hash == configuration_hash(all[i].experiment));
  }
  CHECK(all[3].experiment.pe == "rope");
  CHECK(all[3].experiment.data.context == Words{"bin"});
  CHECK(all[3].experiment.train.seed == 2);
  CHECK(all[5].experiment.data.context == Words{"time"});
}

TEST_CASE("values that say the default, or twice the same, are one cell") {
  const auto all = cells(kName + R"([axes.encoding]
a.pe = {name = "rope"}
b.pe = {name = "rope", variant = "A"}
c.pe = {name = "rope", variant = "C"}
d.pe = {name = "rope", variant = "A", base = 10000}
)");
  REQUIRE(all.size() == 2);
  CHECK(all[0].values == std::vector<Words>{{"a", "b", "d"}});
}

TEST_CASE("what is left out, is; lists and any key are axes") {
  const std::string text = kGrid + "[without.first]\nencoding = \"rope_b\"\nseed = 2\n";
  CHECK(cells(text).size() == 4);
  CHECK(cells(kGrid + "[without.first]\nencoding = [\"rope_b\", \"none\"]\ncontext = \"BIN\"\n")
            .size() == 4);
  const auto maps = cells(kName +
                          "[axes.map]\nkey = \"model.feature_map\"\nvalues = [\"elu1\", "
                          "\"relu\"]\n[axes.rate]\nkey = \"train.learning_rate\"\nvalues = "
                          "[1e-4, 0.25, 1]\n");
  REQUIRE(maps.size() == 6);
  CHECK(maps[4].values == std::vector<Words>{{"relu"}, {"0.25"}});
  CHECK(maps[4].experiment.train.learning_rate == 0.25);
}

TEST_CASE("presets set keys, begin with another experiment, and have axes of their own") {
  const std::string text = kGrid + R"([base]
experiment = "demo"
[base.train]
epochs = 7
[presets.small]
experiment = "small"
test_bars = [4, 8]
note = "smaller"
[presets.small.axes.seed]
key = "train.seed"
values = [5]
[presets.large.model]
d_model = 256
)";
  const Study small = Study::parse(text, "s.toml", "small");
  CHECK(small.preset == "small");
  CHECK(small.note == "smaller");
  CHECK(small.test_bars == std::vector<int64>{4, 8});
  const auto s = study_cells(small, "DIR");
  REQUIRE(s.size() == 3);
  CHECK(s[0].experiment.train.epochs == 7);
  CHECK(s[0].experiment.train.seed == 5);
  CHECK(s[0].experiment.model.d_model == 128);
  CHECK(s[0].experiment.data.source == "DIR");
  const auto large = cells(text, "large");
  REQUIRE(large.size() == 6);
  CHECK(large[0].experiment.model.d_model == 256);
  CHECK(large[0].experiment.data.inputs == Words{"melody", "beat", "style"});
  CHECK(
      has(refusal(text), "this study has presets; choose one of them with --preset: large, small"));
  CHECK(has(refusal(text, "smal"),
            "unknown preset 'smal'; known: large, small; did you mean 'small'?"));
  CHECK(has(refusal(kGrid, "small"), "this study has no presets, got 'small'"));
}

TEST_CASE("a hash is the same on every machine, whatever the folder of the data") {
  const Experiment usual;
  // Rows that were made go by these: where one changes, they are lost.
  CHECK(configuration_hash(usual) == "cbf29ce484222325");
  const auto with = [](const Words& settings) {
    return configuration_hash(Experiment::parse("", "test", settings));
  };
  CHECK(with({"data.source=\"/a\""}) == with({"data.source=\"/b/c\""}));
  CHECK(with({"data.source=\"/a\""}) != configuration_hash(usual));
  CHECK(with({"train.save_every=3", "train.log_every=7"}) == configuration_hash(usual));
  CHECK(with({"pe.name=rope", "pe.variant=A"}) == with({"pe.name=rope"}));
  CHECK(with({"pe.name=none", "data.context=rep"}) == with({"pe.name=none"}));
  std::set<std::string> different{configuration_hash(usual)};
  for (const char* setting :
       {"train.seed=2", "train.learning_rate=1e-3", "model.d_model=128", "pe.name=rope",
        "data.context=time", "decode.merge=1", "pe.deviation=0.25", "train.epochs=11"})
    CHECK_MESSAGE(different.insert(with({setting})).second, setting);
  CHECK(with({"train.seed=2", "model.d_model=128", "pe.name=rope", "pe.variant=C"}) ==
        "d41ad1f77c9f54c5");
}

TEST_CASE(
    "stored hashes rest on these defaults: one that changes makes old rows mean other things") {
  const Experiment stored = Experiment::parse(R"(
[data]
source = ""
grid = 4
align = "papers"
windows = "bars"
steps = 128
hop_bars = 4
validation_share = 0.2
transpose_down = 3
transpose_up = 3
inputs = ["melody", "beat"]
input_lowest = 43
input_highest = 102
context = ["bin"]
targets = ["piano"]
target_lowest = 36
target_highest = 72
onsets = true
[model]
d_model = 64
layers = 2
heads = 4
d_ff = 128
dropout = 0.1
norm = "pre"
activation = "relu"
attention = "linear"
feature_map = "elu1"
normaliser = "sum"
causal = true
[pe]
name = "ropepool"
shared = "all"
[train]
seed = 1
epochs = 10
batch = 8
accumulate = 1
optimizer = "adam"
learning_rate = 0.002
weight_decay = 0.0
momentum = 0.9
clip = 1.0
schedule = "cosine"
warmup = 50
decay = 0.85
positive_weight = 1.0
focal_gamma = 0.0
base_rate_bias = false
curriculum_epochs = 0
curriculum_steps = 16
patience = 0
save_every = 0
log_every = 10
[decode]
threshold = 0.0
sustain_threshold = 0.5
expected_counts = false
fill_quarters = false
merge = 0
min_length = 1
polyphony = 0
)",
                                              "stored");
  CHECK(stored.to_toml() == Experiment().to_toml());
}

TEST_CASE("what is wrong is told with file, line and the nearest spelling") {
  CHECK(has(refusal(""), "s.toml: a study has a name"));
  CHECK(has(refusal("[studi]\nname = \"s\"\n"), "s.toml:1: unknown table 'studi'; did you mean"));
  CHECK(has(refusal(kName + "bars = 3\n"), "s.toml:3: unknown key 'study.bars'"));
  CHECK(has(refusal(kName + "test_bars = [0]\n"), "s.toml:3: 'study.test_bars' is a list of"));
  CHECK(has(refusal(kName + "test_bars = [8, 8]\n"), "s.toml:3: 'study.test_bars' is a list of"));
  CHECK(has(refusal(kName + "split = \"tets\"\n"), "s.toml:3: "));
  CHECK(has(refusal(kName + "[base.train]\nepoch = 3\n"),
            "s.toml:4: unknown key 'train.epoch'; did you mean 'train.epochs'?"));
  CHECK(has(refusal(kName + "[base.train]\nepochs = 0\n"), "s.toml:4: option 'train.epochs' is"));
  CHECK(has(refusal(kName + "[base]\nexperiment = \"smal\"\n"), "s.toml:4: unknown preset 'smal'"));
  CHECK(has(refusal(kName + "[presets.p.modl]\nd_model = 3\n", "p"),
            "s.toml:4: unknown key 'modl.d_model'"));
  CHECK(has(refusal(kName + "[axes.e.a.pe]\nname = \"rop\"\n"), "s.toml:4: "));
  CHECK(has(refusal(kName + "[axes.e.a.pe]\nname = \"rop\"\n"), "in the cell e = a"));
  CHECK(has(refusal(kName + "[axes.e.a.pe]\nname = \"rope\"\nvariants = \"A\"\n"),
            "s.toml:5: 'rope' has no option 'pe.variants'; did you mean 'pe.variant'?"));
  CHECK(has(refusal(kName + "[axes.seed]\nkey = \"train.sed\"\nvalues = [1]\n"),
            "s.toml:4: unknown key 'train.sed'; did you mean 'train.seed'?"));
  CHECK(has(refusal(kName + "[axes.seed]\nkey = \"train.seed\"\n"),
            "axis 'seed' has key but no values"));
  CHECK(has(refusal(kName + "[axes.seed]\nkey = \"train.seed\"\nvalues = []\n"),
            "axis 'seed' has no values"));
  CHECK(has(refusal(kName + "[axes.\"a,b\".x.train]\nseed = 1\n"), "letters, digits"));
  CHECK(has(refusal(kName + "[axes.hash.x.train]\nseed = 1\n"), "an axis cannot be called 'hash'"));
  CHECK(has(refusal(kGrid + "[axes.again]\nkey = \"train.seed\"\nvalues = [1]\n"),
            "axis 'again' sets 'train.seed', as does axis 'seed' at s.toml:"));
  CHECK(has(refusal(kGrid + "[without.x]\nencodin = \"none\"\n"),
            "there is no axis 'encodin'; did you mean 'encoding'?"));
  CHECK(has(refusal(kGrid + "[without.x]\nencoding = \"rope\"\n"),
            "axis 'encoding' has no value 'rope'; did you mean 'rope_b'?"));
  CHECK(has(refusal(kGrid + "[without.x]\nseed = [1, 2]\n"), "[without] leaves no cell"));
}

TEST_CASE("the studies of train/studies are read, and have the cells that they should") {
  const std::string folder = std::string(GRADUS_SOURCE_DIR) + "/train/studies/";
  const auto count = [&](const std::string& file, const std::string& preset) {
    return study_cells(Study::read(folder + file, preset)).size();
  };
  CHECK(count("tiny.toml", "") == 2 * (1 + 2 * 2));
  CHECK(count("of_all_stripes.toml", "laptop") == 3 * (1 + 6 * 4));
  CHECK(count("of_all_stripes.toml", "paper") == 5 * 3 * 2 * (1 + 6 * 4));
}
