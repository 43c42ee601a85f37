// exp, tanh and sigmoid of one float without tables, branches or library calls, so that a loop over
// them is vectorised; within 1 ulp of the exact value (exp) and 2.4 ulp (tanh, sigmoid), exact at
// NaN and the infinities. With n = round(x / ln 2) and r = x - n ln 2 in [-0.35, 0.35]: e^x = 2^n
// e^r, and e^r - 1 is its Taylor polynomial of degree 7, whose remainder r^8/8! stays below a tenth
// of an ulp.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace gradus::detail {

/// x = n ln 2 + r, as 2^n in two factors (one alone leaves the range of a float) and e^r - 1.
struct ExpParts {
  float scale_a, scale_b, rest;
};

inline ExpParts exp_parts(float x) {
  constexpr float kLog2E = 1.442695041f;
  // ln 2 in two parts; n times the first one, which has nine bits, is exact.
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits.
  constexpr float kRound = 12582912.0f;
  const float shifted = x * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  const auto whole = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(shifted) -
                                               std::bit_cast<std::uint32_t>(kRound));
  const std::int32_t half = whole >> 1;
  const auto power_of_two = [](std::int32_t e) {
    return std::bit_cast<float>((static_cast<std::uint32_t>(e) + 127u) << 23);
  };
  return {power_of_two(half),
          power_of_two(static_cast<std::int32_t>(static_cast<std::uint32_t>(whole) -
                                                 static_cast<std::uint32_t>(half))),
          r + (r * r) * p};
}

/// e^x
inline float fast_exp(float x) {
  // Beyond these the result is 0 or inf already; a NaN passes both.
  x = x > 89.0f ? 89.0f : x;
  x = x < -105.0f ? -105.0f : x;
  const ExpParts e = exp_parts(x);
  return (1.0f + e.rest) * e.scale_a * e.scale_b;
}

/// tanh x = m / (m + 2) with m = e^(2|x|) - 1, which loses nothing near 0.
inline float fast_tanh(float x) {
  float y = 2 * std::abs(x);
  y = y > 40.0f ? 40.0f : y;
  const ExpParts e = exp_parts(y);
  const float scale = e.scale_a * e.scale_b;
  const float m = scale * e.rest + (scale - 1.0f);
  return std::copysign(m / (m + 2.0f), x);
}

/// 1/(1 + e^-x), from e^-|x| on both sides.
inline float fast_sigmoid(float x) {
  const float e = fast_exp(-std::abs(x));
  return (x < 0 ? e : 1.0f) / (1.0f + e);
}

// The same names for both element types, so that kernels are written once.
inline float exp_of(float x) { return fast_exp(x); }
inline double exp_of(double x) { return std::exp(x); }
inline float tanh_of(float x) { return fast_tanh(x); }
inline double tanh_of(double x) { return std::tanh(x); }
inline float sigmoid_of(float x) { return fast_sigmoid(x); }
inline double sigmoid_of(double x) {
  const double e = std::exp(-std::abs(x));
  return (x < 0 ? e : 1.0) / (1.0 + e);
}

}  // namespace gradus::detail
