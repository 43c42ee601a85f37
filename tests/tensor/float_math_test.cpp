#include "tensor/float_math.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

using namespace gradus::detail;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

/// Distance to the exact value in units of the last place of the nearest float.
double ulps(float value, double truth) {
  if (std::isinf(value) && std::abs(truth) > static_cast<double>(std::numeric_limits<float>::max()))
    return 0;
  const float near = std::abs(static_cast<float>(truth));
  const double unit = static_cast<double>(std::nextafter(near, kInf)) - static_cast<double>(near);
  return std::abs(static_cast<double>(value) - truth) / unit;
}

/// The largest error over floats of both signs, from the smallest to the largest, each exponent
/// covered by 2^23 / step values.
template <class F, class G>
double worst(F fast, G truth, std::uint32_t step) {
  double largest = 0;
  for (std::uint32_t bits = 0; bits < 0x7f800000u; bits += step)
    for (const std::uint32_t sign : {0u, 0x80000000u}) {
      const auto x = std::bit_cast<float>(bits | sign);
      const double error = ulps(fast(x), truth(static_cast<double>(x)));
      if (!(error <= largest)) largest = error;
    }
  return largest;
}

}  // namespace

TEST_CASE("fast exp, tanh and sigmoid stay within their ulps of f64 over all floats") {
  CHECK(worst(
            fast_exp, [](double x) { return std::exp(x); }, 4093) <= 1);
  CHECK(worst(
            fast_tanh, [](double x) { return std::tanh(x); }, 4093) <= 2.5);
  CHECK(worst(
            fast_sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, 4093) <= 2.5);
}

TEST_CASE("fast exp near its limits") {
  CHECK(fast_exp(0.0f) == 1.0f);
  CHECK(fast_exp(-0.0f) == 1.0f);
  CHECK(fast_exp(kInf) == kInf);
  CHECK(fast_exp(-kInf) == 0.0f);
  CHECK(fast_exp(88.72284f) == kInf);
  CHECK(std::isfinite(fast_exp(88.72283f)));
  CHECK(fast_exp(-103.0f) > 0.0f);
  CHECK(fast_exp(-104.0f) == 0.0f);
  for (const float nan :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN()}) {
    CHECK(std::isnan(fast_exp(nan)));
    CHECK(std::isnan(fast_tanh(nan)));
    CHECK(std::isnan(fast_sigmoid(nan)));
  }
}

TEST_CASE("tanh and sigmoid keep their symmetry and limits") {
  CHECK(std::signbit(fast_tanh(-0.0f)));
  CHECK(fast_tanh(1e-30f) == 1e-30f);
  CHECK(fast_tanh(kInf) == 1.0f);
  CHECK(fast_tanh(-kInf) == -1.0f);
  CHECK(fast_sigmoid(kInf) == 1.0f);
  CHECK(fast_sigmoid(-kInf) == 0.0f);
  CHECK(fast_sigmoid(0.0f) == 0.5f);
  for (float x = 0; x < 12; x += 0.01f) CHECK(fast_tanh(x) == -fast_tanh(-x));
}
