#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/elementwise_rows.h"

namespace gradus {
namespace {

// 2 pi in two doubles (Cody and Waite): subtracting n times both keeps the reduced angle good to
// 1e-16 for every product below 2^52.
constexpr double kTwoPiHigh = 6.283185307179586, kTwoPiLow = 2.4492935982947064e-16;

/// f * p in [-pi, pi]; the rounding error of the product is carried along.
double reduced_product(double f, double p) {
  const double product = f * p;
  const double error = std::fma(f, p, -product);
  const double turns = std::nearbyint(product / kTwoPiHigh);
  const double rest = std::fma(-turns, kTwoPiHigh, product);
  return std::fma(-turns, kTwoPiLow, rest) + error;
}

}  // namespace

Tensor phase(const Tensor& frequency, const Tensor& label, DType dtype) {
  return dispatch_float(dtype, "phase", [&](auto out) {
    return dispatch_float(frequency.dtype(), "the frequency of phase", [&](auto f) {
      return dispatch_float(label.dtype(), "the label of phase", [&](auto p) {
        using R = typename decltype(out)::type;
        using F = typename decltype(f)::type;
        using P = typename decltype(p)::type;
        return detail::map2<F, P, R>(
            frequency, label, dtype,
            [](F a, P b) {
              return static_cast<R>(
                  reduced_product(static_cast<double>(a), static_cast<double>(b)));
            },
            detail::kCostlyGrain);
      });
    });
  });
}

}  // namespace gradus
