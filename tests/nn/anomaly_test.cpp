// A fault planted deep in a real Transformer is found where it stands: op, scope, source line.
#include "autograd/anomaly.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "nn/transformer.h"
#include "tests/nn/encodings.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

enum class Fault { none, forward, backward };

/// Does nothing to q but at its second call, which is the second block's attention.
class Faulty : public PositionalEncoding {
 public:
  Faulty(const Build& b, EncodingShape s, Fault fault, Fusion fusion)
      : PositionalEncoding(b, s, kTime), fault_(fault), fusion_(fusion) {}
  Traits traits() const override { return {.hooks = kTransform}; }
  QueryKey transform(const Var& q, const Var& k, const Positions&, Pass& pass) const override {
    if (++calls_ != 2 || fault_ == Fault::none) return {q, k};
    const ScopeGuard scope = enter(pass);
    const FusionGuard fusion(fusion_);
    if (fault_ == Fault::backward) return {q + sqrt(q * 0.0), k};  // d sqrt(0) is infinite
    const Var minus_one = (q * 0.0 - 1.0).named("minus_one");
    return {q + log(minus_one), k};
  }
  static constexpr int kBackwardLine = __LINE__ - 4, kForwardLine = __LINE__ - 2;

 private:
  Fault fault_;
  Fusion fusion_;
  mutable int calls_ = 0;
};

struct Model {
  Model(CoreKind core, Fault fault, Fusion fusion)
      : transformer(Build("model", Rng(1), DType::f64), config(core),
                    [=](const Build& b, EncodingShape s) {
                      return std::make_unique<Faulty>(b, s, fault, fusion);
                    }) {}
  static TransformerConfig config(CoreKind core) {
    TransformerConfig c;
    c.inputs = 3, c.outputs = 2, c.d_model = 4, c.heads = 2, c.layers = 3, c.d_ff = 4;
    c.core.kind = core;
    return c;
  }
  Gradients step() const {
    Pass pass(Mode::train, 1);
    Rng rng(2);
    const Var x(uniform(rng, {2, 5, 3}, -1, 1, DType::f64));
    return backward(mean(transformer(x, time_positions(5), pass)));
  }
  Transformer transformer;
};

AnomalyError caught(const Model& model) {
  const AnomalyGuard guard;
  try {
    model.step();
  } catch (const AnomalyError& e) {
    return e;
  }
  FAIL("nothing was found");
  throw 0;
}

}  // namespace

TEST_CASE("log(-1) deep in a block: op, scope, line, formula and the state of its input") {
  for (const CoreKind core : {CoreKind::softmax, CoreKind::linear})
    for (const Fusion fusion : {Fusion::on, Fusion::off}) {
      const AnomalyError e = caught(Model(core, Fault::forward, fusion));
      const std::string text = e.what();
      CAPTURE(text);
      const std::string scope = "model/layer1/attention/core/encoding/";
      CHECK(e.label == scope + fmt::format("log#{}", e.node));
      CHECK_FALSE(e.in_backward);
      CHECK(e.element == 0);
      CHECK(std::isnan(e.value));
      CHECK(e.where.text() == fmt::format("anomaly_test.cpp:{}", Faulty::kForwardLine));
      CHECK(text.find("forward of '" + e.label + "' (2, 2, 5, 2)") != std::string::npos);
      CHECK(text.find("input 0: '" + scope + "minus_one' (2, 2, 5, 2), all finite, -1 to -1") !=
            std::string::npos);
      CHECK(text.find("formula: y = ln x") != std::string::npos);
    }
}

TEST_CASE("a slope that is infinite deep in a block, in the backward pass") {
  const AnomalyError e = caught(Model(CoreKind::linear, Fault::backward, Fusion::on));
  const std::string text = e.what();
  CAPTURE(text);
  CHECK(e.in_backward);
  CHECK(e.input == 0);
  CHECK(e.cotangent_was_finite);
  CHECK(e.label == fmt::format("model/layer1/attention/core/encoding/sqrt#{}", e.node));
  CHECK(e.where.line == Faulty::kBackwardLine);
  CHECK(text.find("anomaly_test.cpp:" + std::to_string(Faulty::kBackwardLine)) !=
        std::string::npos);
}

TEST_CASE("a sound model passes, with its mask of -inf") {
  for (const CoreKind core : {CoreKind::softmax, CoreKind::linear}) {
    const AnomalyGuard guard;
    CHECK_FALSE(Model(core, Fault::none, Fusion::on).step().empty());
  }
}
