// Coupled outputs of a step: the probability of each alone, against the sum over all that can
// happen.
#include "train/within_step.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/reduce.h"
#include "tests/error_text.h"

using namespace gradus;
using testing::has;
using testing::message;

namespace {

/// Four outputs, of which some move others a lot.
std::unique_ptr<Coupling> four() {
  auto c = std::make_unique<Coupling>(Build("c", Rng(1)), 4);
  c->weight().set(tensor({7, 3, -4, 2, 7, 7, 1, -2, 7, 7, 7, 5, 7, 7, 7, 7}, {4, 4}, DType::f32));
  return c;
}

}  // namespace

TEST_CASE("a decision moves the logits behind it") {
  const auto c = four();
  const float logits[] = {0.5f, -1, 0, 2};
  WithinStep step(c.get());
  step.begin(logits, 4);
  step.decide(1);
  CHECK((step.logit(0) == 0.5 && step.logit(1) == -1 && step.logit(2) == 1 && step.logit(3) == 0));
  step.decide(3);
  CHECK(step.logit(2) == 1);
  WithinStep alone(nullptr);
  alone.begin(logits, 4);
  alone.decide(0);
  CHECK(alone.logit(1) == -1);
  CHECK(has(message([&] { step.begin(logits, 3); }), "4 outputs are coupled, the step has 3"));
}

TEST_CASE("marginals are those of the sum over all outcomes") {
  const auto c = four();
  const std::vector<double> logits{0.5, -1, 0, 2};
  std::vector<double> exact(4, 0);
  for (int outcome = 0; outcome < 16; ++outcome) {
    double p = 1;
    for (std::size_t j = 0; j < 4; ++j) {
      double l = logits[j];
      for (std::size_t i = 0; i < j; ++i)
        if (outcome >> i & 1)
          l += (*c->weight()).value().at({static_cast<int64>(i), static_cast<int64>(j)});
      const double one = 1 / (1 + std::exp(-l));
      p *= outcome >> j & 1 ? one : 1 - one;
    }
    for (std::size_t j = 0; j < 4; ++j)
      if (outcome >> j & 1) exact[j] += p;
  }
  constexpr int64 kRows = 3, kDraws = 4000;
  const Tensor row = tensor({0.5, -1, 0, 2}, {1, 4}, DType::f32);
  const Tensor rows = contiguous(broadcast_to(row, {kRows, 4}));
  const Tensor p = marginals(rows, *c, kDraws, Rng(5));
  for (int64 t = 0; t < kRows; ++t)
    for (int64 j = 0; j < 4; ++j)  // 4 standard errors
      CHECK(std::abs(p.at({t, j}) - exact[static_cast<std::size_t>(j)]) <= 0.032);
  CHECK(max(abs(sub(p, marginals(rows, *c, kDraws, Rng(5))))).item() == 0);
  CHECK(max(abs(sub(p, marginals(rows, *c, kDraws, Rng(6))))).item() > 0);
  // Where nothing is coupled one draw is exact.
  const Coupling none(Build("n", Rng(1)), 4);
  CHECK(max(abs(sub(marginals(row, none, 1, Rng(1)), sigmoid(row)))).item() <= 1e-6);
  CHECK(marginals(zeros({0, 4}), none, 1, Rng(1)).shape() == Shape{0, 4});
}
