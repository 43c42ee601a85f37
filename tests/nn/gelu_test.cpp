// The kernel of GELU and of its slope against the C library's long double, at the level in use:
// their precision for every size of number, NaN and the infinities, every place in a vector.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "nn/kernels/activations.h"
#include "tensor/dtype.h"

using namespace gradus;

namespace {

using Long = long double;

Long normal_share(Long x) { return std::erfc(-x / std::sqrt(Long{2})) / 2; }
Long exact(Long x) { return x * normal_share(x); }
Long exact_slope(Long x) {
  return normal_share(x) + x * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(Long{-1}));
}

template <class T>
std::vector<T> gelu_of(const std::vector<T>& x) {
  std::vector<T> y(x.size());
  GRADUS_KERNELS(activation_kernels).of(T{}).gelu(x.data(), static_cast<int64>(x.size()), y.data());
  return y;
}
template <class T>
std::vector<T> slope_of(const std::vector<T>& x) {
  std::vector<T> dx(x.size());
  const std::vector<T> ones(x.size(), T(1));
  GRADUS_KERNELS(activation_kernels)
      .of(T{})
      .gelu_back(x.data(), ones.data(), static_cast<int64>(x.size()), dx.data());
  return dx;
}

/// Both signs: evenly spaced up to beyond where the tail is 0, and numbers of every size.
template <class T>
std::vector<T> numbers() {
  const double most = sizeof(T) == 4 ? 16 : 40;
  std::vector<T> x;
  for (int i = 0; i <= 20000; ++i) x.push_back(static_cast<T>(-most + most * i / 10000.3));
  for (double size = std::numeric_limits<T>::denorm_min(); size < std::numeric_limits<T>::max() / 4;
       size *= 1.7)
    for (double sign : {-1.0, 1.0}) x.push_back(static_cast<T>(sign * size));
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("gelu is within 5 ulp of x Phi(x), far into the tail", T, float, double) {
  const std::vector<T> x = numbers<T>(), y = gelu_of(x);
  double worst = 0;
  T at = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Long truth = exact(static_cast<Long>(x[i]));
    const T near = std::abs(static_cast<T>(truth));
    const Long unit = static_cast<Long>(std::nextafter(near, std::numeric_limits<T>::infinity())) -
                      static_cast<Long>(near);
    const double error = static_cast<double>(std::abs(static_cast<Long>(y[i]) - truth) / unit);
    if (!(error <= worst)) worst = error, at = x[i];
  }
  CAPTURE(at);
  CHECK(worst <= 5);
}

TEST_CASE_TEMPLATE("the slope of gelu is within 2 epsilon", T, float, double) {
  const std::vector<T> x = numbers<T>(), dx = slope_of(x);
  double worst = 0;
  T at = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Long truth = exact_slope(static_cast<Long>(x[i]));
    const double error = static_cast<double>(std::abs(static_cast<Long>(dx[i]) - truth)) /
                         static_cast<double>(std::numeric_limits<T>::epsilon());
    if (!(error <= worst)) worst = error, at = x[i];
  }
  CAPTURE(at);
  CHECK(worst <= 2);
}

TEST_CASE_TEMPLATE("gelu at NaN, the infinities and both zeros", T, float, double) {
  using L = std::numeric_limits<T>;
  const std::vector<T> x{L::quiet_NaN(), -L::infinity(), L::infinity(), T(-0.0),
                         T(0),           -L::max(),      L::max()};
  const std::vector<T> y = gelu_of(x), dx = slope_of(x);
  CHECK(std::isnan(y[0]));
  CHECK(std::isnan(dx[0]));
  CHECK(y[1] == 0);
  CHECK(dx[1] == 0);
  CHECK(y[2] == L::infinity());
  CHECK(dx[2] == 1);
  CHECK((y[3] == 0 && std::signbit(y[3])));
  CHECK((y[4] == 0 && !std::signbit(y[4])));
  CHECK(dx[3] == T(0.5));
  CHECK(dx[4] == T(0.5));
  CHECK(y[5] == 0);
  CHECK(y[6] == L::max());
  CHECK(dx[6] == 1);
}

TEST_CASE_TEMPLATE("a number's gelu does not depend on its place", T, float, double) {
  std::vector<T> x;
  for (int i = 0; i < 37; ++i) x.push_back(static_cast<T>(i) / 5 - 4);
  const std::vector<T> y = gelu_of(x), dx = slope_of(x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(gelu_of(std::vector<T>{x[i]})[0] == y[i]);
    CHECK(slope_of(std::vector<T>{x[i]})[0] == dx[i]);
  }
}
