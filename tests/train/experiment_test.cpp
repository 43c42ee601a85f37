// Experiment files: defaults, every kind of value, overrides, and one clear message for each fault.
#include "train/experiment.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tensor/error.h"
#include "tests/error_text.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

std::string fault(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return message([&] { Experiment::parse(text, "exp.toml", overrides); });
}

}  // namespace

TEST_CASE("nothing given: the defaults") {
  const Experiment e = Experiment::parse("", "exp.toml"), d;
  CHECK(e.to_toml() == d.to_toml());
  CHECK(e.pe == "ropepool");
  CHECK(e.train.learning_rate == 2e-3);
  CHECK(e.data.context == std::vector<std::string>{"bin"});
}

TEST_CASE("what layers share of the encoding is a key of [pe], no option of the encoding") {
  const Experiment e = Experiment::parse("[pe]\nname = \"rope\"\nshared = \"nothing\"", "exp.toml");
  CHECK(e.pe_shared == "nothing");
  CHECK(e.pe_options.values().empty());
  CHECK(Experiment::parse(e.to_toml(), "again").pe_shared == "nothing");
  CHECK(has(fault("[pe]\nshared = \"code\""), "did you mean 'codes'?"));
}

TEST_CASE("every kind of value is read") {
  const Experiment e = Experiment::parse(R"(
[data]
steps = 64
inputs = ["melody", "chord"]
context = ["time"]
[model]
d_model = 32
heads = 2
dropout = 0
causal = false
norm = "post"
[pe]
name = "ropepool"
base = 500
frequencies = [0.5, 2]
tracks = ["bar", "beat"]
pool = true
pairing = "half"
[train]
learning_rate = 1e-3
clip = 2
)",
                                         "exp.toml");
  CHECK(e.data.steps == 64);
  CHECK(e.data.inputs == std::vector<std::string>{"melody", "chord"});
  CHECK(e.model.dropout == 0);
  CHECK_FALSE(e.model.causal);
  CHECK(e.model.norm == "post");
  CHECK(e.pe == "ropepool");
  CHECK(e.train.learning_rate == 1e-3);
  CHECK(e.train.clip == 2);
  Options o = e.pe_options;
  CHECK(o.where() == "pe 'ropepool'");
  CHECK(o.integer("base", 0, 1, 1000) == 500);
  CHECK(o.reals("frequencies", {}) == std::vector<double>{0.5, 2});
  CHECK(o.words("tracks", {}) == std::vector<std::string>{"bar", "beat"});
  CHECK(o.flag("pool", false));
  CHECK(o.word("pairing", "interleaved") == "half");
  o.finish();
}

TEST_CASE("options of an encoding that another one wraps stand beside its own, or in [pe.inside]") {
  const Experiment flat =
      Experiment::parse("[pe]\nname = \"gated\"\nrealizations = 16\n", "exp.toml");
  Options o = flat.pe_options;
  CHECK(o.integer("realizations", 0, 1, 64) == 16);
  const Experiment nested = Experiment::parse(R"(
[pe]
name = "randomized"
wraps = "gated"
range = 300
kernel = 6
[pe.inside]
wraps = "conv_spe"
realizations = 16
)",
                                              "exp.toml");
  CHECK(has(fault(nested.to_toml(), {"pe.inside.kernel=7"}), "is given twice"));
  CHECK(nested.pe_options.values().size() == 5);
  CHECK(Experiment::parse(nested.to_toml(), "again").to_toml() == nested.to_toml());
}

TEST_CASE("an option of no encoding, outer or inner, is refused with its place") {
  CHECK(
      has(fault("[pe]\nname = \"gated\"\nrealisations = 16\n"),
          "exp.toml:3: 'gated' has no option 'pe.realisations'; did you mean 'pe.realizations'?"));
  CHECK(has(fault("[pe]\nname = \"gated\"\nwraps = \"conv\"\n"),
            "exp.toml:3: unknown positional encoding 'conv'"));
  CHECK(has(fault("[pe]\nname = \"rope\"\n[pe.inside]\nbase = 3\n"),
            "exp.toml:4: 'rope' has no option 'pe.inside.base'; did you mean 'pe.base'?"));
  CHECK(has(fault("[pe]\nname = \"gated\"\nkernel = 6\n"),
            "exp.toml:3: 'gated' has no option 'pe.kernel'"));
  CHECK(has(fault("[train.more]\nepochs = 1\n"), "unknown section 'train.more'"));
}

