// Every layer through the suite for modules, and what each alone promises.
#include <cmath>

#include "nn/activation.h"
#include "nn/coupling.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/mlp.h"
#include "nn/norm.h"
#include "tensor/elementwise.h"
#include "tensor/matmul.h"
#include "tests/error_text.h"
#include "tests/nn/module_suite.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

std::vector<Tensor> rows_of_four(Rng& rng) { return {uniform(rng, {2, 3, 4}, -2, 2, DType::f64)}; }

template <Activation A>
std::unique_ptr<Module> make_mlp(const Build& b) {
  return std::make_unique<Mlp>(b, 4, 6, A);
}

const std::vector<ModuleDef>& layers() {
  static const std::vector<ModuleDef> table{
      {"linear",
       [](const Build& b) -> std::unique_ptr<Module> { return std::make_unique<Linear>(b, 4, 3); },
       rows_of_four, call_layer<Linear>},
      {"linear without bias",
       [](const Build& b) -> std::unique_ptr<Module> {
         return std::make_unique<Linear>(b, 4, 1, Bias::no);
       },
       rows_of_four, call_layer<Linear>},
      {"embedding",
       [](const Build& b) -> std::unique_ptr<Module> {
         return std::make_unique<Embedding>(b, 3, 2);
       },
       [](Rng&) -> std::vector<Tensor> {
         return {from_values<int64>(std::vector<int64>{0, 2, 1, 2}, {2, 2})};
       },
       [](const Module& m, std::span<const Var> in, Pass& pass) {
         return dynamic_cast<const Embedding&>(m)(in[0], pass);
       }},
      {"layer norm",
       [](const Build& b) -> std::unique_ptr<Module> { return std::make_unique<LayerNorm>(b, 4); },
       rows_of_four, call_layer<LayerNorm>},
      {"rms norm",
       [](const Build& b) -> std::unique_ptr<Module> { return std::make_unique<RmsNorm>(b, 4); },
       rows_of_four, call_layer<RmsNorm>},
      {"dropout",
       [](const Build& b) -> std::unique_ptr<Module> { return std::make_unique<Dropout>(b, 0.3); },
       rows_of_four, call_layer<Dropout>, true},
      {"mlp, relu", make_mlp<Activation::relu>, rows_of_four, call_layer<Mlp>},
      {"mlp, gelu", make_mlp<Activation::gelu>, rows_of_four, call_layer<Mlp>},
      {"mlp, silu", make_mlp<Activation::silu>, rows_of_four, call_layer<Mlp>},
      {"mlp with dropout",
       [](const Build& b) -> std::unique_ptr<Module> {
         return std::make_unique<Mlp>(b, 4, 6, Activation::gelu, 0.5);
       },
       rows_of_four, call_layer<Mlp>, true}};
  return table;
}

Tensor f64(std::initializer_list<double> values, const Shape& shape) {
  return tensor(values, shape, DType::f64);
}

}  // namespace

TEST_CASE("coupling: an output sees those before it, and none at the begin") {
  Coupling c(Build("c", Rng(1), DType::f64), 3);
  const Var y(f64({1, 1, 0, 0, 1, 1}, {2, 3}));
  Pass pass = Pass::eval();
  CHECK(max(abs(c(y, pass).value())).item() == 0);
  c.weight().set(f64({9, 2, 3, 9, 9, 5, 9, 9, 9}, {3, 3}));
  CHECK(c(y, pass).value().to_vector<double>() == std::vector<double>{0, 2, 8, 0, 0, 5});
  const Tensor g = backward(sum(c(y, pass))).of(*c.weight());
  CHECK(g.to_vector<double>() == std::vector<double>{0, 1, 1, 0, 0, 2, 0, 0, 0});
}

TEST_CASE("every layer: gradients, parameters, state, randomness, f32") {
  for (const ModuleDef& d : layers()) check_module(d);
}

