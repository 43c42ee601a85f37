// The ops of pe/ through the generic suite, and the table of cos and sin in f32.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "autograd/check_op.h"
#include "autograd/op_table.h"
#include "pe/ops.h"
#include "tensor/elementwise.h"
#include "tensor/file.h"
#include "tensor/index.h"
#include "tensor/random.h"
#include "tensor/reduce.h"

using namespace gradus;

TEST_CASE("every op of pe/") {
  for (const OpDef* op : pe_ops()) {
    const CheckReport report = check_op(*op);
    CAPTURE(report.text());
    CHECK(report.passed());
  }
}

TEST_CASE("turn_table in f32 is within an ulp of 1 of the exact values, in every quadrant") {
  const int64 n = 4001;
  const Tensor p = reshape(concat(std::vector<Tensor>{linspace(-700, 700, n - 1000, DType::f64),
                                                      linspace(-3e6, 3e6, 1000, DType::f64)},
                                  0),
                           {1, n, 1});
  const Tensor y = turn_table(Var(ones({1, 1, 1}, DType::f64)), p, DType::f32).value();
  REQUIRE(y.shape() == Shape{1, 1, n, 2});
  double worst = 0;
  for (int64 i = 0; i < n; ++i) {
    const double angle = p.at({0, i, 0});
    const double error = std::max(std::abs(y.at({0, 0, i, 0}) - std::cos(angle)),
                                  std::abs(y.at({0, 0, i, 1}) - std::sin(angle)));
    if (!(error <= worst)) worst = error;
  }
  CHECK(worst <= 6e-8);
}

TEST_CASE("turn_table in f32 is that in f64: labels of one number and of several, any sizes") {
  Rng rng(5);
  const auto check = [&](int64 batch, int64 heads, int64 tokens, int64 pairs, int64 width) {
    CAPTURE(batch);
    CAPTURE(heads);
    CAPTURE(tokens);
    CAPTURE(pairs);
    CAPTURE(width);
    const Var f(uniform(rng, {heads, pairs, width}, -2, 2, DType::f64)),
        p(uniform(rng, {batch, tokens, width}, -300, 300, DType::f64));
    const Tensor narrow = turn_table(f, p, DType::f32).value(),
                 wide = turn_table(f, p, DType::f64).value();
    CHECK(narrow.dtype() == DType::f32);
    REQUIRE(narrow.shape() == wide.shape());
    if (narrow.numel() > 0) CHECK(max(abs(sub(cast(narrow, DType::f64), wide))).item() <= 6e-8);
  };
  for (int64 width : {1, 3}) {
    for (int64 pairs = 0; pairs <= 19; ++pairs) check(1, 1, 2, pairs, width);
    check(1, 3, 5, 7, width);
    check(2, 1, 5, 7, width);
    check(2, 3, 5, 7, width);
    // More rows than one thread is given.
    check(2, 2, 1500, 20, width);
  }
}

TEST_CASE("turn_table of f32 keeps infinite and huge labels to the row that has them") {
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor y = turn_table(Var(ones({1, 9, 1}, DType::f64)),
                              Var(tensor({1, inf, 1e15, 2}, {1, 4, 1}, DType::f64)), DType::f32)
                       .value();
  for (int64 i : {0, 8}) {
    CHECK(y.at({0, 0, 0, i}) == doctest::Approx(std::cos(1.0)));
    CHECK(std::isnan(y.at({0, 0, 1, i})));
    CHECK(std::abs(y.at({0, 0, 2, 9 + i}) - std::sin(1e15)) <= 6e-8);
    CHECK(y.at({0, 0, 3, 9 + i}) == doctest::Approx(std::sin(2.0)));
  }
}

TEST_CASE("turn_table of NaN and of no tokens") {
  const Tensor f = ones({1, 2, 1}, DType::f64);
  for (DType t : {DType::f32, DType::f64}) {
    CHECK(std::isnan(turn_table(Var(f), Var(full({1, 1, 1}, std::nan(""), DType::f64)), t)
                         .value()
                         .at({0, 0, 0, 0})));
    CHECK(turn_table(Var(f), Var(zeros({1, 0, 1}, DType::f64)), t).shape() == Shape{1, 1, 0, 4});
  }
}

TEST_CASE("README.md holds the table that `gradus ops --markdown` writes") {
  const std::string page = read_file(GRADUS_SOURCE_DIR "/pe/README.md");
  INFO("run: gradus ops --markdown pe/README.md");
  CHECK(with_ops_table(page, ops_markdown(pe_ops())) == page);
}