TEST_CASE("the feature map's own options are keys of [feature_map]") {
  const std::string file =
      "[model]\nfeature_map = \"favor_plus\"\n[feature_map]\nfeatures = 8192\n";
  Options o =
      Experiment::parse(file, "exp.toml", {"feature_map.temperature=0.25"}).feature_map_options;
  CHECK(o.where() == "feature map 'favor_plus'");
  CHECK(o.integer("features", 0, 1, 8192) == 8192);
  CHECK(o.real("temperature", 0, 0, 1) == 0.25);
  o.finish();
  // Files that know no such section are what they were.
  CHECK(Experiment::parse("[model]\nfeature_map = \"relu\"\n", "exp.toml")
            .feature_map_options.values()
            .empty());
  CHECK(!has(Experiment().to_toml(), "[feature_map]"));
}

TEST_CASE("an option that is none of the feature map's is refused with what is allowed") {
  CHECK(
      has(fault("[model]\nfeature_map = \"favor_plus\"\n[feature_map]\nfeaturs = 64\n"),
          "exp.toml:4: feature map 'favor_plus' has no option 'feature_map.featurs'; did you mean "
          "'feature_map.features'?; it takes feature_map.features, feature_map.temperature"));
  CHECK(has(fault("", {"feature_map.features=64"}),
            "--set feature_map.features=64: feature map 'elu1' has no option "
            "'feature_map.features'; it takes none; favor_plus, favor_relu, rff_trig take it"));
  CHECK(has(fault("", {"model.feature_map=favor_relu", "feature_map.temperature=1"}),
            "it takes feature_map.features; favor_plus, rff_trig, taylor2 take it"));
  CHECK(has(fault("[model]\nfeature_map = \"elu\"\n"),
            "exp.toml:2: unknown feature map 'elu'; known: elu1, "));
  CHECK(has(fault("", {"model.feature_map=favor_plus", "model.attention=softmax",
                       "feature_map.features=64"}),
            "softmax attention has none"));
}

TEST_CASE("overrides go before the file, spaces or not; the encoding's own keys too") {
  const std::string file = "[train]\nepochs = 3\n[pe]\nname = \"rope\"\nbase = 10\n";
  const Experiment e = Experiment::parse(
      file, "exp.toml",
      {"train.epochs=7", "train.learning_rate = 1e-4", "model.causal=false", "pe.base=20",
       "data.context=bar,beat", "model.attention=softmax", "train.epochs=8"});
  CHECK(e.train.epochs == 8);
  CHECK(e.train.learning_rate == 1e-4);
  CHECK_FALSE(e.model.causal);
  CHECK(e.model.attention == "softmax");
  CHECK(e.data.context == std::vector<std::string>{"bar", "beat"});
  Options o = e.pe_options;
  CHECK(o.integer("base", 0, 1, 100) == 20);
  CHECK(Experiment::parse("", "x", {"pe.name=alibi"}).pe == "alibi");
}

TEST_CASE("to_toml gives the same experiment again") {
  Experiment e;
  e.data.inputs = {"melody"};
  e.data.validation_share = 0.1 + 0.2;
  e.train.learning_rate = 1e-7;
  e.train.clip = 3;
  e.train.seed = int64{1} << 53;
  e.model.causal = false;
  e.data.source = "favor \"plus\"\t\\";
  e.model.feature_map = "favor_plus";
  e.feature_map_options.set("features", int64{64});
  e.feature_map_options.set("temperature", 2.0);
  e.pe = "ropepool";
  e.pe_options.set("pool", true);
  e.pe_options.set("width", int64{-3});
  e.pe_options.set("base", 1e4);
  e.pe_options.set("deviation", 2.0);
  e.pe_options.set("pairing", std::string("true"));
  e.pe_options.set("frequencies", std::vector<double>{1, 0.1, -2e-9});
  e.pe_options.set("tracks", std::vector<std::string>{"bar", "1"});
  const std::string text = e.to_toml();
  const Experiment again = Experiment::parse(text, "exp.toml");
  CHECK(again.to_toml() == text);
  CHECK(again.data.validation_share == e.data.validation_share);
  CHECK(again.train.seed == e.train.seed);
  CHECK(again.data.source == e.data.source);
  CHECK(again.model.feature_map == e.model.feature_map);
  CHECK(again.feature_map_options.values() == e.feature_map_options.values());
  CHECK(again.pe_options.values() == e.pe_options.values());
}