TEST_CASE("the suite refuses a module with an unused parameter's gradient of 0") {
  // The tester is tested: a layer whose bias counts for nothing is too weak to pass gradcheck.
  struct Lazy : Layer {
    explicit Lazy(const Build& b) : Layer(b), bias(parameter("bias", zeros({4}, dtype()))) {}
    Var forward(const Var& x, Pass&) const override { return x + *bias * 0.0; }
    Parameter& bias;
  };
  const ModuleDef lazy{
      "lazy", [](const Build& b) -> std::unique_ptr<Module> { return std::make_unique<Lazy>(b); },
      rows_of_four, call_layer<Lazy>};
  CHECK_FALSE(gradcheck_module(lazy, Mode::eval, 1).passed());
}

TEST_CASE("linear is x W^T + b, on any number of batch axes, none and empty ones") {
  Linear l(Build("l", Rng(1), DType::f64), 3, 2);
  l.bias()->set(f64({10, 20}, {2}));
  l.weight().set(f64({1, 2, 3, 4, 5, 6}, {2, 3}));
  Pass pass = Pass::eval();
  CHECK(all_close(l(Var(f64({1, 0, -1}, {3})), pass).value(), f64({8, 18}, {2})));
  CHECK(all_close(l(Var(f64({1, 0, -1, 0, 1, 0}, {2, 1, 3})), pass).value(),
                  f64({8, 18, 12, 25}, {2, 1, 2})));
  CHECK(l(Var(zeros({0, 3}, DType::f64)), pass).shape() == Shape{0, 2});
  // A transposed view, without a copy: the same numbers as its contiguous copy.
  const Tensor x = transpose(f64({1, 4, 2, 5, 3, 6}, {3, 2}));
  CHECK(same_bits(l(Var(x), pass).value(), l(Var(contiguous(x)), pass).value()));
  const std::string text = message([&] { l(Var(zeros({2, 4}, DType::f64)), pass); });
  CHECK(has(text, "(2, 4)"));
  CHECK(has(text, "in: l"));
  CHECK(has(message([&] { l(Var(zeros({2, 3})), pass); }), "f32"));
}

TEST_CASE("an id outside the embedding's table is named") {
  const Embedding e(Build("tokens"), 3, 2);
  Pass pass = Pass::eval();
  const auto ids = [](int64 id) { return Var(from_values<int64>(std::vector<int64>{0, id}, {2})); };
  CHECK(e(ids(2), pass).shape() == Shape{2, 2});
  CHECK(has(message([&] { e(ids(3), pass); }), "3"));
  CHECK_THROWS_AS(e(ids(3), pass), IndexError);
  CHECK_THROWS_AS(e(ids(-1), pass), IndexError);
  CHECK_THROWS_AS(e(Var(zeros({2})), pass), DTypeError);
}

TEST_CASE("norms: mean 0 and deviation 1, or a mean square of 1; width 1, constant rows, empty") {
  Rng rng(2);
  const Tensor x = uniform(rng, {5, 8}, -3, 9, DType::f64);
  const LayerNorm layer(Build("n", Rng(1), DType::f64), 8);
  const RmsNorm rms(Build("n", Rng(1), DType::f64), 8);
  Pass pass = Pass::eval();
  const Tensor y = layer(Var(x), pass).value(), z = rms(Var(x), pass).value();
  CHECK(all_close(mean(y, {-1}), zeros({5}, DType::f64), 0, 1e-12));
  CHECK(all_close(mean(square(y), {-1}), ones({5}, DType::f64), 1e-4));
  CHECK(all_close(mean(square(z), {-1}), ones({5}, DType::f64), 1e-4));
  // Far from 0, where a sum of squares less the squared mean would lose every digit.
  const Tensor far = add(x, 1e8);
  CHECK(all_close(layer(Var(far), pass).value(), y, 1e-5, 1e-5));

  const LayerNorm one(Build("n", Rng(1), DType::f64), 1);
  CHECK(all_close(one(Var(f64({7, -3}, {2, 1})), pass).value(), f64({0, 0}, {2, 1})));
  CHECK(
      all_close(layer(Var(full({2, 8}, 5, DType::f64)), pass).value(), zeros({2, 8}, DType::f64)));
  CHECK(layer(Var(zeros({0, 8}, DType::f64)), pass).shape() == Shape{0, 8});
  CHECK(has(message([&] { layer(Var(zeros({2, 7}, DType::f64)), pass); }), "(8)"));
  // NaN stays in its own row.
  Tensor bad = copy(x);
  bad.writable<double>()[0] = std::nan("");
  const Tensor w = layer(Var(bad), pass).value();
  CHECK(statistics(w).non_finite == 8);
  CHECK(all_close(slice(w, 0, 1, 5), slice(y, 0, 1, 5)));
}

