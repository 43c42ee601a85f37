// Optimizers against plain loops over doubles, their state, and clipping.
#include "train/optimizer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "nn/linear.h"
#include "tensor/elementwise.h"
#include "tests/error_text.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

/// Random gradients of all parameters of a module; another number, other gradients.
Gradients gradients_of(const Module& m, std::uint64_t number) {
  Gradients g;
  Rng rng(number);
  for (const Parameter* p : m.parameters())
    g.add({.label = p->path(),
           .value = normal(rng, p->shape(), 0, 1, p->dtype()),
           .parameter = true});
  return g;
}

using Rule = std::function<void(std::vector<double>& p, const std::vector<double>& g, int t,
                                bool matrix, std::vector<double>& m, std::vector<double>& v)>;

/// Five steps of an optimizer against a rule for one parameter.
void compare(Optimizer& optimizer, const Rule& rule, double tolerance = 1e-12) {
  const Linear l(Build("l", Rng(1), DType::f64), 7, 5);  // vectors and a rest, at every level
  const auto slots = l.parameters();
  std::vector<std::vector<double>> p, m, v;
  for (const Parameter* s : slots) {
    p.push_back(s->value().to_vector<double>());
    m.emplace_back(p.back().size(), 0.0);
    v.emplace_back(p.back().size(), 0.0);
  }
  for (int t = 1; t <= 5; ++t) {
    const Gradients g = gradients_of(l, static_cast<std::uint64_t>(t));
    optimizer.step(slots, g, 0.1);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      rule(p[i], g.find(slots[i]->path())->to_vector<double>(), t, slots[i]->shape().rank() == 2,
           m[i], v[i]);
      CHECK(all_close(slots[i]->value(), from_values<double>(p[i], slots[i]->shape()), tolerance,
                      tolerance));
    }
  }
  CHECK(optimizer.steps() == 5);
}

Rule adam_rule(double b1, double b2, double eps, double decay) {
  return [=](std::vector<double>& p, const std::vector<double>& g, int t, bool matrix,
             std::vector<double>& m, std::vector<double>& v) {
    for (std::size_t i = 0; i < p.size(); ++i) {
      m[i] = b1 * m[i] + (1 - b1) * g[i];
      v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
      const double mh = m[i] / (1 - std::pow(b1, t)), vh = v[i] / (1 - std::pow(b2, t));
      p[i] -= 0.1 * (mh / (std::sqrt(vh) + eps) + (matrix ? decay : 0) * p[i]);
    }
  };
}

bool same_state(const StateDict& a, const StateDict& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && same_bits(x.second, y.second);
  });
}

}  // namespace

TEST_CASE("Adam is its formula") {
  Adam plain;
  compare(plain, adam_rule(0.9, 0.999, 1e-8, 0));
  Adam other({.beta1 = 0.5, .beta2 = 0.7, .eps = 0.1});
  compare(other, adam_rule(0.5, 0.7, 0.1, 0));
  Adam without_memory({.beta1 = 0, .beta2 = 0});
  compare(without_memory, adam_rule(0, 0, 1e-8, 0));
}

TEST_CASE("AdamW decays matrices only, and apart from the moments") {
  Adam decayed({.weight_decay = 0.3});
  compare(decayed, adam_rule(0.9, 0.999, 1e-8, 0.3));
  // A gradient of 0 leaves a bias alone and shrinks a matrix.
  const Linear l(Build("l", Rng(1), DType::f64), 2, 2);
  Gradients g;
  for (const Parameter* p : l.parameters())
    g.add({.label = p->path(), .value = zeros(p->shape(), DType::f64), .parameter = true});
  const Tensor w = copy(l.parameters()[0]->value()), b = copy(l.parameters()[1]->value());
  Adam again({.weight_decay = 0.5});
  again.step(l.parameters(), g, 0.1);
  CHECK(all_close(l.parameters()[0]->value(), mul(w, 0.95), 1e-14));
  CHECK(same_bits(l.parameters()[1]->value(), b));
}

