#include <doctest/doctest.h>

#include <limits>

#include "tensor/elementwise.h"
#include "tests/tensor/layouts.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
constexpr long double kTwoPi = 6.283185307179586476925286766559L;
constexpr double kPi = 3.14159265358979323846;
}  // namespace

TEST_CASE("phase is exact at labels where an f32 product is 0.03 rad off") {
  const Tensor frequency = reshape(add(wave({16}, DType::f64), 1.1), {1, 16});
  const Tensor label = tensor({0, 1, 1e3, 1e6, 123456789, -1e6}, {6, 1}, DType::f64);
  const Tensor theta = phase(frequency, label, DType::f64);
  CHECK(theta.shape() == Shape{6, 16});
  for (int64 i = 0; i < 6; ++i)
    for (int64 j = 0; j < 16; ++j) {
      const long double truth = static_cast<long double>(frequency.at({0, j})) *
                                static_cast<long double>(label.at({i, 0}));
      const long double turns = (truth - static_cast<long double>(theta.at({i, j}))) / kTwoPi;
      CHECK(std::abs(static_cast<double>(turns - std::round(turns))) < 1e-11);
      CHECK(std::abs(theta.at({i, j})) <= kPi + 1e-9);
    }
  CHECK(all_close(cast(phase(frequency, label, DType::f32), DType::f64), theta, 1e-6, 1e-7));
}

TEST_CASE("phase takes f32 and f64 mixed, in any layout") {
  const Tensor frequency = wave({4, 3}, DType::f32), label = mul(wave({4, 3}, DType::f64, 2), 1e4);
  const Tensor truth = phase(cast(frequency, DType::f64), label, DType::f64);
  for (const Tensor& view : layouts_of(frequency))
    CHECK(same_bits(phase(view, label, DType::f64), truth));
  CHECK(phase(frequency, zeros({0, 1, 1}), DType::f32).shape() == Shape{0, 4, 3});
}

TEST_CASE("phase refuses integers and keeps what is not finite") {
  CHECK(contains(error_of<DTypeError>([] { phase(ones({1}), ones({1}, DType::i64), DType::f32); }),
                 "the label of phase takes f32 or f64, got i64"));
  CHECK_THROWS_AS(phase(ones({1}), ones({1}), DType::u8), DTypeError);
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(std::isnan(phase(scalar(inf), scalar(1), DType::f32).item()));
}
