// What layers share of the encoding: all, its random codes alone, or nothing. Paths, parameters and
// codes of each layer; evaluation keeps the codes of the last draw; gradients.
#include <doctest/doctest.h>

#include <map>

#include "autograd/backward.h"
#include "autograd/gradcheck.h"
#include "nn/loss.h"
#include "nn/transformer.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr int64 kLayers = 3;

TransformerConfig small(Sharing sharing, CoreKind core = CoreKind::linear) {
  TransformerConfig c;
  c.inputs = 3, c.outputs = 2, c.d_model = 4, c.heads = 2, c.layers = kLayers, c.d_ff = 5;
  c.dropout = 0;
  c.activation = Activation::gelu;
  c.core.kind = core;
  c.sharing = sharing;
  return c;
}

MakeEncoding spe() {
  Options o;
  o.set("realizations=4");
  o.set("sines=1");
  return make_encoding("sine_spe", o);
}

MakeEncoding gated() {
  Options o;
  o.set("realizations=4");
  o.set("sines=1");
  return make_encoding("gated", o);
}

Transformer model(Sharing sharing, const MakeEncoding& make) {
  return Transformer(Build("model", Rng(3), DType::f64), small(sharing), make);
}

int64 encoding_parameters(const Transformer& m) {
  int64 count = 0;
  for (const Parameter* p : m.parameters())
    if (p->path().find("/encoding/") != std::string::npos) count += p->value().numel();
  return count;
}

/// Layer -> codes.
std::vector<Tensor> codes(const Transformer& m) {
  std::vector<Tensor> all;
  for (std::size_t i = 0; i < kLayers; ++i) all.push_back(m.encoding(i).buffers()[0]->value());
  return all;
}

bool same(const Tensor& a, const Tensor& b) { return max_difference(a, b) == 0; }

Var run(const Transformer& m, const Tensor& x, Mode mode = Mode::eval) {
  Pass pass(mode, 5);
  return m(Var(x), time_positions(x.size(1)), pass);
}

Tensor input(int64 n) {
  Rng rng(6);
  return normal(rng, {2, n, 3}, 0, 1, DType::f64);
}

}  // namespace

TEST_CASE("each layer's own frequencies: as many parameters as layers") {
  for (const char* name : {"f_stripe1", "ropepool", "sine_spe", "kerple"}) {
    CAPTURE(name);
    const CoreKind core = core_fits(CoreKind::linear, find_encoding(name).traits.hooks)
                              ? CoreKind::linear
                              : CoreKind::softmax;
    const auto count = [&](Sharing s) {
      const Transformer m(Build("model", Rng(3)), small(s, core), make_encoding(name));
      return encoding_parameters(m);
    };
    CHECK(count(Sharing::all) > 0);
    CHECK(count(Sharing::nothing) == kLayers * count(Sharing::all));
  }
}

TEST_CASE("paths: one encoding of the model, or one of each layer") {
  const Transformer all = model(Sharing::all, spe()), own = model(Sharing::nothing, spe());
  CHECK(all.encoding(2).path() == "model/encoding");
  CHECK(&all.encoding(0) == &all.encoding(2));
  CHECK(own.encoding(2).path() == "model/layer2/encoding");
  const StateDict state = own.state();
  CHECK(state.count("model/layer0/encoding/noise") == 1);
  CHECK(state.count("model/encoding/noise") == 0);
}