TEST_CASE("SGD, with and without momentum") {
  const auto rule = [](double mu) -> Rule {
    return [mu](std::vector<double>& p, const std::vector<double>& g, int, bool,
                std::vector<double>& u, std::vector<double>&) {
      for (std::size_t i = 0; i < p.size(); ++i) {
        u[i] = mu * u[i] + g[i];
        p[i] -= 0.1 * u[i];
      }
    };
  };
  Sgd plain, heavy({.momentum = 0.9});
  compare(plain, rule(0));
  compare(heavy, rule(0.9));
  CHECK(plain.state().size() == 1);
  CHECK(heavy.state().size() == 3);
}

TEST_CASE("f32 follows f64") {
  const Linear small(Build("l", Rng(1)), 3, 2), large(Build("l", Rng(1)), 3, 2);
  const_cast<Linear&>(large).to(DType::f64);
  Adam a, b;
  for (std::uint64_t t = 0; t < 5; ++t) {
    Gradients g = gradients_of(large, t), h;
    for (const auto& e : g.entries())
      h.add({.label = e.label, .value = cast(e.value, DType::f32), .parameter = true});
    a.step(small.parameters(), h, 0.01);
    b.step(large.parameters(), g, 0.01);
  }
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(all_close(cast(small.parameters()[i]->value(), DType::f64),
                    large.parameters()[i]->value(), 1e-5, 1e-6));
}

TEST_CASE("f32 is the formula at every number of numbers, in whole vectors and in what is left") {
  for (int64 n = 1; n <= 80; ++n) {
    INFO(n << " numbers");
    const Linear l(Build("l", Rng(1)), n, 1);
    const auto slots = l.parameters();
    std::vector<std::vector<double>> p, m, v;
    for (const Parameter* s : slots) {
      p.push_back(cast(s->value(), DType::f64).to_vector<double>());
      m.emplace_back(p.back().size(), 0.0);
      v.emplace_back(p.back().size(), 0.0);
    }
    Adam adam({.beta1 = 0.5, .beta2 = 0.7, .eps = 0.1, .weight_decay = 0.3});
    const Rule rule = adam_rule(0.5, 0.7, 0.1, 0.3);
    for (int t = 1; t <= 3; ++t) {
      const Gradients g = gradients_of(l, static_cast<std::uint64_t>(t));
      adam.step(slots, g, 0.1);
      for (std::size_t i = 0; i < slots.size(); ++i)
        rule(p[i], cast(*g.find(slots[i]->path()), DType::f64).to_vector<double>(), t,
             slots[i]->shape().rank() == 2, m[i], v[i]);
    }
    for (std::size_t i = 0; i < slots.size(); ++i)
      CHECK(all_close(cast(slots[i]->value(), DType::f64),
                      from_values<double>(p[i], slots[i]->shape()), 1e-5, 1e-6));
  }
}

TEST_CASE("state: the same bits after it was loaded, and it stays as it was saved") {
  for (int kind = 0; kind < 2; ++kind) {
    const auto make = [kind]() -> std::unique_ptr<Optimizer> {
      if (kind == 0) return std::make_unique<Adam>(AdamConfig{.weight_decay = 0.1});
      return std::make_unique<Sgd>(SgdConfig{.momentum = 0.8});
    };
    Linear a(Build("l", Rng(1)), 5, 4), b(Build("l", Rng(2)), 5, 4);
    const auto first = make(), second = make();
    for (std::uint64_t t = 0; t < 3; ++t) first->step(a.parameters(), gradients_of(a, t), 0.1);
    const StateDict state = first->state(), model = a.state();
    StateDict frozen;
    for (const auto& [path, value] : state) frozen[path] = copy(value);
    b.load(model);
    second->load(state);
    CHECK(second->steps() == 3);
    for (std::uint64_t t = 3; t < 6; ++t) {
      first->step(a.parameters(), gradients_of(a, t), 0.1);
      second->step(b.parameters(), gradients_of(b, t), 0.1);
    }
    CHECK(same_state(a.state(), b.state()));
    CHECK(same_state(first->state(), second->state()));
    CHECK(same_state(state, frozen));
  }
}

