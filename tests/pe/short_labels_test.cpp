// Labels of fewer or more tokens than the sequence has are an error with both numbers: for every
// encoding that reads labels, of one number, of several, or of several tracks, in every core that
// carries it, by itself and inside a model.
#include <doctest/doctest.h>

#include <set>

#include "nn/transformer.h"
#include "pe/suite_parts.h"
#include "tests/error_text.h"

using namespace gradus;
using testing::has;
using testing::message;

namespace {

constexpr int64 kTokens = 5;

/// None where the core does not carry the encoding.
std::unique_ptr<Transformer> model_of(const SuiteSubject& s, CoreKind core) {
  TransformerConfig c;
  c.inputs = c.outputs = 1;
  c.d_model = s.shape.d_model, c.heads = s.shape.heads;
  c.layers = 1, c.d_ff = 2, c.dropout = 0;
  c.core.kind = core;
  try {
    return std::make_unique<Transformer>(Build("model", Rng(1), DType::f64), c, s.make);
  } catch (const ConfigError&) {
    return nullptr;
  }
}

}  // namespace

TEST_CASE("labels of another number of tokens are refused with both numbers") {
  std::set<std::string_view> rows;
  int scalars = 0, vectors = 0;
  for (const SuiteCase& c : suite_cases()) {
    const SuiteSubject s = subject_of(c);
    const suite::Inputs in = suite::random_inputs(s, 3, 1, kTokens);
    const Var x(full({1, kTokens, 1}, 1, DType::f64)), q(in.q), k(in.k);
    for (CoreKind kind : {CoreKind::softmax, CoreKind::linear, CoreKind::toeplitz}) {
      const auto model = model_of(s, kind);
      if (!model || model->encoding().tracks().empty()) continue;
      CAPTURE(s.name);
      CAPTURE(name(kind));
      const PositionalEncoding& e = model->encoding();
      CoreConfig config;
      config.kind = kind;
      const auto core = make_core(Build("core", Rng(1), DType::f64), config, e, s.shape.head_dim());
      const auto positions = [&](int64 tokens) {
        return kind == CoreKind::toeplitz
                   ? suite::equal_steps(e, tokens)
                   : suite::positions_of(s, e, suite::random_labels(s, e, 3, 1, tokens));
      };
      Pass pass = Pass::eval();
      const auto ask = [&](int64 tokens, auto&& run) {
        return message<Error>([&] { run(positions(tokens)); });
      };
      const auto alone = [&](const Positions& p) { (void)(*core)(q, k, k, p, pass); };
      const auto inside = [&](const Positions& p) { (void)(*model)(x, p, pass); };
      CHECK(ask(kTokens, alone) == "no error");
      CHECK(ask(kTokens, inside) == "no error");
      for (int64 tokens : {kTokens - 1, kTokens + 1, int64{1}, int64{0}}) {
        const std::string text = ask(tokens, alone);
        CHECK_MESSAGE(has(text, fmt::format("the positions have {} tokens, k has 5: ", tokens)),
                      text);
        const std::string whole = ask(tokens, inside);
        CHECK_MESSAGE(has(whole, fmt::format("the positions have {} tokens, x has 5: ", tokens)),
                      whole);
      }
      rows.insert(c.name);
      ++(s.label_width > 1 ? vectors : scalars);
    }
  }
  // All but those that read no labels.
  for (const EncodingDef* def : encodings())
    CHECK_MESSAGE((rows.count(def->name) == 1 || def->name == "none" || def->name == "cope"),
                  def->name);
  CHECK(scalars > 50);
  CHECK(vectors > 20);
}