TEST_CASE("codes: one draw for all layers, or one for each; parameters are each layer's own") {
  for (const Sharing sharing : {Sharing::all, Sharing::codes, Sharing::nothing}) {
    CAPTURE(name(sharing));
    Transformer m = model(sharing, spe());
    std::vector<Tensor> before;
    for (std::uint64_t step = 0; step < 3; ++step) {
      if (step > 0) {  // the first are those that it is made with
        Rng rng = Rng(9).stream("draw").stream(step);
        m.draw(rng);
      }
      const std::vector<Tensor> now = codes(m);
      const bool shared = sharing != Sharing::nothing;
      CHECK(same(now[0], now[1]) == shared);
      CHECK(same(now[1], now[2]) == shared);
      CHECK(same(now[0], now[2]) == shared);
      if (!before.empty()) CHECK(!same(now[1], before[1]));
      before = now;
      // Evaluation keeps them.
      const Tensor x = input(4), y = run(m, x).value();
      CHECK(same(run(m, x).value(), y));
      CHECK(same(codes(m)[2], now[2]));
    }
    CHECK((m.encoding(0).parameters()[0] == m.encoding(1).parameters()[0]) ==
          (sharing == Sharing::all));
    // One seed and step, one draw.
    Transformer again = model(sharing, spe());
    Rng rng = Rng(9).stream("draw").stream(2);
    again.draw(rng);
    CHECK(same(run(again, input(4)).value(), run(m, input(4)).value()));
  }
}

TEST_CASE("inside: one encoding inside for all layers, a gate and its noise for each") {
  Transformer m = model(Sharing::inside, gated());
  const StateDict state = m.state();
  for (const char* layer : {"layer0", "layer1", "layer2"})
    for (const char* own : {"gate", "noise"})
      CHECK(state.count(fmt::format("model/{}/encoding/{}", layer, own)) == 1);
  CHECK(state.count("model/layer0/encoding/inside/frequencies") == 1);
  CHECK(state.count("model/layer1/encoding/inside/frequencies") == 0);
  const Transformer all = model(Sharing::all, gated()), own = model(Sharing::nothing, gated());
  const int64 gates = all.encoding().shape().d_model, rest = encoding_parameters(all) - gates;
  CHECK(encoding_parameters(m) == rest + kLayers * gates);
  CHECK(encoding_parameters(own) == kLayers * (rest + gates));
  const auto noise = [&](int layer) {
    return m.state().at(fmt::format("model/layer{}/encoding/noise", layer));
  };
  const auto codes_inside = [&] { return m.state().at("model/layer0/encoding/inside/noise"); };
  const Tensor before = codes_inside();
  CHECK(!same(noise(0), noise(1)));
  Rng rng(9);
  m.draw(rng);
  CHECK(!same(codes_inside(), before));
  CHECK(!same(noise(0), noise(1)));
  CHECK(!same(noise(1), noise(2)));
  CHECK(m.encoding(1).kind() == "gated");
  // With the same gates and noise in each layer it is the model that shares all.
  StateDict shared = all.state();
  for (auto& [path, value] : shared) {
    std::string from = path;
    if (path.starts_with("model/encoding/")) from = "model/layer0/" + path.substr(6);
    value = m.state().at(from);
  }
  Transformer one(Build("model", Rng(4), DType::f64), small(Sharing::all), gated());
  one.load(shared);
  const Tensor x = input(4);
  CHECK(!same(run(one, x).value(), run(m, x).value()));
  StateDict equal = m.state();
  for (const char* layer : {"layer1", "layer2"})
    for (const char* part : {"gate", "noise"})
      equal.at(fmt::format("model/{}/encoding/{}", layer, part)) =
          equal.at(fmt::format("model/layer0/encoding/{}", part));
  m.load(equal);
  CHECK(max_difference(run(one, x).value(), run(m, x).value()) <= 1e-14);
}