TEST_CASE("a step leaves a graph's numbers as they were, and is in place where none holds them") {
  const Linear l(Build("l", Rng(1), DType::f64), 2, 2);
  Pass pass = Pass::eval();
  const Var x = leaf(ones({1, 2}, DType::f64));
  Adam adam;
  {
    const Var y = sum(square(l(x, pass)));
    const Gradients g = backward(y);
    adam.step(l.parameters(), g, 0.1);
    const Gradients again = backward(y);
    for (const Parameter* p : l.parameters())
      CHECK(same_bits(*again.find(p->path()), *g.find(p->path())));
    CHECK(same_bits(again.of(x), g.of(x)));
  }
  const std::byte* storage = l.parameters()[0]->value().raw();
  adam.step(l.parameters(), gradients_of(l, 1), 0.1);
  CHECK(l.parameters()[0]->value().raw() == storage);
}

TEST_CASE("a parameter without a gradient stays as it is") {
  const Linear l(Build("l", Rng(1)), 2, 2);
  Gradients g;
  g.add({.label = "l/bias", .value = ones({2}), .parameter = true});
  const Tensor w = copy(l.parameters()[0]->value());
  Adam adam({.weight_decay = 0.1});
  adam.step(l.parameters(), g, 0.1);
  CHECK(same_bits(l.parameters()[0]->value(), w));
  CHECK(adam.state().size() == 3);
  adam.step({}, {}, 0.1);
  CHECK(adam.steps() == 2);
}

TEST_CASE("what does not fit is refused, and nothing is lost") {
  Linear l(Build("l", Rng(1)), 2, 3);
  const Tensor w = copy(l.weight().value());
  Adam adam;
  Gradients shape, dtype;
  shape.add({.label = "l/weight", .value = ones({2, 3}), .parameter = true});
  dtype.add({.label = "l/weight", .value = ones({3, 2}, DType::f64), .parameter = true});
  CHECK(has(message([&] { adam.step(l.parameters(), shape, 0.1); }),
            "parameter 'l/weight' is (3, 2), its gradient (2, 3)"));
  CHECK(has(message([&] { adam.step(l.parameters(), dtype, 0.1); }),
            "parameter 'l/weight' is f32, its gradient f64"));
  CHECK(has(message([&] { adam.step(l.parameters(), {}, std::nan("")); }), "rate is nan"));
  CHECK(same_bits(l.weight().value(), w));
  CHECK(has(message([] { Adam({.beta1 = 1}); }), "betas must be in [0, 1), got 1 and 0.999"));
  CHECK(has(message([] { Adam({.beta2 = std::nan("")}); }), "got 0.9 and nan"));
  CHECK(has(message([] { Sgd({.momentum = 1}); }), "must be in [0, 1), got 1"));

  const Tensor steps = from_values<int64>(std::vector<int64>{4}, {1});
  CHECK(has(message([&] { adam.load({}); }), "has no 'steps'"));
  CHECK(has(message([&] {
              adam.load({{"steps", steps}, {"l/weight", ones({3, 2})}});
            }),
            "entry 'l/weight' (f32 (3, 2)) is no moment"));
  // A moment of another shape shows as soon as its parameter is known.
  adam.load({{"steps", steps}, {"l/weight/first", ones({2})}});
  CHECK(has(message([&] { adam.step(l.parameters(), gradients_of(l, 1), 0.1); }),
            "parameter 'l/weight' is f32 (3, 2), its first moment f32 (2)"));
  CHECK(same_bits(l.weight().value(), w));
}

TEST_CASE("clipping: the global norm, and nothing below the limit") {
  Gradients g;
  g.add({.label = "a", .value = tensor({3}, {1}), .parameter = true});
  g.add({.label = "b", .value = tensor({0, -4}, {2}), .parameter = true});
  CHECK(clip_global_norm(g, 10) == doctest::Approx(5));
  CHECK(g.find("a")->item() == 3);
  CHECK(clip_global_norm(g, 1) == doctest::Approx(5));
  CHECK(g.global_norm() == doctest::Approx(1));
  CHECK(g.find("b")->at({1}) == doctest::Approx(-0.8));
  CHECK(has(message([&] { clip_global_norm(g, 0); }), "must be above 0, got 0"));
  CHECK(has(message([&] { clip_global_norm(g, std::nan("")); }), "got nan"));
  Gradients none;
  CHECK(clip_global_norm(none, 1) == 0);
}