TEST_CASE("an unknown key is refused with line and nearest spelling") {
  const std::string text = fault("[train]\nepochs = 3\nlearnin_rate = 1\n");
  CHECK(has(text,
            "exp.toml:3: unknown key 'train.learnin_rate'; did you mean "
            "'train.learning_rate'?; known: "));
  CHECK(has(text, "decode.sustain_threshold"));
  CHECK(has(fault("[modle]\nd_model = 3\n"),
            "exp.toml:1: unknown section 'modle'; did you mean 'model'?; sections: data, model"));
  CHECK(has(fault("[zzz]\n"), "unknown section 'zzz'; sections:"));
  CHECK(has(fault("epochs = 3\n"), "exp.toml:1: key 'epochs' stands outside of a section"));
  CHECK(has(fault("", {"train.epoch=3"}),
            "--set train.epoch=3: unknown key 'train.epoch'; did you mean 'train.epochs'?"));
  CHECK(has(fault("", {"train.epochs"}), "'train.epochs' is no setting; write key=value"));
  CHECK(has(fault("", {"train.epochs="}), "option 'train.epochs' has no value"));
}

TEST_CASE("wrong types and ranges say what is allowed") {
  CHECK(
      has(fault("[train]\nepochs = 0\n"), "'train.epochs' is an integer from 1 to 100000, got 0"));
  CHECK(has(fault("[train]\nepochs = 2.5\n"), "'train.epochs' is an integer"));
  CHECK(has(fault("[train]\nepochs = \"three\"\n"), "got 'three'"));
  CHECK(has(fault("[train]\nlearning_rate = \"fast\"\n"), "is a number from 0 to 100, got 'fast'"));
  CHECK(has(fault("[train]\nlearning_rate = nan\n"), "is a number from 0 to 100, got nan"));
  CHECK(has(fault("[train]\nclip = inf\n"), "got inf"));
  CHECK(has(fault("[model]\ncausal = 1\n"), "'model.causal' is true or false, got 1"));
  CHECK(has(fault("[model]\nattention = \"softmaks\"\n"),
            "is one of linear, softmax, toeplitz; got 'softmaks'; did you mean 'softmax'?"));
  CHECK(has(fault("[data]\ninputs = [\"melody\", \"chords\"]\n"), "did you mean 'chord'?"));
  CHECK(has(fault("[data]\ninputs = [\"melody\", 3]\n"), "exp.toml:2: 'data.inputs' mixes"));
  CHECK(has(fault("[data]\ninputs = [\"chord\"]\n"), "must hold \"melody\""));
  CHECK(has(fault("[data]\ncontext = []\n"), "data.context is empty"));
  CHECK(has(fault("[data]\ninputs = [[1]]\n"), "neither a number nor a word"));
  CHECK(has(fault("[data]\nsteps = 1979-05-27\n"), "must be a number, a word, true, false"));
  CHECK(has(fault("[model]\nheads = 5\n"), "model.heads = 5 does not divide model.d_model = 64"));
}

TEST_CASE("text that is no TOML is refused with its line") {
  CHECK(has(fault("[train]\nepochs = \n"), "exp.toml:2: "));
  CHECK(has(fault("[train]\nepochs = 1\nepochs = 2\n"), "exp.toml:3: "));
  CHECK(has(fault("[train\n"), "exp.toml:1: "));
  CHECK(has(fault("[train]\n\xff\xfe = 1\n"), "invalid utf-8"));
  CHECK(has(fault("[train]\nseed = 99999999999999999999\n"), "exp.toml:2: "));
}

TEST_CASE("a file is read, one that is not there is named") {
  const auto file = std::filesystem::temp_directory_path() /
                    ("gradus_experiment_" + std::to_string(::getpid()) + ".toml");
  std::ofstream(file) << "[train]\nepochs = 4\n";
  CHECK(Experiment::read(file, {"train.batch=2"}).train.epochs == 4);
  CHECK(Experiment::read(file, {"train.batch=2"}).train.batch == 2);
  std::ofstream(file) << "[train]\nepoch = 4\n";
  CHECK(has(message([&] { Experiment::read(file); }), file.string() + ":2: unknown key"));
  std::filesystem::remove(file);
  CHECK_THROWS_AS(Experiment::read(file), IoError);
  CHECK(has(message([&] { Experiment::read(file); }), file.string()));
}

TEST_CASE("the table of keys has a row for each") {
  const std::string table = experiment_keys_markdown();
  CHECK(has(table, "| `train.epochs` | 10 | 1 to 100000 | passes over the training windows |"));
  CHECK(has(table, "| `model.attention` | `linear` | linear, softmax, toeplitz | core |"));
  const std::string all = Experiment().to_toml();
  // A head of two lines, then a row a key.
  CHECK(std::count(table.begin(), table.end(), '\n') ==
        2 + std::count(all.begin(), all.end(), '='));
}
