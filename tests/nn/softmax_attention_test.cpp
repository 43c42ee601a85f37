// Softmax attention in blocks against its reference, at sizes around a block and a vector.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "autograd/record.h"
#include "nn/ops.h"
#include "tensor/elementwise.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"

using namespace gradus;

namespace {

struct Case {
  int64 batch = 2, heads = 2, queries = 5, keys = 5, width = 4, value_width = 4;
  bool causal = true;
  int64 first = 0;
  bool lag = false, lag_shared = false, mask = false;
  int64 bias_batch = 0, bias_heads = 0;  // 0: no score bias
  double drop = 0;
};

struct Inputs {
  Var q, k, v;
  SoftmaxTerms terms;
  Tensor g;
  std::vector<Var> leaves() const {
    std::vector<Var> list{q, k, v};
    if (terms.lag.defined()) list.push_back(terms.lag);
    if (terms.bias.defined()) list.push_back(terms.bias);
    return list;
  }
};

Inputs inputs_of(const Case& c, DType dtype) {
  Rng rng(3);
  const auto random = [&](const Shape& s) { return cast(normal(rng, s, 0, 1, DType::f64), dtype); };
  Inputs in{leaf(random({c.batch, c.heads, c.queries, c.width})),
            leaf(random({c.batch, c.heads, c.keys, c.width})),
            leaf(random({c.batch, c.heads, c.keys, c.value_width})),
            {},
            random({c.batch, c.heads, c.queries, c.value_width})};
  in.terms.scale = 0.7, in.terms.causal = c.causal, in.terms.first = c.first;
  in.terms.drop = c.drop, in.terms.key = 11, in.terms.draw = 4;
  if (c.lag) in.terms.lag = leaf(random({c.lag_shared ? 1 : c.heads, c.queries + c.keys - 1}));
  if (c.bias_heads > 0)
    in.terms.bias = leaf(random({c.bias_batch, c.bias_heads, c.queries, c.keys}));
  if (c.mask) in.terms.key_mask = bernoulli(rng, {c.batch, c.keys}, 0.6);
  return in;
}

/// The output, then every gradient.
std::vector<Tensor> run(const Inputs& in, Fusion fusion = Fusion::on) {
  const FusionGuard guard(fusion);
  const Var y = softmax_attention(in.q, in.k, in.v, in.terms);
  const Gradients g = backward(y, in.g);
  std::vector<Tensor> all{y.value()};
  for (const Var& v : in.leaves()) all.push_back(g.of(v));
  return all;
}

void compare(const Case& c) {
  INFO("B " << c.batch << " H " << c.heads << " Nq " << c.queries << " Nk " << c.keys << " d "
            << c.width << " dv " << c.value_width << " causal " << c.causal << " first " << c.first
            << " lag " << c.lag << " bias " << c.bias_heads << " mask " << c.mask << " drop "
            << c.drop);
  for (const DType dtype : {DType::f64, DType::f32}) {
    const Inputs in = inputs_of(c, dtype);
    const std::vector<Tensor> fused = run(in), wanted = run(in, Fusion::off);
    const double tolerance = dtype == DType::f64 ? 1e-12 : 2e-5;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      INFO("result " << i << " of " << name(dtype));
      REQUIRE(fused[i].shape() == wanted[i].shape());
      if (wanted[i].numel() == 0) continue;
      CHECK(max_difference(fused[i], wanted[i]) <=
            tolerance * std::max(1.0, statistics(wanted[i]).max_abs));
    }
  }
}

}  // namespace

TEST_CASE("values and gradients are the reference's, at any size") {
  for (const int64 n : {1, 2, 15, 16, 17, 63, 64, 65, 130})
    for (const bool causal : {true, false})
      compare({.queries = n, .keys = n, .width = 8, .value_width = 8, .causal = causal});
  for (const int64 d : {1, 3, 8, 16, 17, 32, 40})
    compare({.queries = 20, .keys = 20, .width = d, .value_width = 41 - d});
  compare({.batch = 1, .heads = 1, .queries = 200, .keys = 200});
  compare({.batch = 1, .heads = 5, .queries = 70, .keys = 300, .causal = false});
}

TEST_CASE("queries are any rows of the keys") {
  for (const int64 first : {0, 1, 30, 64, 99})
    compare({.queries = 31, .keys = 130, .width = 5, .value_width = 3, .first = first});
  compare({.queries = 1, .keys = 70, .first = 69});
  compare({.queries = 70, .keys = 3, .causal = false});
}

