#include "train/statistics.h"

#include <algorithm>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

namespace gradus {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Sums of squares below the square of this share of the values' size are rounding.
constexpr double kRounding = 1e-12;

bool testable(std::span<const double> a, std::span<const double> b) {
  const auto finite = [](double x) { return std::isfinite(x); };
  return a.size() >= 2 && b.size() >= 2 && std::all_of(a.begin(), a.end(), finite) &&
         std::all_of(b.begin(), b.end(), finite);
}

double mean_of(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double squares_around(std::span<const double> x, double centre) {
  double sum = 0;
  for (double v : x) sum += (v - centre) * (v - centre);
  return sum;
}

/// What rounding alone makes of a sum of squares over both samples.
double rounding_squares(std::span<const double> a, std::span<const double> b) {
  double largest = 0;
  for (double v : a) largest = std::max(largest, std::abs(v));
  for (double v : b) largest = std::max(largest, std::abs(v));
  const double unit = kRounding * largest;
  return unit * unit * static_cast<double>(a.size() + b.size());
}

double median_of(std::span<const double> values) {
  std::vector<double> x(values.begin(), values.end());
  std::sort(x.begin(), x.end());
  const std::size_t half = x.size() / 2;
  return x.size() % 2 == 1 ? x[half] : (x[half - 1] + x[half]) / 2;
}

/// Of the means, 0 where only rounding is left of it.
double difference(std::span<const double> a, std::span<const double> b) {
  const double d = mean_of(a) - mean_of(b);
  return d * d > rounding_squares(a, b) ? d : 0;
}

/// t for a difference of means whose squared error is that.
MeanTest t_test(MeanTest::Kind kind, double d, double squared_error, double degrees) {
  MeanTest test{.kind = kind, .degrees = degrees};
  if (squared_error > 0) {
    test.t = d / std::sqrt(squared_error);
    const boost::math::students_t_distribution<double> distribution(degrees);
    test.p = 2 * boost::math::cdf(boost::math::complement(distribution, std::abs(test.t)));
  } else {
    test.t = d == 0 ? 0 : std::copysign(kInfinity, d);
    test.p = d == 0 ? 1 : 0;
  }
  return test;
}

/// Variance of the sample, 0 where only rounding is left of it.
double variance_of(std::span<const double> x) {
  const double squares = squares_around(x, mean_of(x));
  return squares > rounding_squares(x, {}) ? squares / static_cast<double>(x.size() - 1) : 0;
}

}  // namespace

SampleSummary summarise(std::span<const double> values) {
  SampleSummary s;
  s.n = static_cast<int64>(values.size());
  if (s.n >= 1) s.mean = mean_of(values);
  if (s.n >= 2)
    s.deviation = std::sqrt(squares_around(values, s.mean) / static_cast<double>(s.n - 1));
  return s;
}

double levene_p(std::span<const double> a, std::span<const double> b, LeveneCentre centre) {
  if (!testable(a, b)) return std::numeric_limits<double>::quiet_NaN();
  const auto deviations = [centre](std::span<const double> x) {
    const double c = centre == LeveneCentre::median ? median_of(x) : mean_of(x);
    std::vector<double> z;
    for (double v : x) z.push_back(std::abs(v - c));
    return z;
  };
  const std::vector<double> za = deviations(a), zb = deviations(b);
  const double ma = mean_of(za), mb = mean_of(zb);
  const auto na = static_cast<double>(a.size()), nb = static_cast<double>(b.size());
  const double all = (na * ma + nb * mb) / (na + nb);
  const double between = na * (ma - all) * (ma - all) + nb * (mb - all) * (mb - all);
  const double within = squares_around(za, ma) + squares_around(zb, mb);
  const double rounding = rounding_squares(a, b);
  if (!(within > rounding)) return between > rounding ? 0 : 1;
  const double f = (na + nb - 2) * between / within;
  const boost::math::fisher_f_distribution<double> distribution(1, na + nb - 2);
  return boost::math::cdf(boost::math::complement(distribution, f));
}

std::string_view to_string(MeanTest::Kind kind) {
  constexpr std::string_view kNames[] = {"none", "Student", "Welch"};
  return kNames[static_cast<std::size_t>(kind)];
}

MeanTest student_test(std::span<const double> a, std::span<const double> b) {
  if (!testable(a, b)) return {};
  const auto na = static_cast<double>(a.size()), nb = static_cast<double>(b.size());
  const double degrees = na + nb - 2;
  const double pooled = ((na - 1) * variance_of(a) + (nb - 1) * variance_of(b)) / degrees;
  return t_test(MeanTest::Kind::student, difference(a, b), pooled * (1 / na + 1 / nb), degrees);
}

MeanTest welch_test(std::span<const double> a, std::span<const double> b) {
  if (!testable(a, b)) return {};
  const auto na = static_cast<double>(a.size()), nb = static_cast<double>(b.size());
  const double va = variance_of(a) / na, vb = variance_of(b) / nb;
  const double degrees =
      va + vb > 0 ? (va + vb) * (va + vb) / (va * va / (na - 1) + vb * vb / (nb - 1)) : na + nb - 2;
  return t_test(MeanTest::Kind::welch, difference(a, b), va + vb, degrees);
}

MeanTest compare_means(std::span<const double> a, std::span<const double> b) {
  const double levene = levene_p(a, b);
  MeanTest test = levene < kSignificance ? welch_test(a, b) : student_test(a, b);
  test.levene = levene;
  return test;
}

std::string_view to_string(BestMark mark) {
  constexpr std::string_view kMarks[] = {"", "*", "†"};
  return kMarks[static_cast<std::size_t>(mark)];
}

BestOf find_best(std::span<const std::vector<double>> samples, BestIs best) {
  BestOf found;
  std::vector<double> means;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    means.push_back(summarise(samples[i]).mean);
    if (std::isfinite(means[i])) found.order.push_back(i);
  }
  std::stable_sort(found.order.begin(), found.order.end(), [&](std::size_t i, std::size_t j) {
    return best == BestIs::highest ? means[i] > means[j] : means[i] < means[j];
  });
  if (found.order.empty()) return found;
  found.row = found.order[0];
  const auto differs_from = [&](std::size_t place) {
    return found.order.size() > place &&
           compare_means(samples[found.order[0]], samples[found.order[place]]).significant();
  };
  if (differs_from(1))
    found.mark = BestMark::from_second;
  else if (differs_from(2))
    found.mark = BestMark::from_third;
  return found;
}

}  // namespace gradus
