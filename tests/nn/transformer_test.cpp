// Attention, block and Transformer: the suite for modules, step by step against at once, names,
// checkpoints, and the losses of ten steps.
#include "nn/transformer.h"

#include <fmt/ranges.h>

#include "nn/loss.h"
#include "tests/nn/encodings.h"
#include "tests/nn/module_suite.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

TransformerConfig small(NormPlacement norm = NormPlacement::post,
                        CoreKind core = CoreKind::linear) {
  TransformerConfig c;
  c.inputs = 3;
  c.outputs = 2;
  c.d_model = 4;
  c.heads = 2;
  c.layers = 2;
  c.d_ff = 5;
  c.dropout = 0;
  c.norm = norm;
  c.activation = Activation::gelu;
  c.core.kind = core;
  return c;
}

template <NormPlacement norm, class E = Rotation>
std::unique_ptr<Module> make_transformer(const Build& b) {
  return std::make_unique<Transformer>(b, small(norm), make<E>());
}

std::unique_ptr<Module> make_dropping(const Build& b) {
  TransformerConfig c = small(NormPlacement::pre);
  c.dropout = 0.3;
  c.layers = 1;
  return std::make_unique<Transformer>(b, c, make<Rotation>());
}

/// Softmax attention with its encoding, without biases: that of the keys has no influence.
class SoftmaxAttention : public Layer {
 public:
  explicit SoftmaxAttention(const Build& b)
      : Layer(b),
        encoding_(child("encoding"), {4, 2}),
        attention_(child("attention"),
                   {.d_model = 4,
                    .heads = 2,
                    .core = {.kind = CoreKind::softmax, .dropout = 0.3},
                    .bias = Bias::no},
                   encoding_) {}

 protected:
  Var forward(const Var& x, Pass& pass) const override {
    return attention_(x, time_positions(x.size(1)), pass);
  }

 private:
  PairTerms encoding_;
  MultiHeadAttention attention_;
};

Var call_transformer(const Module& m, std::span<const Var> in, Pass& pass) {
  return dynamic_cast<const Transformer&>(m)(in[0], time_positions(in[0].size(1)), pass);
}

std::vector<Tensor> three_tokens(Rng& rng) { return {normal(rng, {2, 3, 3}, 0, 1, DType::f64)}; }

struct Model {
  explicit Model(const TransformerConfig& c, const MakeEncoding& e = make<Rotation>(),
                 DType dtype = DType::f64)
      : transformer(Build("model", Rng(4), dtype), c, e) {}
  Var operator()(const Tensor& x, Mode mode = Mode::eval, std::uint64_t seed = 0) const {
    Pass pass(mode, seed);
    return transformer(Var(x), time_positions(x.size(1)), pass);
  }
  Transformer transformer;
};

Tensor random_x(int64 batch, int64 n, std::uint64_t seed = 6) {
  Rng rng(seed);
  return normal(rng, {batch, n, 3}, 0, 1, DType::f64);
}

}  // namespace

TEST_CASE("transformers and attention pass the suite for modules") {
  check_module(
      {"post-norm", make_transformer<NormPlacement::post>, three_tokens, call_transformer});
  check_module({"pre-norm, unrotated", make_transformer<NormPlacement::pre, FeatureRotation>,
                three_tokens, call_transformer});
  check_module({"dropout", make_dropping, three_tokens, call_transformer, true});
  check_module({"softmax attention",
                [](const Build& b) -> std::unique_ptr<Module> {
                  return std::make_unique<SoftmaxAttention>(b);
                },
                [](Rng& rng) -> std::vector<Tensor> {
                  return {normal(rng, {2, 3, 4}, 0, 1, DType::f64)};
                },
                call_layer<SoftmaxAttention>, true});
}

TEST_CASE("step by step is the same as at once, for every feature map") {
  for (const NormPlacement norm : {NormPlacement::pre, NormPlacement::post})
    for (const FeatureMapDef* map : feature_maps()) {
      TransformerConfig c = small(norm);
      INFO(std::string(map->name));
      c.core.feature_map = map->name;
      if (!map->non_negative) c.core.normaliser = Normaliser::none;
      const Model m(c);
      const Tensor x = random_x(2, 7);
      const Tensor whole = m(x).value();
      std::vector<AttentionState> states = m.transformer.start();
      Pass pass = Pass::eval();
      for (int64 i = 0; i < 7; ++i) {
        const Var y = m.transformer.step(Var(slice(x, 1, i, i + 1)), only(time_positions(7), i, 1),
                                         states, pass);
        CHECK(max_difference(y.value(), slice(whole, 1, i, i + 1)) <= 1e-10);
      }
      CHECK(states[1].position == 7);
      // The state does not grow.
      Options none;
      const int64 features = map->make(Build("map"), 2, 2, none)->features(2);
      CHECK(states[0].sums.shape() == Shape{2, 2, features, map->non_negative ? 3 : 2});
    }
}