TEST_CASE("biases and their gradients") {
  for (const int64 n : {1, 7, 64, 65, 140})
    for (const bool causal : {true, false}) {
      compare({.queries = n, .keys = n, .causal = causal, .lag = true});
      compare({.queries = n, .keys = n, .causal = causal, .bias_batch = 2, .bias_heads = 2});
    }
  compare({.queries = 30, .keys = 90, .first = 60, .lag = true, .lag_shared = true});
  compare({.heads = 3, .queries = 70, .keys = 80, .first = 10, .bias_batch = 1, .bias_heads = 3});
  compare({.heads = 3, .queries = 70, .keys = 80, .first = 10, .bias_batch = 2, .bias_heads = 1});
  compare({.queries = 70, .keys = 70, .lag = true, .bias_batch = 1, .bias_heads = 1});
}

TEST_CASE("padding and dropout") {
  for (const bool causal : {true, false}) {
    compare({.queries = 70, .keys = 70, .causal = causal, .mask = true});
    compare({.queries = 9, .keys = 9, .causal = causal, .mask = true, .drop = 0.5});
    compare({.queries = 67, .keys = 131, .causal = causal, .first = 64, .drop = 0.3});
    compare({.queries = 66,
             .keys = 66,
             .causal = causal,
             .lag = true,
             .mask = true,
             .bias_batch = 1,
             .bias_heads = 2,
             .drop = 0.2});
  }
}

TEST_CASE("sizes of 0") {
  compare({.batch = 0});
  compare({.heads = 0});
  compare({.queries = 0});
  compare({.keys = 0, .causal = false});
  compare({.width = 0});
  compare({.value_width = 0});
}

TEST_CASE("any strides") {
  Rng rng(1);
  const Tensor whole = normal(rng, {2, 67, 3, 3, 6}, 0, 1, DType::f64);  // [B,N,qkv,H,d]
  const auto part = [&](int64 i) { return permute(select(whole, 2, i), {0, 2, 1, 3}); };
  const Tensor g = permute(normal(rng, {67, 6, 3, 2}, 0, 1, DType::f64), {3, 2, 0, 1});
  Inputs in{leaf(part(0)), leaf(part(1)), leaf(part(2)), {}, g};
  in.terms.causal = true;
  in.terms.bias = leaf(transpose(normal(rng, {1, 3, 67, 67}, 0, 1, DType::f64)));
  const Inputs plain{leaf(copy(part(0))),
                     leaf(copy(part(1))),
                     leaf(copy(part(2))),
                     {.causal = true, .bias = leaf(copy(in.terms.bias.value()))},
                     copy(g)};
  const std::vector<Tensor> a = run(in), b = run(plain);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(same_bits(a[i], b[i]));
}

TEST_CASE("the same bits for any number of threads") {
  const int before = threads();
  for (const Case& c : {Case{.queries = 300, .keys = 300, .width = 16, .lag = true},
                        Case{.batch = 1, .heads = 1, .queries = 400, .keys = 400, .width = 32},
                        Case{.heads = 4,
                        .queries = 130,
                        .keys = 130,
                        .bias_batch = 1,
                        .bias_heads = 1,
                        .drop = 0.1}}) {
    const Inputs in = inputs_of(c, DType::f32);
    set_threads(1);
    const std::vector<Tensor> one = run(in);
    set_threads(3);
    const std::vector<Tensor> three = run(in);
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(same_bits(one[i], three[i]));
  }
  set_threads(before);
}

TEST_CASE("NaN and infinite scores count as in the reference") {
  for (const double x : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    Inputs in = inputs_of({.batch = 1, .heads = 1, .bias_batch = 1, .bias_heads = 1}, DType::f64);
    std::vector<double> bias(25, 0.5);
    bias[5] = x;             // query 1 sees key 0
    bias[3] = std::nan("");  // query 0 does not see key 3
    if (x == -HUGE_VAL) bias[6] = x;
    in.terms.bias = leaf(from_values(bias, {1, 1, 5, 5}));
    const std::vector<double> fused = run(in)[0].to_vector<double>();
    const std::vector<double> wanted = run(in, Fusion::off)[0].to_vector<double>();
    for (std::size_t i = 0; i < fused.size(); ++i) {
      INFO("score " << x << ", element " << i);
      CHECK(std::isnan(fused[i]) == std::isnan(wanted[i]));
    }
    CHECK(std::isnan(fused[4]));
  }
}

TEST_CASE("memory grows with the tokens, not with their square") {
  const int before = threads();  // each thread has blocks of its own
  set_threads(1);
  const auto peak = [](int64 n) {
    const Inputs in =
        inputs_of({.batch = 1, .heads = 1, .queries = n, .keys = n, .lag = true}, DType::f32);
    pool_reset_peak();
    const std::uint64_t live = pool_stats().live_bytes;
    run(in);
    return static_cast<double>(pool_stats().peak_live_bytes - live);
  };
  CHECK(peak(2048) <= 5 * peak(512));
  set_threads(before);
}
