// checkpoint: one node, less memory, the bits of a plain run.
#include "autograd/checkpoint.h"

#include <doctest/doctest.h>

#include "autograd/backward.h"
#include "autograd/observe.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "tensor/memory.h"
#include "tensor/random.h"

using namespace gradus;

namespace {

Tensor random(std::uint64_t seed, const Shape& shape) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, DType::f64);
}
/// x [n, d], w [d, d]: several ops, one with a mask made of a key.
Var block(std::span<const Var> in) {
  const Var h = tanh(matmul(in[0], in[1])).named("h");
  return dropout(softmax(h * h + in[0]), 0.3, 7, 1) * in[0];
}
struct Case {
  Var x = leaf(random(1, {5, 4}), "x"), w = leaf(random(2, {4, 4}), "w");
  Var plain() const { return sum(square(block(std::vector<Var>{x, w}))); }
  Var checkpointed() const { return sum(square(checkpoint(block, {x, w}))); }
};

}  // namespace

TEST_CASE("value and gradients have the bits of a plain run") {
  const Case c;
  const Var a = c.plain(), b = c.checkpointed();
  CHECK(same_bits(a.value(), b.value()));
  const Gradients ga = backward(a), gb = backward(b);
  CHECK(same_bits(ga.of(c.x), gb.of(c.x)));
  CHECK(same_bits(ga.of(c.w), gb.of(c.w)));
  CHECK(same_bits(backward(b).of(c.w), ga.of(c.w)));  // again
}

TEST_CASE("it is one node whose inputs are given, at the caller's line") {
  const Case c;
  const Var y = checkpoint(block, {c.x, c.w});
  const int line = __LINE__ - 1;
  CHECK(y.op()->name == "checkpoint");
  CHECK(y.inputs() == std::vector<Var>{c.x, c.w});
  CHECK(y.where().text() == fmt::format("checkpoint_test.cpp:{}", line));
  CHECK(y.attrs().text() == "f=...");
}

TEST_CASE("create_graph: first and second derivatives have the bits of a plain run") {
  const Case c;
  const auto orders = [&](const Var& loss) {
    std::vector<Var> first = grad(loss, {c.x, c.w}, {.create_graph = true});
    const std::vector<Var> second = grad(sum(first[0] * first[0]) + sum(first[1]), {c.x, c.w});
    first.insert(first.end(), second.begin(), second.end());
    return first;
  };
  const std::vector<Var> a = orders(c.plain()), b = orders(c.checkpointed());
  CHECK(same_bits(a[0].value(), b[0].value()));
  CHECK(same_bits(a[1].value(), b[1].value()));
  CHECK(all_close(a[2].value(), b[2].value(), 1e-12, 1e-13));
  CHECK(all_close(a[3].value(), b[3].value(), 1e-12, 1e-13));
}

TEST_CASE("one input that depends on another is not counted twice, at any order") {
  const Var x = leaf(scalar(0.7, DType::f64));
  const auto f = [](std::span<const Var> in) { return in[0] * square(in[1]); };
  const auto second = [&](const Var& y) {
    const Var d = grad(y, {x}, {.create_graph = true})[0];
    return std::vector<double>{d.item(), grad(d, {x})[0].item()};
  };
  const Var e = exp(x);
  const auto plain = second(f(std::vector<Var>{x, e})), kept = second(checkpoint(f, {x, e}));
  CHECK(plain[0] == doctest::Approx(kept[0]));
  CHECK(plain[1] == doctest::Approx(kept[1]));
  CHECK(grad(checkpoint(f, {x, x}), {x})[0].item() == doctest::Approx(3 * 0.49));
}

TEST_CASE("a chain of blocks takes clearly less memory at its peak") {
  constexpr int64 kSize = 4 << 10;
  const auto deep = [](std::span<const Var> in) {
    Var x = in[0];
    for (int i = 0; i < 16; ++i) x = tanh(x);
    return x;
  };
  const auto peak = [&](bool use) {
    const Var w = leaf(ones({kSize}, DType::f64));
    const std::uint64_t before = pool_stats().live_bytes;
    pool_reset_peak();
    Var y = w;
    for (int i = 0; i < 16; ++i) y = use ? checkpoint(deep, {y}) : deep(std::vector<Var>{y});
    Var loss = sum(y);
    y.reset();
    backward(std::move(loss));
    return pool_stats().peak_live_bytes - before;
  };
  const std::uint64_t plain = peak(false), less = peak(true);
  INFO("plain ", plain, " checkpointed ", less);
  CHECK(4 * less < plain);
}

TEST_CASE("nested checkpoints") {
  const Case c;
  const auto nested = [](std::span<const Var> in) {
    const Var h = checkpoint(block, {in[0], in[1]});
    return checkpoint(block, {h, in[1]});
  };
  const auto plain = [](std::span<const Var> in) {
    return block(std::vector<Var>{block(in), in[1]});
  };
  const std::vector<Var> in{c.x, c.w};
  const Gradients a = backward(sum(plain(in))), b = backward(sum(checkpoint(nested, in)));
  CHECK(all_close(a.of(c.x), b.of(c.x), 1e-13, 1e-14));
  CHECK(all_close(a.of(c.w), b.of(c.w), 1e-13, 1e-14));
}

