// Modules: paths, slots, scopes, state; and the random bits of a pass.
#include "nn/module.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "tensor/elementwise.h"
#include "tensor/parallel.h"
#include "tests/error_text.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

/// A block of two layers with a buffer of its own; keeps the scope that it ran in.
struct Block : Layer {
  explicit Block(const Build& b)
      : Layer(b),
        first(child("first"), 2, 2),
        second(child("second"), 2, 2),
        table(buffer("table", ones({3}))) {}
  Var forward(const Var& x, Pass& pass) const override {
    return second(first(x, pass).named("hidden"), pass);
  }
  Linear first, second;
  Buffer& table;
};

/// What a module's protected part says to its own class only.
struct Open : Module {
  explicit Open(const Build& b) : Module(b) {}
  using Module::buffer;
  using Module::child;
  using Module::enter;
  using Module::parameter;
};

class ThreadsGuard {
 public:
  explicit ThreadsGuard(int n) : before_(threads()) { set_threads(n); }
  ~ThreadsGuard() { set_threads(before_); }

 private:
  int before_;
};

}  // namespace

TEST_CASE("paths, in order of construction, parents first") {
  Block m(Build("model"));
  std::vector<std::string> paths;
  for (const Parameter* p : m.parameters()) paths.push_back(p->path());
  CHECK(paths == std::vector<std::string>{"model/first/weight", "model/first/bias",
                                          "model/second/weight", "model/second/bias"});
  CHECK(m.buffers().size() == 1);
  CHECK(m.buffers()[0]->path() == "model/table");
  CHECK(m.parameter_count() == 12);
  std::vector<std::string> seen;
  m.visit([&](Module& x) { seen.push_back(x.path()); });
  CHECK(seen == std::vector<std::string>{"model", "model/first", "model/second"});
  CHECK(m.parameters()[0]->name() == "weight");
  CHECK((**m.parameters()[0]).requires_grad());
}

TEST_CASE("names: taken, empty, with a slash") {
  Open m(Build("m"));
  m.parameter("w", ones({2}));
  m.buffer("b", ones({2}));
  const Linear l(m.child("layer"), 1, 1);
  CHECK(has(message([&] { m.parameter("w", ones({1})); }), "has a parameter 'w' already"));
  CHECK(has(message([&] { m.buffer("b", ones({1})); }), "has a buffer 'b' already"));
  CHECK(has(message([&] { m.child("layer"); }), "has a child 'layer' already"));
  // Parameters and buffers share the paths of a state.
  CHECK(has(message([&] { m.parameter("b", ones({1})); }), "has a buffer 'b' already"));
  CHECK(has(message([&] { m.buffer("w", ones({1})); }), "has a parameter 'w' already"));
  for (const char* bad : {"", "a/b", "a#2", "a*", "a b"})
    CHECK(has(message([&] { m.child(bad); }), "is no name for a part of module 'm'"));
  CHECK(m.state().size() == 4);
}

TEST_CASE("a child that goes leaves its parent") {
  Open m(Build("m"));
  {
    const Linear l(m.child("layer"), 1, 1);
    CHECK(m.parameters().size() == 2);
  }
  CHECK(m.parameters().empty());
  CHECK(m.children().empty());
  const Linear again(m.child("layer"), 1, 1);
  CHECK(m.parameters().size() == 2);
}

TEST_CASE("a step through take and set leaves an old graph's numbers as they were") {
  Linear l(Build("l", Rng(1), DType::f64), 2, 2);
  Pass pass = Pass::eval();
  const Var x = leaf(tensor({1, 2}, {1, 2}, DType::f64));
  const Tensor w = copy(l.weight().value());
  const Var y = sum(square(l(x, pass)));
  const Tensor before = backward(y).of(x);

  Tensor t = l.weight().take();
  CHECK_FALSE(same_bits(t, Tensor::empty({1}, DType::f64)));
  for (int i = 0; i < 4; ++i) t.writable<double>()[i] += 1;
  l.weight().set(std::move(t));
  // The bias's value is read by no vjp: its graph still holds the node.
  Tensor b = l.bias()->take();
  b.writable<double>()[0] = 7;
  l.bias()->set(std::move(b));

  CHECK(all_close(l.weight().value(), add(w, 1.0)));
  CHECK(l.bias()->value().at({0}) == 7);
  CHECK(same_bits(backward(y).of(x), before));
  // A leaf that somebody holds stays true too.
  const Var held = *l.weight();
  const Tensor numbers = copy(held.value());
  Tensor u = l.weight().take();
  u.writable<double>()[0] = -100;
  l.weight().set(std::move(u));
  CHECK(same_bits(held.value(), numbers));
  CHECK(l.weight().value().at({0, 0}) == -100);
}

TEST_CASE("take gives the very storage where nobody else holds it, else a copy") {
  Linear l(Build("l"), 3, 3);
  const auto step = [&] {
    const std::byte* before = l.weight().value().raw();
    Tensor t = l.weight().take();
    const bool in_place = t.raw() == before;
    t.writable<float>()[0] += 1;
    l.weight().set(std::move(t));
    return in_place;
  };
  CHECK(step());
  {
    const Tensor held = l.weight().value();
    CHECK_FALSE(step());
  }
  CHECK(step());
  {
    const StateDict state = l.state();
    CHECK_FALSE(step());
  }
  {
    Pass pass = Pass::eval();
    const Var y = l(Var(ones({1, 3})), pass);
    CHECK_FALSE(step());
  }
  CHECK(step());
  {
    Pass pass = Pass::eval();
    Var loss = sum(l(Var(ones({1, 3})), pass));
    backward(std::move(loss));
  }
  CHECK(step());
  // Read without a copy, written with one: a view cannot be written into.
  l.weight().set(transpose(ones({3, 3})));
  CHECK_FALSE(step());
  CHECK(step());
}

