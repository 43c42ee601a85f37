// Biases of lags under the toeplitz core: a number for each lag, and time in equal steps alone.
#include <doctest/doctest.h>

#include "nn/attention_core.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr int64 kHeads = 2, kSize = 4, kTokens = 5;

struct Sequence {
  Sequence() {
    Rng rng(4);
    const auto x = [&] {
      return Var(normal(rng, {1, kHeads, kTokens, kSize}, 0, 0.5, DType::f64));
    };
    q = x(), k = x(), v = x();
  }
  Var q, k, v;
};

}  // namespace

TEST_CASE("a label that is no time in equal steps is refused by the toeplitz core alone") {
  const Sequence s;
  const auto e = encoding("toeplitz", {kHeads * kSize, kHeads}, {"tracks=chord"});
  const Positions p =
      labelled_positions(reshape(tensor({0, 3, 3, 1, 2}, {5}, DType::f64), {1, 5, 1}),
                         {{.name = "chord", .kind = TrackKind::token}});
  Pass pass = Pass::eval();
  const auto run = [&](CoreKind kind) {
    CoreConfig c;
    c.kind = kind;
    const auto core = make_core(Build("core", Rng(2), DType::f64), c, *e, kSize);
    (void)(*core)(s.q, s.k, s.v, p, pass);
  };
  run(CoreKind::softmax);
  CHECK(has(message<ConfigError>([&] { run(CoreKind::toeplitz); }),
            "time must go in equal steps and be the only track"));
}

TEST_CASE("toeplitz: a bias for each lag, and none beyond max_length") {
  const auto e = encoding("toeplitz", {4, 2}, {"max_length=3"});
  const Tensor table = e->parameters()[0]->value();
  REQUIRE(table.shape() == Shape{2, 5});
  Pass pass = Pass::eval();
  const Tensor b = e->lag_bias(tensor({-2, -1, 0, 1, 2}, {5}, DType::f64), pass)->value();
  CHECK(max_difference(b, table) == 0);
  CHECK(has(message<IndexError>([&] { e->lag_bias(scalar(-3, DType::f64), pass); }),
            "toeplitz has biases of lags below max_length = 3; labels of 'time' are 3 apart: raise "
            "max_length"));
  CHECK(has(message<IndexError>([&] { e->lag_bias(scalar(0.5, DType::f64), pass); }),
            "labels of 'time' are 0.5 apart"));
}
