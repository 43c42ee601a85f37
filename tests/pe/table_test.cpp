// The table: order, unknown names and options, README, which cores fit.
#include <doctest/doctest.h>

#include <algorithm>

#include "nn/attention_core.h"
#include "tensor/file.h"
#include "tests/pe/encode.h"

using namespace gradus;

namespace {

std::string message(auto&& f) {
  try {
    f();
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "no error";
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
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
    const std::string text = message([&] { encoding(d->name, {8, 2}, {"zzz=1"}); });
    CHECK(has(text, "option 'zzz' is unknown"));
    CHECK(has(text, fmt::format("pe '{}'", d->name)));
    for (const OptionInfo& o : d->options)
      if (o.name != "features") CHECK(has(text, o.name));
  }
}

TEST_CASE("unknown names and options, with the nearest spelling") {
  CHECK(message([] { find_encoding("rotery"); }) ==
        "unknown positional encoding 'rotery'; known: alibi, f_stripe1, none, rope, ropepool, "
        "sinusoidal");
  CHECK(has(message([] { find_encoding("ropepol"); }), "did you mean 'ropepool'?"));
  CHECK(has(message([] { make_encoding("sinusoid"); }), "did you mean 'sinusoidal'?"));
  CHECK(has(message([] { encoding("rope", {8, 2}, {"varient=C"}); }), "did you mean 'variant'?"));
  CHECK(has(message([] { encoding("rope", {8, 2}, {"variant=D"}); }), "one of A, B, C"));
  CHECK(has(message([] {
              encoding("f_stripe1", {8, 2}, {"frequencies=4", "width=1"});
            }),
            "has 1 numbers; 4 frequencies of 1 number make 4, or 8 for 2 heads"));
  CHECK(has(message([] {
              encoding("f_stripe1", {2, 1}, {"frequencies=4,1"});
            }),
            "between 0 and pi"));
  CHECK(has(message([] {
              encoding("alibi", {8, 2}, {"tracks=time,bar"});
            }),
            "takes one label of one number, got the 2 tracks time, bar"));
  CHECK(has(message([] { encoding("rope", {0, 0}, {}); }), "does not divide"));
}

TEST_CASE("a core takes exactly the encodings that the list says") {
  for (const EncodingDef* d : encodings())
    for (std::initializer_list<const char*> settings :
         {std::initializer_list<const char*>{}, {"stage=after"}}) {
      if (settings.size() && d->name != "rope") continue;
      const auto e = encoding(d->name, {8, 2}, settings, 1, DType::f32);
      for (CoreKind kind : {CoreKind::softmax, CoreKind::linear}) {
        CoreConfig config;
        config.kind = kind;
        const std::string text =
            message([&] { make_core(Build("core"), config, *e, e->shape().head_dim()); });
        CAPTURE(d->name);
        CAPTURE(text);
        CHECK((text == "no error") == core_fits(kind, e->traits().hooks));
      }
    }
  CHECK(fitting_text("alibi", kLagBias, CoreKind::linear) ==
        "encodings for linear: f_stripe1, none, rope, ropepool, sinusoidal; cores for 'alibi': "
        "softmax");
  CHECK(
      has(fitting_text("rope", kTransformFeatures, CoreKind::softmax), "cores for 'rope': linear"));
}

TEST_CASE("README holds the table as it is (gradus pe --markdown)") {
  const std::string page = read_file(GRADUS_SOURCE_DIR "/pe/README.md");
  CHECK(has(page, encodings_markdown()));
}