TEST_CASE("set refuses another shape and another dtype") {
  Linear l(Build("l"), 3, 2);
  CHECK(has(message([&] {
              l.weight().set(ones({3, 2}));
            }),
            "parameter 'l/weight' is (2, 3), the new value (3, 2)"));
  CHECK(has(message([&] {
              l.weight().set(ones({2, 3}, DType::f64));
            }),
            "parameter 'l/weight' is f32, the new value f64"));
}

TEST_CASE("the paths of a state: what is missing, unknown, of another shape or dtype is named") {
  Block m(Build("model"));
  StateDict s = m.state();
  s.erase("model/first/bias");
  s["model/first/bais"] = ones({2});
  s["model/second/weight"] = ones({2, 3});
  s["model/table"] = ones({3}, DType::f64);
  const StateDict before = m.state();
  const std::string text = message([&] { m.load(s); });
  CHECK(has(text, "the state does not fit module 'model': 4 of 5 entries differ"));
  CHECK(has(text, "'model/first/bias' (2) is missing"));
  CHECK(has(text, "'model/first/bais' (2) is not in the model; did you mean 'model/first/bias'?"));
  CHECK(has(text, "'model/second/weight' is (2, 2) in the model, (2, 3) in the state"));
  CHECK(has(text, "'model/table' is f32 in the model, f64 in the state"));
  for (const auto& [path, value] : m.state()) CHECK(same_bits(value, before.at(path)));
  CHECK(has(message([&] { m.load({{"model/table", Tensor()}}); }), "5 of 5 entries differ"));
}

TEST_CASE("to: another dtype and back, buffers too") {
  Block m(Build("model"));
  const StateDict before = m.state();
  m.to(DType::f64);
  CHECK(m.second.dtype() == DType::f64);
  CHECK(m.table.value().dtype() == DType::f64);
  Pass pass = Pass::eval();
  CHECK(m(Var(ones({1, 2}, DType::f64)), pass).dtype() == DType::f64);
  m.to(DType::f32);
  for (const auto& [path, value] : m.state()) CHECK(same_bits(value, before.at(path)));
  CHECK_THROWS_AS(m.to(DType::i64), DTypeError);
}

TEST_CASE("scopes: name, and name#2 where a module is called again in the pass") {
  const Block m(Build("model"));
  const Var x(ones({1, 2}));
  Pass pass = Pass::eval();
  const Var once = m(x, pass), twice = m(x, pass);
  CHECK(once.scope() == "model/second");
  CHECK(twice.scope() == "model#2/second");
  CHECK(current_scope().empty());
  Pass fresh = Pass::eval();
  CHECK(m(x, fresh).scope() == "model/second");
  {
    // Inside an open scope a module adds its name, not its path.
    const ScopeGuard outer("experiment");
    Pass inner = Pass::eval();
    CHECK(m.first(x, inner).scope() == "experiment/first");
    CHECK(m.first(x, inner).scope() == "experiment/first#2");
  }
  const Var loss = sum(m(x, fresh));
  CHECK(backward(loss, {.keep = KeepGrads::named}).by_name("model#2/first/hidden").shape() ==
        Shape{1, 2});
}

TEST_CASE("dropout bits are a function of seed, step, micro-batch, scope and call") {
  const Dropout d(Build("drop"), 0.5);
  const Var x(ones({64, 1000}));
  const auto bits = [&](Pass pass) { return d(x, pass).value(); };
  const Tensor base = bits(Pass(Mode::train, 1, 2, 3));
  CHECK(same_bits(base, bits(Pass(Mode::train, 1, 2, 3))));
  CHECK_FALSE(same_bits(base, bits(Pass(Mode::train, 2, 2, 3))));
  CHECK_FALSE(same_bits(base, bits(Pass(Mode::train, 1, 3, 3))));
  CHECK_FALSE(same_bits(base, bits(Pass(Mode::train, 1, 2, 4))));
  CHECK_FALSE(same_bits(base, bits(Pass(Mode::train, 1, 3, 2))));
  {
    const ScopeGuard outer("model");
    CHECK_FALSE(same_bits(base, bits(Pass(Mode::train, 1, 2, 3))));
  }
  Pass twice(Mode::train, 1, 2, 3);
  CHECK(same_bits(base, d(x, twice).value()));
  CHECK_FALSE(same_bits(base, d(x, twice).value()));

  // What else a pass computes does not matter, nor does the number of threads.
  Pass busy(Mode::train, 1, 2, 3);
  const Dropout other(Build("other"), 0.5);
  other(x, busy);
  CHECK(same_bits(base, d(x, busy).value()));
  for (int n : {1, 2, 5}) {
    const ThreadsGuard guard(n);
    CHECK(same_bits(base, bits(Pass(Mode::train, 1, 2, 3))));
    // The gradient makes the same mask again.
    const Var v = leaf(ones({64, 1000}));
    Pass pass(Mode::train, 1, 2, 3);
    CHECK(same_bits(backward(sum(d(v, pass))).of(v), base));
  }
}

TEST_CASE("the keys of one scope are different, and counted in each scope for itself") {
  Pass pass(Mode::train, 9);
  const RandomKey a = pass.random_key(), b = pass.random_key();
  CHECK((a.key != b.key || a.draw != b.draw));
  const ScopeGuard scope("s");
  const RandomKey c = pass.random_key();
  CHECK(c.key != a.key);
  Pass again(Mode::train, 9);
  const RandomKey d = again.random_key();
  CHECK(c.key == d.key);
  CHECK(c.draw == d.draw);
}
