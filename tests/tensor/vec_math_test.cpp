// The vector functions behind exp, log, tanh, sigmoid, softplus, erf, sin and cos, against the C
// library's long double, at the level in use.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "tensor/kernels/unary.h"
#include "tensor/random.h"

using namespace gradus;

namespace {

using Long = long double;

template <class T>
struct Case {
  const char* name;
  typename UnaryMaps<T>::Map map;
  Long (*truth)(Long);
  /// Where it is neither constant nor out of its domain.
  double low, high;
};

template <class T>
std::vector<Case<T>> cases() {
  const UnaryMaps<T>& m = GRADUS_KERNELS(unary_kernels).of(T{});
  const double wide = sizeof(T) == 4 ? 110 : 750;
  return {{"exp", m.exp, [](Long x) { return std::exp(x); }, -wide, wide},
          {"log", m.log, [](Long x) { return std::log(x); }, 0, 4},
          {"tanh", m.tanh, [](Long x) { return std::tanh(x); }, -24, 24},
          {"sigmoid", m.sigmoid, [](Long x) { return 1 / (1 + std::exp(-x)); }, -wide, 45},
          {"softplus", m.softplus,
           [](Long x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); },
           -wide, 45},
          {"erf", m.erf, [](Long x) { return std::erf(x); }, -7, 7},
          {"sin", m.sin, [](Long x) { return std::sin(x); }, -100, 100},
          {"cos", m.cos, [](Long x) { return std::cos(x); }, -100, 100}};
}

/// Distance to the exact value in units of the last place; 0 for two NaN, infinite for one.
template <class T>
double ulps(T value, Long truth) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const T near = static_cast<T>(truth);
  if (std::isnan(near) || std::isnan(value))
    return std::isnan(near) == std::isnan(value) ? 0 : std::numeric_limits<double>::infinity();
  if (near == value) return std::isinf(value) ? 0 : 0.5;
  const T size = std::min(std::abs(near), std::numeric_limits<T>::max());
  const Long unit =
      size == std::numeric_limits<T>::max()
          ? static_cast<Long>(size) - static_cast<Long>(std::nextafter(size, T(0)))
          : static_cast<Long>(std::nextafter(size, infinity)) - static_cast<Long>(size);
  return static_cast<double>(std::abs(static_cast<Long>(value) - truth) / unit);
}

template <class T>
void check_within_two_ulp(const Case<T>& c, const std::vector<T>& x) {
  std::vector<T> y(x.size());
  c.map(x.data(), static_cast<int64>(x.size()), y.data());
  double worst = 0;
  T at = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error = ulps(y[i], c.truth(static_cast<Long>(x[i])));
    if (!(error <= worst)) worst = error, at = x[i];
  }
  CAPTURE(c.name);
  CAPTURE(at);
  CHECK(worst <= 2);
}

/// Numbers of every size and both signs: random mantissas, evenly many in each exponent.
template <class T>
std::vector<T> of_every_size(std::size_t each) {
  std::vector<T> x;
  Rng rng(5);
  const auto mantissas =
      uniform(rng, {static_cast<int64>(each)}, 1, 2, DType::f64).template to_vector<double>();
  using L = std::numeric_limits<T>;
  for (int e = L::min_exponent - L::digits; e < L::max_exponent; ++e)
    for (double m : mantissas)
      for (double sign : {1.0, -1.0}) x.push_back(static_cast<T>(std::ldexp(sign * m, e)));
  return x;
}

template <class T>
std::vector<T> special() {
  using L = std::numeric_limits<T>;
  std::vector<T> x;
  for (T v : {T(0),
              L::denorm_min(),
              L::min(),
              std::nextafter(L::min(), T(0)),
              L::epsilon(),
              L::max(),
              L::infinity(),
              L::quiet_NaN(),
              T(1),
              std::nextafter(T(1), T(0)),
              std::nextafter(T(1), T(2)),
              T(0.625),
              T(1e6),
              T(1e8),
              T(1e30),
              static_cast<T>(0x1p20),
              static_cast<T>(0x1p28),
              static_cast<T>(3.14159265358979323846L),
              static_cast<T>(1.57079632679489661923L),
              static_cast<T>(std::log(static_cast<Long>(L::max()))),
              static_cast<T>(std::log(static_cast<Long>(L::min()))),
              static_cast<T>(std::log(static_cast<Long>(L::denorm_min())))}) {
    x.insert(x.end(), {v, -v});
    if (std::isfinite(v) && v != 0)
      for (T near : {std::nextafter(v, T(0)), std::nextafter(v, L::infinity())})
        x.insert(x.end(), {near, -near});
  }
  return x;
}