TEST_CASE("a prefix keeps its logits; without the causal mask it does not") {
  for (const CoreKind core : {CoreKind::linear, CoreKind::softmax}) {
    const Model m(small(NormPlacement::pre, core));
    const Tensor x = random_x(1, 6), part = slice(x, 1, 0, 4);
    CHECK(max_difference(m(part).value(), slice(m(x).value(), 1, 0, 4)) <= 1e-12);
    Pass pass = Pass::eval();
    const Tensor both = m.transformer(Var(x), time_positions(6, false), pass).value();
    const Tensor some = m.transformer(Var(part), time_positions(4, false), pass).value();
    CHECK(max_difference(some, slice(both, 1, 0, 4)) > 1e-4);
  }
}

TEST_CASE("one seed, one model, whatever the number of threads is called") {
  TransformerConfig c = small();
  c.dropout = 0.2;
  c.core.feature_map = "favor_plus";
  Model a(c), b(c);
  CHECK(same_state(a.transformer.state(), b.transformer.state()));
  const Tensor x = random_x(2, 5);
  CHECK(same_bits(a(x, Mode::train, 3).value(), b(x, Mode::train, 3).value()));
  Rng one(8), two(8);
  a.transformer.draw(one);
  CHECK(!same_bits(a(x).value(), b(x).value()));
  b.transformer.draw(two);
  CHECK(same_bits(a(x).value(), b(x).value()));
  // Each layer has a projection of its own.
  CHECK(a.transformer.buffers().size() == 2);
  CHECK(!same_bits(a.transformer.buffers()[0]->value(), a.transformer.buffers()[1]->value()));
}

TEST_CASE("nodes have names and scopes; a second call is #2") {
  const FusionGuard off(Fusion::off);
  const Model m(small(NormPlacement::post, CoreKind::softmax));
  Pass pass = Pass::eval();
  const Tensor x = random_x(1, 3);
  const Var first = m.transformer(Var(x), time_positions(3), pass);
  const Var second = m.transformer(Var(x), time_positions(3), pass);
  const Gradients g = backward(sum(square(first + second)), {.keep = KeepGrads::named});
  for (const char* name : {"model/layer0/attention/q", "model/layer1/attention/v",
                           "model/layer0/attention/output", "model/layer1/attention/core/weights",
                           "model#2/layer0/attention/k", "model/layer1/output"}) {
    INFO(std::string(name));
    CHECK(g.find(name));
  }
  CHECK(g.by_name("model/layer0/attention/q").shape() == Shape{1, 2, 3, 2});
  CHECK(g.find("model/layer0/attention/query/weight"));
}

TEST_CASE("checkpointed blocks give the same bits, draws included") {
  for (const CoreKind core : {CoreKind::linear, CoreKind::softmax}) {
    TransformerConfig c = small(NormPlacement::pre, core);
    c.dropout = 0.3;
    const MakeEncoding encoding = core == CoreKind::softmax ? make<PairTerms>() : make<Rotation>();
    const Model plain(c, encoding);
    c.checkpoint = true;
    const Model saving(c, encoding);
    const Tensor x = random_x(2, 5);
    const Var a = plain(x, Mode::train, 2), b = saving(x, Mode::train, 2);
    CHECK(same_bits(a.value(), b.value()));
    const Gradients ga = backward(sum(square(a))), gb = backward(sum(square(b)));
    for (const Parameter* p : plain.transformer.parameters()) {
      INFO(p->path());
      REQUIRE(gb.find(p->path()));
      // Shared parameters are summed in another order.
      CHECK(max_difference(*ga.find(p->path()), *gb.find(p->path())) <= 1e-13);
    }
    // The slots hold their own leaves again.
    CHECK(same_bits(saving(x).value(), plain(x).value()));
  }
}