TEST_CASE("only the wanted inputs get a gradient") {
  const Case c;
  const Var x(c.x.value());
  const Gradients g = backward(sum(checkpoint(block, {x, c.w})));
  CHECK(g.has(c.w));
  CHECK_FALSE(g.has(x));
  const Var unused = leaf(scalar(1, DType::f64), "unused");
  CHECK_FALSE(backward(sum(checkpoint(block, {c.x, c.w, unused}))).has(unused));
}

TEST_CASE("without a gradient to keep, and under Fusion::off, f runs as it is") {
  const Case c;
  const Var x(c.x.value()), w(c.w.value());
  CHECK(checkpoint(block, {x, w}).op()->name == "mul");
  {
    const NoGrad off;
    CHECK(checkpoint(block, {c.x, c.w}).op()->name == "mul");
  }
  const FusionGuard off(Fusion::off);
  const Var y = checkpoint(block, {c.x, c.w});
  const Gradients g = backward(sum(y), {.keep = KeepGrads::named});
  CHECK(g.find("h") != nullptr);
}

TEST_CASE("a Var with a gradient that is no input is refused: its gradient would be lost") {
  const Case c;
  const Var hidden = leaf(scalar(2, DType::f64), "hidden");
  const Var y = sum(checkpoint([&](std::span<const Var> in) { return in[0] * hidden; }, {c.x}));
  CHECK_THROWS_AS(backward(y), GraphError);
  try {
    backward(y);
  } catch (const GraphError& e) {
    CHECK(e.rule() ==
          "the function uses 'hidden', which is not among its inputs: its gradient would be lost; "
          "pass it as an input");
    CHECK(std::string(e.what()).find("in the vjp of: 'checkpoint#") != std::string::npos);
    CHECK(std::string(e.what()).find("recorded at: checkpoint_test.cpp:") != std::string::npos);
  }
  CHECK_THROWS_AS(grad(y, {c.x}, {.create_graph = true}), GraphError);
}

TEST_CASE("a function with hidden state is found out where shapes tell") {
  int runs = 0;
  const Var x = leaf(ones({3}, DType::f64));
  const Var y = sum(checkpoint(
      [&](std::span<const Var> in) { return ++runs == 1 ? in[0] : slice(in[0], 0, 0, 2); }, {x}));
  CHECK_THROWS_AS(backward(y), GraphError);
}

TEST_CASE("scope and hooks: the recomputation has the names of the first run") {
  const Case c;
  std::vector<std::string> seen;
  int grads = 0, ends = 0;
  const HookHandle v = on_value("model/h", [&](ValueEvent& e) {
    seen.push_back(e.node.label());
    e.replace(scale(e.node, 2));
  });
  const HookHandle g = on_grad("model/h", [&](GradEvent& e) {
    ++grads;
    e.replace(scale(e.cotangent(), 3));
  });
  const HookHandle both = on_grad("*x", [&](GradEvent&) { ++ends; });
  const auto run = [&](bool use) {
    const ScopeGuard scope("model");
    const Var y = use ? checkpoint(block, {c.x, c.w}) : block(std::vector<Var>{c.x, c.w});
    const ScopeGuard elsewhere("elsewhere");
    return backward(sum(y));
  };
  const Gradients kept = run(true);
  CHECK(seen == std::vector<std::string>{"model/h", "model/h"});  // both runs
  CHECK(grads == 1);
  CHECK(ends == 1);  // x itself, not its stand-in
  const Gradients plain = run(false);
  CHECK(same_bits(kept.of(c.w), plain.of(c.w)));
  CHECK(same_bits(kept.of(c.x), plain.of(c.x)));
}

TEST_CASE("observers see the ops of the first run and the vjps of the second") {
  struct Listener : Observer {
    int forward = 0, vjps = 0;
    void on_forward(const Var& v) override { forward += v.op()->name == "softmax"; }
    void on_vjp(const VjpEvent& e) override { vjps += e.node.op()->name == "softmax"; }
  } heard;
  const Case c;
  const ObserverGuard guard(heard);
  backward(c.checkpointed());
  CHECK(heard.forward == 1);
  CHECK(heard.vjps == 1);
}

TEST_CASE("an exception in f leaks nothing and restores the state") {
  const Case c;
  const std::uint64_t before = pool_stats().live_bytes;
  int runs = 0;
  const auto f = [&](std::span<const Var> in) -> Var {
    const Var h = exp(in[0]);
    if (++runs == 2) throw std::runtime_error("second run");
    return h;
  };
  CHECK_THROWS_AS(backward(sum(checkpoint(f, {c.x}))), std::runtime_error);
  CHECK(recording().grad);
  CHECK(pool_stats().live_bytes == before);
  CHECK_THROWS_AS(checkpoint(block, {Var(), c.w}), GraphError);
}