/// The numbers next to multiples of pi/2, where sin and cos lose most.
template <class T>
std::vector<T> near_quarter_turns() {
  std::vector<T> x;
  for (Long n = 1; n < 4e8L; n = n < 400 ? n + 1 : std::floor(n * 1.01L)) {
    const T v = static_cast<T>(n * 1.570796326794896619231321691639751442L);
    x.insert(x.end(), {v, -v, std::nextafter(v, T(0)), std::nextafter(v, T(1e30))});
  }
  return x;
}

template <class T>
T value(typename UnaryMaps<T>::Map f, T x) {
  f(&x, 1, &x);
  return x;
}

template <class T>
void check_edges() {
  const UnaryMaps<T>& m = GRADUS_KERNELS(unary_kernels).of(T{});
  constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (const auto& c : cases<T>()) {
    CAPTURE(c.name);
    CHECK(std::isnan(value<T>(c.map, nan)));
    CHECK(std::isnan(value<T>(c.map, -nan)));
  }
  CHECK(value<T>(m.exp, inf) == inf);
  CHECK(value<T>(m.exp, -inf) == 0);
  CHECK(value<T>(m.exp, T(0)) == 1);
  CHECK(value<T>(m.log, inf) == inf);
  CHECK(value<T>(m.log, T(0)) == -inf);
  CHECK(value<T>(m.log, T(-0.0)) == -inf);
  CHECK(value<T>(m.log, T(1)) == 0);
  CHECK(std::isnan(value<T>(m.log, -inf)));
  CHECK(std::isnan(value<T>(m.log, -std::numeric_limits<T>::denorm_min())));
  CHECK(value<T>(m.sigmoid, inf) == 1);
  CHECK(value<T>(m.sigmoid, -inf) == 0);
  CHECK(value<T>(m.sigmoid, T(0)) == T(0.5));
  CHECK(value<T>(m.softplus, inf) == inf);
  CHECK(value<T>(m.softplus, -inf) == 0);
  for (const auto f : {m.tanh, m.erf}) {
    CHECK(value<T>(f, inf) == 1);
    CHECK(value<T>(f, -inf) == -1);
  }
  for (const auto f : {m.sin, m.cos}) {
    CHECK(std::isnan(value<T>(f, inf)));
    CHECK(std::isnan(value<T>(f, -inf)));
  }
  for (const auto f : {m.tanh, m.erf, m.sin}) {
    CHECK_FALSE(std::signbit(value<T>(f, T(0))));
    CHECK(std::signbit(value<T>(f, T(-0.0))));
    for (T x : {T(1e-30), T(0.1), T(0.7), T(3), T(1e6), T(1e30)})
      CHECK(value<T>(f, -x) == -value<T>(f, x));
  }
}

/// Every count, so that a number meets every lane and every remainder, in place as well.
template <class T>
void check_places() {
  Rng rng(6);
  const std::vector<T> x = uniform(rng, {70}, 0.1, 9, dtype_of<T>()).template to_vector<T>();
  for (const auto& c : cases<T>()) {
    CAPTURE(c.name);
    std::vector<T> alone = x;
    for (T& v : alone) c.map(&v, 1, &v);
    for (std::size_t n = 0; n <= x.size(); ++n) {
      std::vector<T> y(n + 1, T(-77));
      std::copy(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(n), y.begin());
      c.map(y.data(), static_cast<int64>(n), y.data());
      CHECK(std::equal(y.begin(), y.end() - 1, alone.begin()));
      CHECK(y[n] == T(-77));
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("within 2 ulp over numbers of every size and over the range that matters", T,
                   float, double) {
  const std::vector<T> sizes = of_every_size<T>(sizeof(T) == 4 ? 60 : 10);
  for (const auto& c : cases<T>()) {
    check_within_two_ulp(c, sizes);
    Rng rng(7);
    check_within_two_ulp(
        c, uniform(rng, {20000}, c.low, c.high, dtype_of<T>()).template to_vector<T>());
    check_within_two_ulp(c, uniform(rng, {20000}, -1, 2, dtype_of<T>()).template to_vector<T>());
  }
}

TEST_CASE_TEMPLATE("within 2 ulp at every special number and beside it", T, float, double) {
  for (const auto& c : cases<T>()) check_within_two_ulp(c, special<T>());
}

TEST_CASE_TEMPLATE("sin and cos beside multiples of pi/2", T, float, double) {
  const std::vector<T> x = near_quarter_turns<T>();
  for (const auto& c : cases<T>())
    if (std::string_view(c.name) == "sin" || std::string_view(c.name) == "cos")
      check_within_two_ulp(c, x);
}

TEST_CASE_TEMPLATE("NaN, the infinities and signed zeros", T, float, double) { check_edges<T>(); }

TEST_CASE_TEMPLATE("a number's result does not depend on its place", T, float, double) {
  check_places<T>();
}