TEST_CASE("a checkpointed layer can be differentiated twice") {
  const Linear layer(Build("linear", Rng(2), DType::f64), 3, 2);
  const Tensor x = random_x(1, 2);
  const auto hessian_of = [&](bool saving) {
    const SingleVarFunction f = [&](const Var& v) {
      Pass pass = Pass::eval();
      return sum(square(tanh(saving ? checkpoint(layer, v, pass) : layer(v, pass))));
    };
    return hvp(f, x, ones_like(x));
  };
  CHECK(max_difference(hessian_of(true), hessian_of(false)) <= 1e-14);
}

TEST_CASE("ten steps of gradient descent keep their losses") {
  // As they were when gradients, initial values and dropout had all been checked: whatever changes
  // one of these shows here. f64, so that the kernels of another CPU round far below the bound.
  const std::pair<CoreKind, std::vector<double>> cases[] = {
      {CoreKind::linear,
       {0.8009652842, 0.6367046822, 0.5891340571, 0.5470134193, 0.5001808301, 0.4911625064,
        0.4600188671, 0.4351126603, 0.4046071692, 0.3912737801}},
      {CoreKind::softmax,
       {0.8191639016, 0.6379908206, 0.6094855702, 0.5728855085, 0.5533446254, 0.5517152303,
        0.5208089845, 0.4868361447, 0.4632616555, 0.4321273863}}};
  for (const auto& known : cases) {
    TransformerConfig c = small(NormPlacement::post, known.first);
    c.dropout = 0.1;
    Model m(c, make<Rotation>());
    const Tensor x = random_x(4, 8);
    const Tensor target = cast(greater(slice(x, -1, 0, 2), scalar(0, DType::f64)), DType::f64);
    std::vector<double> losses;
    for (int step = 0; step < 10; ++step) {
      Pass pass(Mode::train, 1, step);
      Var loss = bce_loss(m.transformer(Var(x), time_positions(8), pass), Var(target));
      losses.push_back(loss.item());
      const Gradients g = backward(std::move(loss));
      for (Parameter* p : m.transformer.parameters())
        p->set(sub(p->value(), mul(*g.find(p->path()), 0.5)));
    }
    INFO(fmt::format("{:.10f}", fmt::join(losses, ", ")));
    CHECK(losses.back() < 0.9 * losses.front());
    REQUIRE(known.second.size() == losses.size());
    for (std::size_t i = 0; i < losses.size(); ++i)
      CHECK(losses[i] == doctest::Approx(known.second[i]).epsilon(1e-8));
  }
}

TEST_CASE("sizes that do not fit are refused") {
  const auto refused = [](auto change) {
    TransformerConfig c = small();
    change(c);
    return error_text<ConfigError>([&] { Model m(c); });
  };
  CHECK(refused([](TransformerConfig& c) { c.heads = 3; }) ==
        "transformer: 3 heads do not divide d_model = 4");
  CHECK(contains(refused([](TransformerConfig& c) { c.inputs = 0; }),
                 "inputs must be positive, got 0"));
  CHECK(contains(refused([](TransformerConfig& c) { c.layers = -1; }), "layers must be positive"));
  CHECK(contains(refused([](TransformerConfig& c) { c.dropout = 1; }), "[0, 1)"));
  CHECK(contains(error_text<ConfigError>([] { Model m(small(), make<TimeBias>()); }),
                 "the linear core cannot carry"));
  const Model m(small());
  Pass pass = Pass::eval();
  CHECK(contains(error_text<ShapeError>([&] {
                   m.transformer(Var(zeros({1, 3, 4}, DType::f64)), time_positions(3), pass);
                 }),
                 "the model takes [B,N,3], got (1, 3, 4)"));
  CHECK(contains(error_text<ShapeError>([&] {
                   m.transformer(Var(zeros({1, 3, 3}, DType::f64)), time_positions(4), pass);
                 }),
                 "the positions have 4 tokens, x has 3"));
  CHECK(contains(
      error_text<ShapeError>([&] {
        m.transformer(Var(zeros({1, 3, 3}, DType::f64)), time_positions(3).rows(1, 2), pass);
      }),
      "a block needs every row as a query"));
  std::vector<AttentionState> states(1);
  CHECK(contains(
      error_text<ShapeError>([&] {
        m.transformer.step(Var(zeros({1, 1, 3}, DType::f64)), time_positions(1), states, pass);
      }),
      "one state a block (2), got 1"));
}