TEST_CASE("inside: gradients, with blocks kept and computed again; what has nothing inside") {
  TransformerConfig c = small(Sharing::inside);
  const Transformer kept(Build("model", Rng(3), DType::f64), c, gated());
  c.checkpoint = true;
  const Transformer again(Build("model", Rng(3), DType::f64), c, gated());
  const Tensor x = input(4);
  const auto gradients = [&](const Transformer& m) {
    return backward(sum(square(run(m, x, Mode::train))));
  };
  const Gradients a = gradients(kept), b = gradients(again);
  int seen = 0;
  for (const Parameter* p : kept.parameters()) {
    if (p->path().find("/encoding/") == std::string::npos) continue;
    CAPTURE(p->path());
    CHECK(max(abs(a.by_name(p->path()))).item() > 0);
    CHECK(max_difference(a.by_name(p->path()), b.by_name(p->path())) <= 1e-12);
    ++seen;
  }
  CHECK(seen >= 4 + 2);
  for (const char* name : {"rope", "sine_spe", "randomized"})
    CHECK(has(message<ConfigError>([&] { model(Sharing::inside, make_encoding(name)); }),
              fmt::format("'{}' has no encoding inside that layers could share", name)));
}

TEST_CASE("a state fits models that share as much, and no other") {
  const Transformer own = model(Sharing::nothing, spe());
  Transformer other(Build("model", Rng(8), DType::f64), small(Sharing::nothing), spe());
  CHECK(!same(run(other, input(4)).value(), run(own, input(4)).value()));
  other.load(own.state());
  CHECK(same(run(other, input(4)).value(), run(own, input(4)).value()));
  Transformer all = model(Sharing::all, spe());
  CHECK(has(message<ConfigError>([&] { all.load(own.state()); }), "model/encoding/"));
}

TEST_CASE("gradients of every parameter, and step by step is the same as at once") {
  for (const bool saving : {false, true}) {
    TransformerConfig c = small(Sharing::nothing);
    c.checkpoint = saving;
    const Transformer m(Build("model", Rng(3), DType::f64), c, make_encoding("ropepool"));
    const Tensor x = input(4);
    Rng rng(7);
    const Tensor target = cast(bernoulli(rng, {2, 4, 2}, 0.5), DType::f64);
    std::vector<Tensor> in{x};
    const std::vector<Parameter*> slots = m.parameters();
    for (const Parameter* p : slots)
      in.push_back(add(p->value(), normal(rng, p->shape(), 0, 0.3, DType::f64)));
    const VarFunction loss = [&](std::span<const Var> v) {
      std::vector<Var> before;
      for (std::size_t i = 0; i < slots.size(); ++i) before.push_back(slots[i]->exchange(v[i + 1]));
      Pass pass(Mode::train, 7);
      const Var y = bce_loss(m(v[0], time_positions(4), pass), Var(target)) * 100.0;
      for (std::size_t i = 0; i < slots.size(); ++i) slots[i]->exchange(before[i]);
      return y;
    };
    const GradcheckReport report = gradcheck(loss, in, {.weak = Weak::allow});
    INFO(report.text());
    CHECK(report.passed());

    std::vector<AttentionState> states = m.start();
    Pass pass = Pass::eval();
    for (int64 i = 0; i < 4; ++i) {
      const Tensor time = full({1, 1, 1}, static_cast<double>(i), DType::f64);
      const Var y = m.step(Var(slice(x, 1, i, i + 1)), labelled_positions(time, {{.name = "time"}}),
                           states, pass);
      CHECK(max_difference(y.value(), slice(run(m, x).value(), 1, i, i + 1)) <= 1e-12);
    }
  }
}

TEST_CASE("an encoding of the input is there once; without random codes none can be shared") {
  for (const char* name : {"sinusoidal", "learned", "s_ape"}) {
    CAPTURE(name);
    CHECK(has(message<ConfigError>([&] { model(Sharing::nothing, make_encoding(name)); }),
              fmt::format("'{}' is added to the input, once, before the first layer", name)));
    model(Sharing::all, make_encoding(name));
  }
  CHECK(has(message<ConfigError>([] { model(Sharing::codes, make_encoding("rope")); }),
            "'rope' draws no random codes that layers could share (shared = codes)"));
  model(Sharing::nothing, make_encoding("rope"));
  model(Sharing::nothing, make_encoding("none"));
}
