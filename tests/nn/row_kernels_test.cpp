// The fused norms, losses and activations against their references, at the level in use: value and
// every gradient, for every count of whole vectors and remainder, one row, no rows.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "autograd/backward.h"
#include "autograd/record.h"
#include "nn/ops.h"
#include "tensor/elementwise.h"
#include "tensor/random.h"
#include "tensor/reduce.h"

using namespace gradus;

namespace {

struct Fused {
  const char* name;
  /// Inputs of [rows, width]; the last ones may be constants.
  std::function<std::vector<Tensor>(Rng&, int64 rows, int64 width, DType)> inputs;
  std::function<Var(const std::vector<Var>&)> op;
  int leaves;
};

std::vector<Tensor> plain(Rng& rng, int64 rows, int64 width, DType t) {
  return {uniform(rng, {rows, width}, -4, 4, t)};
}
std::vector<Tensor> with_targets(Rng& rng, int64 rows, int64 width, DType t) {
  return {uniform(rng, {rows, width}, -4, 4, t), uniform(rng, {rows, width}, 0, 1, t)};
}
std::vector<Tensor> with_gains(Rng& rng, int64 rows, int64 width, DType t) {
  return {uniform(rng, {rows, width}, -1, 3, t), uniform(rng, {width}, 0.5, 1.5, t),
          uniform(rng, {width}, -1, 1, t)};
}
std::vector<Tensor> with_ids(Rng& rng, int64 rows, int64 width, DType t) {
  return {uniform(rng, {rows, width}, -4, 4, t), integers(rng, {rows}, 0, width)};
}

const std::vector<Fused>& all_fused() {
  using Vars = std::vector<Var>;
  static const std::vector<Fused> all = {
      {"gelu", plain, [](const Vars& v) { return gelu(v[0]); }, 1},
      {"silu", plain, [](const Vars& v) { return silu(v[0]); }, 1},
      {"bce_with_logits", with_targets,
       [](const Vars& v) { return bce_with_logits(v[0], v[1], 2, 0); }, 2},
      {"bce_with_logits, focal", with_targets,
       [](const Vars& v) { return bce_with_logits(v[0], v[1], 2, 1.5); }, 2},
      {"cross_entropy_rows", with_ids,
       [](const Vars& v) { return cross_entropy_rows(v[0], v[1], 0, 0); }, 1},
      {"cross_entropy_rows, smoothed", with_ids,
       [](const Vars& v) { return cross_entropy_rows(v[0], v[1], 0.1, -1); }, 1},
      {"layer_norm", with_gains, [](const Vars& v) { return layer_norm(v[0], v[1], v[2], 1e-5); },
       3},
      {"rms_norm", with_gains, [](const Vars& v) { return rms_norm(v[0], v[1], 1e-5); }, 2}};
  return all;
}

struct Results {
  std::vector<Tensor> of;
};

/// The value, then the gradients.
Results run(const Fused& f, const std::vector<Tensor>& in, const Tensor& cotangent) {
  std::vector<Var> v;
  for (std::size_t i = 0; i < in.size(); ++i)
    v.push_back(static_cast<int>(i) < f.leaves ? leaf(in[i]) : Var(in[i]));
  const Var y = f.op(v);
  Results r{{y.value()}};
  const Gradients g = backward(y, cotangent);
  for (int i = 0; i < f.leaves; ++i) r.of.push_back(g.of(v[static_cast<std::size_t>(i)]));
  return r;
}

/// The largest difference, relative to the largest number (at least 1).
double distance(const Tensor& a, const Tensor& b) {
  if (a.numel() == 0) return a.shape() == b.shape() ? 0 : 1;
  const double size = std::max(1.0, max(abs(b)).item());
  return max(abs(sub(cast(a, DType::f64), cast(b, DType::f64)))).item() / size;
}

void check(const Fused& f, int64 rows, int64 width, DType t) {
  CAPTURE(f.name);
  CAPTURE(rows);
  CAPTURE(width);
  CAPTURE(name(t));
  Rng rng(static_cast<std::uint64_t>(1000 * rows + width));
  const std::vector<Tensor> in = f.inputs(rng, rows, width, t);
  std::vector<Var> plain_in(in.begin(), in.end());
  const Shape shape = f.op(plain_in).value().shape();
  const Tensor cotangent = uniform(rng, shape, -1, 1, t);
  const Results fused = run(f, in, cotangent);
  const FusionGuard off(Fusion::off);
  const Results reference = run(f, in, cotangent);
  for (std::size_t i = 0; i < fused.of.size(); ++i) {
    CAPTURE(i);
    // Sums over 130 rows of f32 lose some 10 ulp in the reference.
    CHECK(distance(fused.of[i], reference.of[i]) <= (t == DType::f32 ? 1e-5 : 1e-13));
  }
}

}  // namespace

TEST_CASE("fused rows against their references, every remainder of a vector") {
  for (const Fused& f : all_fused())
    for (const DType t : {DType::f32, DType::f64}) {
      for (int64 width = 2; width <= 35; ++width) check(f, 3, width, t);
      check(f, 1, 1, t);
      check(f, 130, 100, t);
      check(f, 0, 5, t);
    }
}

TEST_CASE("fused rows of strided inputs") {
  Rng rng(3);
  for (const Fused& f : all_fused())
    for (const DType t : {DType::f32, DType::f64}) {
      CAPTURE(f.name);
      std::vector<Tensor> in = f.inputs(rng, 5, 19, t), strided = in;
      for (Tensor& x : strided)
        if (x.rank() == 2) x = transpose(contiguous(transpose(x)));
      std::vector<Var> plain_in(in.begin(), in.end());
      const Tensor cotangent = uniform(rng, f.op(plain_in).value().shape(), -1, 1, t);
      const Results a = run(f, in, cotangent), b = run(f, strided, cotangent);
      for (std::size_t i = 0; i < a.of.size(); ++i) CHECK(distance(a.of[i], b.of[i]) == 0);
    }
}

TEST_CASE("layer_norm keeps the variance of numbers far from 0") {
  // Their mean, 1e8 + 4, is no f32: it rounds to the lower of the two.
  const Tensor x = tensor({1e8, 1e8 + 8, 1e8, 1e8 + 8}, {1, 4});
  const Tensor y = layer_norm(Var(x), Var(ones({4})), Var(zeros({4})), 1e-5).value();
  CHECK(y.at({0, 1}) - y.at({0, 0}) == doctest::Approx(2));
}

TEST_CASE("a NaN or an infinite logit shows in its own row alone") {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const DType t : {DType::f32, DType::f64}) {
    const Tensor x = tensor({1, nan, 3, 1, -inf, 2, -inf, -inf, 0}, {3, 3}, t);
    const Tensor ids = tensor({0, 0, 2}, {3}, DType::i64);
    const Var logits = leaf(x);
    const Var y = cross_entropy_rows(logits, Var(ids), 0, -1);
    CHECK(std::isnan(y.value().at({0})));
    CHECK(y.value().at({1}) == doctest::Approx(std::log1p(std::exp(1.0))));
    CHECK(y.value().at({2}) == 0);
    const Tensor g = backward(sum(y)).of(logits);
    CHECK(std::isnan(g.at({0, 0})));
    CHECK(g.at({1, 1}) == 0);
    for (int64 j : {0, 1, 2}) CHECK(g.at({2, j}) == 0);
  }
}
