// Biases that depend on more than the lag: FIRE on how far the query could look back, CoPE on what
// stands between.
#include <doctest/doctest.h>

#include "tensor/index.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr EncodingShape kShape{8, 2};

Tensor random(std::uint64_t seed, const Shape& shape) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, DType::f64);
}

Tensor bias(const PositionalEncoding& e, const Tensor& q, const Tensor& k, const Positions& p) {
  Pass pass = Pass::eval();
  return e.score_bias(Var(q), Var(k), p, pass)->value();
}

}  // namespace

TEST_CASE("fire: time forward from 0, behind a causal mask") {
  const auto e = encoding("fire", kShape, {});
  const Tensor q = random(1, {1, 2, 3, 4});
  const auto refusal = [&](const Positions& p) { return message([&] { bias(*e, q, q, p); }); };
  CHECK(refusal(labels(*e, {0, 2, 1})) ==
        "fire: time runs forward; token 2 has 1, the one before it 2");
  CHECK(refusal(labels(*e, {-1, 2, 3})) == "fire: time counts from 0; token 0 has -1");
  CHECK(has(refusal(time_positions(3, false)), "no query looks ahead; set model.causal = true"));
  CHECK(has(message([] { encoding("fire", kShape, {"tracks=bar"}); }), "'tracks' is unknown"));
}

TEST_CASE("cope: places and interpolated vectors, pair by pair") {
  const auto e = encoding("cope", kShape, {"places=2", "tables=own"});
  const Tensor table = e->state().at("pe/table");  // [2, 3, 4]
  const Tensor q = random(1, {1, 2, 8, 4}), k = random(2, {1, 2, 8, 4});
  Positions p = time_positions(8);
  p.key_mask = cast(tensor({1, 1, 0, 1, 1, 1, 1, 1}, {1, 8}), DType::u8);
  const Tensor got = bias(*e, q, k, p);
  const auto dot = [](const Tensor& a, const Tensor& b) {
    return matmul(contiguous(a), contiguous(b)).item() / 2;
  };
  const auto row = [](const Tensor& x, int64 h, int64 i) {
    return select(select(select(x, 0, 0), 0, h), 0, i);
  };
  double furthest = 0;
  for (int64 h = 0; h < 2; ++h)
    for (int64 m = 0; m < 8; ++m)
      for (int64 n = 0; n <= m; ++n) {
        double place = 0;
        for (int64 j = n; j <= m; ++j)
          if (j != 2) place += 1 / (1 + std::exp(-dot(row(q, h, m), row(k, h, j))));
        furthest = std::max(furthest, place);
        place = std::min(place, 2.0);
        const auto below = static_cast<int64>(place);
        const Tensor e_h = select(table, 0, h);
        const double w = place - static_cast<double>(below),
                     low = dot(row(q, h, m), select(e_h, 0, below)),
                     high = dot(row(q, h, m), select(e_h, 0, std::min<int64>(below + 1, 2)));
        CHECK(std::abs(got.at({0, h, m, n}) - ((1 - w) * low + w * high)) <= 1e-13);
      }
  CHECK(furthest > 2);  // so that some places are clipped
}
