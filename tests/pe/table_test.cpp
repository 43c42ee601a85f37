// The table: order, unknown names and options, README, which cores fit.
#include <doctest/doctest.h>

#include <algorithm>

#include "nn/transformer.h"
#include "tensor/file.h"
#include "tensor/text.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

/// The names of those that a core carries, or of all.
std::string names(std::initializer_list<CoreKind> of) {
  std::vector<std::string> list;
  for (const EncodingDef* d : encodings())
    for (CoreKind core : of)
      if (core_fits(core, d->traits.hooks)) {
        list.emplace_back(d->name);
        break;
      }
  return join(list);
}

}  // namespace

TEST_CASE("entries are sorted, named once, and complete") {
  std::string_view last;
  for (const EncodingDef* d : encodings()) {
    CAPTURE(d->name);
    CHECK(last < d->name);
    last = d->name;
    for (std::string_view text : {d->family, d->formula, d->takes, d->source, d->derivation})
      CHECK(!text.empty());
    CHECK(d->derivation.find("layout") != std::string_view::npos);
    CHECK(&find_encoding(d->name) == d);
    CHECK(encoding(d->name, {8, 2}, {})->kind() == d->name);
    for (const OptionInfo& o : d->options) CHECK(!o.meaning.empty());
  }
}

TEST_CASE("the options that are described are those that are read") {
  for (const EncodingDef* d : encodings()) {
    CAPTURE(d->name);
    const std::string text = message<ConfigError>([&] { encoding(d->name, {8, 2}, {"zzz=1"}); });
    CHECK(has(text, "option 'zzz' is unknown"));
    CHECK(has(text, fmt::format("pe '{}'", d->name)));
    for (const OptionInfo& o : d->options)
      if (o.name != "features") CHECK(has(text, o.name));
  }
}

TEST_CASE("unknown names and options, with the nearest spelling") {
  CHECK(message<ConfigError>([] { find_encoding("rotery"); }) ==
        "unknown positional encoding 'rotery'; known: " +
            names({CoreKind::softmax, CoreKind::linear}) + "; did you mean 'rope'?");
  CHECK(has(message<ConfigError>([] { find_encoding("ropepol"); }), "did you mean 'ropepool'?"));
  CHECK(has(message<ConfigError>([] { make_encoding("sinusoid"); }), "did you mean 'sinusoidal'?"));
  CHECK(has(message<ConfigError>([] {
              encoding("rope", {8, 2}, {"varient=C"});
            }),
            "did you mean 'variant'?"));
  CHECK(has(message<ConfigError>([] {
              encoding("rope", {8, 2}, {"variant=D"});
            }),
            "one of A, B, C"));
  CHECK(has(message<ConfigError>([] {
              encoding("f_stripe1", {8, 2}, {"frequencies=4", "width=1"});
            }),
            "has 1 numbers; 4 frequencies of 1 number make 4, or 8 for 2 heads"));
  CHECK(has(message<ConfigError>([] {
              encoding("f_stripe1", {2, 1}, {"frequencies=4,1"});
            }),
            "between 0 and pi"));
  CHECK(has(message<ConfigError>([] {
              encoding("learned", {8, 2}, {"tracks=time,bar"});
            }),
            "takes one label of one number, got the 2 tracks time, bar"));
  CHECK(has(message<ConfigError>([] { encoding("sinusoidal", {1, 1}, {}); }), "got 1; make it 2"));
  CHECK(has(message<ConfigError>([] {
              encoding("rope", {6, 2}, {});
            }),
            "got 3; make it 2 or 4, or"));
  CHECK(has(message<ConfigError>([] {
              encoding("ropepool", {2, 2}, {});
            }),
            "got 1; make it 2, or"));
  CHECK(has(message<ConfigError>([] { encoding("rope", {0, 0}, {}); }), "does not divide"));
}

TEST_CASE("a core takes exactly the encodings that the list says") {
  for (const EncodingDef* d : encodings())
    for (std::initializer_list<const char*> settings :
         {std::initializer_list<const char*>{}, {"stage=after"}}) {
      if (settings.size() && d->name != "rope") continue;
      const auto e = encoding(d->name, {8, 2}, settings, 1, DType::f32);
      for (CoreKind kind : core_kinds()) {
        CoreConfig config;
        config.kind = kind;
        const std::string text = message<ConfigError>(
            [&] { make_core(Build("core"), config, *e, e->shape().head_dim()); });
        CAPTURE(d->name);
        CAPTURE(text);
        CHECK((text == "no error") == core_fits(kind, e->traits().hooks));
      }
    }
  CHECK(fitting_text("both", kLagBias | kTransformFeatures, CoreKind::softmax) ==
        "attention = softmax carries " + names({CoreKind::softmax}) + "; no core carries 'both'");
}

TEST_CASE("a refusal lists the encodings and the cores that fit") {
  const auto refusal = [](std::string_view pe, std::initializer_list<const char*> settings,
                          CoreKind kind) {
    Options options;
    for (const char* s : settings) options.set(s);
    TransformerConfig c;
    c.inputs = c.outputs = 1, c.d_model = 8, c.heads = 2;
    c.core.kind = kind;
    return message<ConfigError>(
        [&] { Transformer(Build("model"), c, make_encoding(pe, options)); });
  };
  CHECK(refusal("alibi", {}, CoreKind::linear) ==
        "the linear core cannot carry 'alibi': it adds a bias to each score (lag_bias), and linear "
        "attention never forms scores; attention = linear carries " +
            names({CoreKind::linear}) + "; 'alibi' goes with attention = softmax or toeplitz");
}

TEST_CASE("an encoding of features says at construction that the feature map gives others") {
  CoreConfig config;
  config.feature_map = "favor_plus";
  const auto e = encoding("rope", {8, 2}, {"stage=after"});
  CHECK(has(message<ConfigError>([&] { make_core(Build("core"), config, *e, 4); }),
            "was built for 4 features, the feature map gives 128; set the option features = 128"));
  const auto fitting = encoding("rope", {8, 2}, {"stage=after", "features=128"});
  CHECK(make_core(Build("core"), config, *fitting, 4));
}

TEST_CASE(
    "both READMEs hold the table as it is (gradus pe --markdown), every row with as many cells") {
  const std::string table = encodings_markdown();
  for (const char* page : {"/pe/README.md", "/README.md"})
    CHECK(has(read_file(std::string(GRADUS_SOURCE_DIR) + page), table));
  for (const std::string& row : split(trim(table), '\n')) {
    int bars = 0;
    for (std::size_t i = 0; i < row.size(); ++i)
      bars += row[i] == '|' && (i == 0 || row[i - 1] != '\\');
    CHECK_MESSAGE(bars == 9, row);
  }
}