TEST_CASE("dropout: the share it says, scaled, and nothing where p is 0") {
  const Dropout d(Build("d"), 0.25), none(Build("d"), 0);
  const Var x(ones({100, 1000}));
  Pass train(Mode::train, 1), eval = Pass::eval();
  const Tensor y = d(x, train).value();
  const Statistics s = statistics(y);
  CHECK(s.zero_share == doctest::Approx(0.25).epsilon(0.02));
  CHECK(s.max == doctest::Approx(4.0 / 3));
  CHECK(s.mean == doctest::Approx(1).epsilon(0.01));
  CHECK(none(x, train) == x);
  CHECK(d(x, eval) == x);
  CHECK(d(Var(zeros({0})), train).numel() == 0);
  for (double p : {-0.1, 1.0, std::nan("")})
    CHECK(has(message([&] { Dropout(Build("d"), p); }), "must be in [0, 1)"));
}

TEST_CASE("activations by name") {
  for (Activation a : {Activation::relu, Activation::gelu, Activation::silu})
    CHECK(parse_activation(std::string(name(a))) == a);
  CHECK(has(message([] { parse_activation("glu"); }), "did you mean 'gelu'?"));
  CHECK(has(message([] { parse_activation(""); }), "known: relu, gelu, silu"));
  const Var x(f64({-40, -1, 0, 1, 40}, {5}));
  const double phi1 = 0.8413447460685429, s1 = 1 / (1 + std::exp(-1.0));
  CHECK(all_close(activate(Activation::relu, x).value(), f64({0, 0, 0, 1, 40}, {5})));
  CHECK(all_close(activate(Activation::gelu, x).value(), f64({0, phi1 - 1, 0, phi1, 40}, {5}),
                  1e-12, 1e-12));
  CHECK(all_close(activate(Activation::silu, x).value(), f64({0, s1 - 1, 0, s1, 40}, {5}), 1e-12,
                  1e-12));
}

TEST_CASE("initial values: their bounds, and no dependence on neighbours") {
  const Linear alone(Build("l", Rng(1)), 64, 32);
  const Statistics s = statistics(alone.parameters()[0]->value());
  CHECK(s.max_abs <= std::sqrt(6.0 / 96));
  CHECK(s.max_abs > 0.95 * std::sqrt(6.0 / 96));
  Rng rng(1);
  const Tensor he = init::he_normal(rng, 200, 50, DType::f64);
  CHECK(std::sqrt(mean(square(he)).item()) == doctest::Approx(0.2).epsilon(0.03));

  struct Two : Module {
    Two(const Build& b, bool with_other) : Module(b) {
      if (with_other) other = std::make_unique<Linear>(child("other"), 2, 2);
      kept = std::make_unique<Linear>(child("kept"), 3, 2);
    }
    std::unique_ptr<Linear> other, kept;
  };
  const Two one(Build("m", Rng(5)), false), two(Build("m", Rng(5)), true);
  CHECK(same_bits(one.kept->parameters()[0]->value(), two.kept->parameters()[0]->value()));
  CHECK_FALSE(same_bits(slice(two.kept->parameters()[0]->value(), 1, 0, 2),
                        two.other->parameters()[0]->value()));
}
