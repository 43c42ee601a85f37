// Elementwise chains, rows, matrix products, tiny ops.
#include "autograd/backward.h"
#include "autograd/ops.h"
#include "nn/loss.h"
#include "nn/ops.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/random.h"
#include "tools/benchmarks/cases.h"

namespace gradus::bench {
namespace {

constexpr double kMillion = 1e6;
const Shape kRows{8192, 256};
constexpr double kRowElements = 8192 * 256;

Tensor numbers(const Shape& shape, std::uint64_t seed) {
  Rng rng = Rng(seed).stream("benchmark");
  return normal(rng, shape, 0, 1);
}

/// Forward and backward of f(x), summed to a number by its product with fixed weights.
template <class F>
std::function<void()> both_ways(const Shape& shape, F f) {
  const Tensor x = numbers(shape, 1);
  const Tensor g = numbers(shape, 2);
  return [x, g, f] {
    const Var in = leaf(x);
    backward(f(in), g).of(in);
  };
}

/// A chain of 500 steps y = y b + x.
std::function<void()> chain(const Shape& shape) {
  const Tensor x = numbers(shape, 1), b = mul(numbers(shape, 2), 0.1);
  return [x, b] {
    const Var in = leaf(x), factor = leaf(b);
    Var y = in;
    for (int i = 0; i < 500; ++i) y = y * factor + in;
    backward(sum(y)).of(in);
  };
}

std::function<void()> product(int64 n) {
  const Tensor a = numbers({n, n}, 1), b = numbers({n, n}, 2), g = numbers({n, n}, 3);
  return [a, b, g] {
    const Var left = leaf(a), right = leaf(b);
    backward(matmul(left, right), g).of(left);
  };
}

/// An encoding of q and k, and the gradients by them and by what it learns.
std::function<void()> encoded(const char* name) {
  std::shared_ptr<PositionalEncoding> encoding =
      build_encoding(find_encoding(name), Build("encoding", Rng(1)), EncodingShape{256, 8});
  const Shape shape{4, 8, 1024, 32};
  const Tensor q = numbers(shape, 1), k = numbers(shape, 2);
  const Positions positions = time_positions(1024);
  return [encoding, q, k, positions] {
    Pass pass = Pass::eval();
    const Var vq = leaf(q), vk = leaf(k);
    const QueryKey t = encoding->transform(vq, vk, positions, pass);
    backward(sum(t.q) + sum(t.k)).of(vq);
  };
}

Case forward_only(const char* name, const char* what, Work work, Var (*f)(At)) {
  return {name, what, work, 1, [f] {
            const Tensor x = numbers({1000000}, 1);
            return std::function<void()>([x, f] {
              const NoGrad no_grad;
              f(Var(x));
            });
          }};
}

}  // namespace

std::vector<Case> op_cases() {
  std::vector<Case> all;
  const double rows_bytes = 4 * kRowElements;
  all.push_back(
      {"tiny_scalar", "mul, add of numbers, fwd+bwd, per op", {}, 1000, [] { return chain({}); }});
  all.push_back(
      {"tiny_16", "mul, add of 16 numbers, fwd+bwd, per op", {}, 1000, [] { return chain({16}); }});
  all.push_back({"graph_1e6", "a graph of 10^6 nodes: built, differentiated, freed", {}, 1, [] {
                   const Tensor half = scalar(0.5);
                   return std::function<void()>([half] {
                     const Var in = leaf(half);
                     Var y = in;
                     for (int i = 0; i < 1'000'000; ++i) y = neg(y);
                     backward(std::move(y)).of(in);
                   });
                 }});
  all.push_back({"chain_1e6",
                 "x a + b, tanh, x a - b, sigmoid, sum of 10^6, fwd+bwd",
                 // 17 tensors are read or written forward and 23 on the way back; 12 are held.
                 {0, 2 * kMillion, 40 * 4 * kMillion, 12 * 4 * kMillion},
                 1,
                 [] {
                   const Tensor x = numbers({1000000}, 1), a = numbers({1000000}, 2),
                                b = numbers({1000000}, 3);
                   return std::function<void()>([x, a, b] {
                     const Var in = leaf(x), p = leaf(a), q = leaf(b);
                     const Var y = sum(sigmoid(tanh(in * p + q) * p - q));
                     backward(y).of(in);
                   });
                 }});
  all.push_back(forward_only("exp_1e6", "exp of 10^6, forward",
                             {0, kMillion, 8 * kMillion, 8 * kMillion}, exp));
  all.push_back(forward_only("tanh_1e6", "tanh of 10^6, forward",
                             {0, kMillion, 8 * kMillion, 8 * kMillion}, tanh));
  all.push_back(forward_only("gelu_1e6", "GELU of 10^6, forward",
                             {0, kMillion, 8 * kMillion, 8 * kMillion}, gelu));
  all.push_back({"softmax_rows",
                 "softmax of [8192, 256], fwd+bwd",
                 {0, kRowElements, 5 * rows_bytes, 4 * rows_bytes},
                 1,
                 [] { return both_ways(kRows, [](const Var& x) { return softmax(x); }); }});
  all.push_back({"gelu_rows",
                 "GELU of [8192, 256], fwd+bwd",
                 {0, 2 * kRowElements, 5 * rows_bytes, 4 * rows_bytes},
                 1,
                 [] { return both_ways(kRows, [](const Var& x) { return gelu(x); }); }});
  all.push_back({"layer_norm",
                 "LayerNorm of [8192, 256], fwd+bwd",
                 {0, 0, 5 * rows_bytes, 4 * rows_bytes},
                 1,
                 [] {
                   const Tensor x = numbers(kRows, 1), g = numbers(kRows, 2), gain = ones({256}),
                                bias = zeros({256});
                   return std::function<void()>([x, g, gain, bias] {
                     const Var in = leaf(x), p = leaf(gain), q = leaf(bias);
                     backward(layer_norm(in, p, q), g).of(in);
                   });
                 }});
  all.push_back({"cross_entropy",
                 "softmax cross entropy of [8192, 256], fwd+bwd",
                 {0, kRowElements, 3 * rows_bytes, 2 * rows_bytes},
                 1,
                 [] {
                   const Tensor x = numbers(kRows, 1);
                   Rng rng = Rng(2).stream("benchmark");
                   const Tensor ids = integers(rng, {8192}, 0, 256);
                   return std::function<void()>([x, ids] {
                     const Var in = leaf(x);
                     backward(cross_entropy_loss(in, Var(ids))).of(in);
                   });
                 }});
  for (const int64 n : {64, 512}) {
    const double cube = static_cast<double>(n * n * n);
    all.push_back({"matmul_" + std::to_string(n),
                   "product of [" + std::to_string(n) + ", " + std::to_string(n) + "], fwd+bwd",
                   {6 * cube, 0, 0},
                   1,
                   [n] { return product(n); }});
  }
  all.push_back(
      {"linear", "Linear 128 -> 512 of 2048 rows, fwd+bwd", {6.0 * 2048 * 128 * 512, 0, 0}, 1, [] {
         const Tensor x = numbers({2048, 128}, 1), w = numbers({512, 128}, 2), b = zeros({512}),
                      g = numbers({2048, 512}, 3);
         return std::function<void()>([x, w, b, g] {
           const Var in = leaf(x), weight = leaf(w), bias = leaf(b);
           backward(matmul(in, transpose(weight)) + bias, g).of(in);
         });
       }});
  const double turned_bytes = 4.0 * 4 * 4 * 8 * 1024 * 32 * 2;
  all.push_back({"rope_1024",
                 "RoPE of q and k, B 4, H 8, N 1024, d 32, fwd+bwd",
                 {0, 0, turned_bytes, turned_bytes},
                 1,
                 [] { return encoded("rope"); }});
  all.push_back({"ropepool_1024",
                 "RoPEPool of q and k, B 4, H 8, N 1024, d 32, fwd+bwd",
                 {0, 0, turned_bytes, turned_bytes},
                 1,
                 [] { return encoded("ropepool"); }});
  return all;
}

}  // namespace gradus::bench
