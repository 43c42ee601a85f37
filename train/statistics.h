// Significance of differences between encodings, as the paper on RoPEPool tests it (SPEC 5): each
// encoding is a sample of seeds. Levene's test says whether two samples have the same variance;
// then Student's two-sided t-test, or Welch's where they have not. Distributions are Boost.Math's.
//
//   s^2     = sum (x - mean)^2 / (n - 1)
//   Student   t = (a - b) / sqrt(s_p^2 (1/n_a + 1/n_b)), s_p^2 pooled, n_a + n_b - 2 degrees
//   Welch     t = (a - b) / sqrt(s_a^2/n_a + s_b^2/n_b), degrees by Welch and Satterthwaite
//   Levene    the F test of one-way analysis of variance on z = |x - centre of its sample|
//
// Sources: Levene 1960 and Brown & Forsythe 1974 (centre: the median); Student 1908; Welch 1947.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace gradus {

inline constexpr double kSignificance = 0.05;

/// What is known of a sample. The deviation needs two values, the mean one: else they are NaN.
struct SampleSummary {
  int64 n = 0;
  double mean = std::numeric_limits<double>::quiet_NaN();
  double deviation = std::numeric_limits<double>::quiet_NaN();
};
SampleSummary summarise(std::span<const double> values);

enum class LeveneCentre : std::uint8_t { median, mean };
/// p of the hypothesis that two samples have the same variance. Where neither spreads around its
/// deviations, 1 if these are the same, else 0. NaN below two values a sample.
double levene_p(std::span<const double> a, std::span<const double> b,
                LeveneCentre centre = LeveneCentre::median);

/// A comparison of two means. `none`: a sample has less than two values, or a value that is not
/// finite.
struct MeanTest {
  enum class Kind : std::uint8_t { none, student, welch } kind = Kind::none;
  double t = std::numeric_limits<double>::quiet_NaN();
  double degrees = std::numeric_limits<double>::quiet_NaN();
  double p = std::numeric_limits<double>::quiet_NaN();  ///< two-sided
  double levene = std::numeric_limits<double>::quiet_NaN();
  bool significant() const { return p < kSignificance; }
};
std::string_view to_string(MeanTest::Kind kind);

/// Where nothing spreads: p is 1 for equal means, else 0.
MeanTest student_test(std::span<const double> a, std::span<const double> b);
MeanTest welch_test(std::span<const double> a, std::span<const double> b);
/// Student where Levene's p is `kSignificance` or more, else Welch.
MeanTest compare_means(std::span<const double> a, std::span<const double> b);

enum class BestIs : std::uint8_t { highest, lowest };
/// The paper's marks: the best mean differs from the second (*), or only from the third (†).
enum class BestMark : std::uint8_t { none, from_second, from_third };
/// "", "*" or "†".
std::string_view to_string(BestMark mark);

struct BestOf {
  std::optional<std::size_t> row;  ///< with the best mean; of equals the first
  BestMark mark = BestMark::none;
  std::vector<std::size_t>
      order;  ///< rows from the best on; those without a finite mean are left out
};
/// Marks the best of the samples. No mark where a sample that has to be compared has less than two
/// values.
BestOf find_best(std::span<const std::vector<double>> samples, BestIs best);

}  // namespace gradus
