// What a core refuses, and in which words.
#include "tests/nn/encodings.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

std::string refusal(const CoreConfig& config, const MakeEncoding& make_encoding,
                    std::string_view kind = "") {
  return error_text<ConfigError>([&] {
    const auto encoding = make_encoding(Build("encoding"), {8, 2});
    if (!kind.empty()) encoding->set_kind(kind);
    make_core(Build("core"), config, *encoding, 4);
  });
}

MakeEncoding with_hooks(unsigned hooks) {
  return [hooks](const Build& b, EncodingShape s) -> std::unique_ptr<PositionalEncoding> {
    return std::make_unique<Plain>(b, s, Traits{.hooks = hooks});
  };
}

CoreConfig core(CoreKind kind) {
  CoreConfig c;
  c.kind = kind;
  return c;
}

}  // namespace

TEST_CASE("the linear core says which hook it cannot carry, and what fits") {
  CHECK(refusal(core(CoreKind::linear), make<TimeBias>(), "alibi") ==
        "the linear core cannot carry 'alibi': it adds a bias to each score (lag_bias), and linear "
        "attention never forms scores; use attention = softmax");
  CHECK(contains(refusal(core(CoreKind::linear), with_hooks(kScoreBias), "shaw"),
                 "'shaw': it adds a term to each score (score_bias)"));
  CHECK(contains(refusal(core(CoreKind::linear), with_hooks(kValueBias | kEmbed)),
                 "'encoding': it adds to the output a term of each pair of tokens (value_bias)"));
  for (const unsigned hooks : {0u, unsigned{kEmbed}, unsigned{kTransform | kTransformFeatures}})
    CHECK(refusal(core(CoreKind::linear), with_hooks(hooks)).empty());
}

TEST_CASE("the softmax core refuses encodings of features") {
  CHECK(refusal(core(CoreKind::softmax), make<FeatureRotation>(), "cosformer") ==
        "the softmax core cannot carry 'cosformer': it works on features (transform_features), and "
        "softmax attention has no feature map; use attention = linear");
  for (const unsigned hooks :
       {0u, unsigned{kEmbed | kTransform | kLagBias}, unsigned{kScoreBias | kValueBias}})
    CHECK(refusal(core(CoreKind::softmax), with_hooks(hooks)).empty());
}

TEST_CASE("options that a core cannot use are refused") {
  CoreConfig c = core(CoreKind::linear);
  c.dropout = 0.1;
  CHECK(contains(refusal(c, make<Plain>()), "the linear core forms no weights that dropout 0.1"));
  c.dropout = 1;
  CHECK(contains(refusal(c, make<Plain>()), "attention dropout must be in [0, 1), got 1"));
  c = core(CoreKind::linear);
  c.feature_map = "elu";
  CHECK(contains(refusal(c, make<Plain>()), "unknown feature map 'elu'"));
  c = core(CoreKind::softmax);
  c.feature_options.set("features=8");
  CHECK(contains(refusal(c, make<Plain>()),
                 "softmax attention, which has no feature map: option "
                 "'features' is unknown"));
}

TEST_CASE("features that can be negative need normaliser = none") {
  for (const FeatureMapDef* def : feature_maps()) {
    INFO(std::string(def->name));
    CoreConfig c = core(CoreKind::linear);
    c.feature_map = def->name;
    const std::string text = refusal(c, make<Plain>(), "rope");
    CHECK(text.empty() == def->non_negative);
    if (!def->non_negative)
      CHECK(contains(text, fmt::format("the features of '{}' can be negative, and with 'rope' "
                                       "linear attention divides by their sum, which nothing then "
                                       "keeps away from 0; use one of elu1, exp, ",
                                       def->name)));
    c.normaliser = Normaliser::none;
    CHECK(refusal(c, make<Plain>()).empty());
  }
  CoreConfig c = core(CoreKind::softmax);
  c.normaliser = Normaliser::none;
  CHECK(contains(refusal(c, make<Plain>()), "always divides by the sum of its weights"));
}

TEST_CASE("the softmax core has no recurrence, and says what has") {
  const CoreCase c(core(CoreKind::softmax), make<Plain>(), 1, 2);
  CHECK(!c.core->has_recurrence());
  const Input in = random_input({1, 1}, 1, 2, 2);
  AttentionState state;
  Pass pass = Pass::eval();
  CHECK(contains(error_text<ConfigError>(
                     [&] { c.core->step(in.q, in.k, in.v, time_positions(1), state, pass); }),
                 "the softmax core has no recurrence"));
}

TEST_CASE("heads must divide the width") {
  const auto encoding = make<Plain>()(Build("encoding"), {8, 2});
  CHECK_THROWS_AS(make_core(Build("core"), {}, *encoding, 0), ConfigError);
}
