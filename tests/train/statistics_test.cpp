// Tests and marks of significance against numbers of SciPy 1.17 (scipy.stats: levene, ttest_ind),
// and where a sample is too small, spreads nowhere, or holds no number.
#include "train/statistics.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace gradus;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
using Sample = std::vector<double>;

const Sample kA = {18.1, 19.6, 17.2, 18.9, 18.05}, kB = {17.7, 16.5, 18.9, 17.2, 18.25},
             kC = {4.59, 12.1, 0.3, 9.8, -3.84};

doctest::Approx near(double x) { return doctest::Approx(x).epsilon(1e-10); }

}  // namespace

TEST_CASE("mean and deviation of n values") {
  CHECK(summarise({}).n == 0);
  CHECK(std::isnan(summarise({}).mean));
  CHECK(summarise(Sample{3}).mean == 3);
  CHECK(std::isnan(summarise(Sample{3}).deviation));
  const SampleSummary s = summarise(Sample{2, 4, 4, 4, 5, 5, 7, 9});
  CHECK(s.n == 8);
  CHECK(s.mean == near(5));
  CHECK(s.deviation == near(std::sqrt(32.0 / 7)));
  CHECK(std::isnan(summarise(Sample{1, kNaN}).mean));
}

TEST_CASE("Levene's test") {
  CHECK(levene_p(kA, kB) == near(0.9150767302811369));
  CHECK(levene_p(kA, kB, LeveneCentre::mean) == near(0.9698787209050903));
  CHECK(levene_p(kA, kC) == near(0.01833369087626769));
  CHECK(levene_p(kC, kA) == near(0.01833369087626769));
  CHECK(levene_p(Sample{1.5, 2.5, 4}, Sample{3, 7.5}) == near(0.08859787713230383));
  SUBCASE("samples that do not spread, or spread by the same at each value") {
    CHECK(levene_p(Sample{2, 2, 2}, Sample{5, 5}) == 1);
    CHECK(levene_p(Sample{0.1, 0.2}, Sample{0.3, 0.4}) == 1);
    CHECK(levene_p(Sample{0.1, 0.2}, Sample{0.3, 0.9}) == 0);
  }
  SUBCASE("nothing to say") {
    CHECK(std::isnan(levene_p(Sample{1}, kA)));
    CHECK(std::isnan(levene_p(kA, Sample{})));
    CHECK(std::isnan(levene_p(kA, Sample{1, kNaN, 2})));
  }
}

TEST_CASE("Student's and Welch's tests") {
  const MeanTest student = student_test(kA, kB), welch = welch_test(kA, kC);
  CHECK(student.t == near(1.1343957715971222));
  CHECK(student.degrees == 8);
  CHECK(student.p == near(0.28947359151568447));
  CHECK(student_test(kB, kA).t == near(-1.1343957715971222));
  CHECK(student_test(kB, kA).p == near(0.28947359151568447));
  CHECK(welch.t == near(4.640609297381814));
  CHECK(welch.degrees == near(4.154289173336507));
  CHECK(welch.p == near(0.008884157964054474));
  CHECK(welch_test(Sample{1.5, 2.5, 4}, Sample{3, 7.5}).p == near(0.44554242413313583));
  CHECK(student_test(Sample{1.5, 2.5, 4}, Sample{3, 7.5}).p == near(0.27142537302792724));

  SUBCASE("nothing spreads") {
    for (const auto test : {student_test, welch_test, compare_means}) {
      CHECK(test(Sample{0.1, 0.1, 0.1}, Sample{0.1, 0.1}).p == 1);
      const MeanTest apart = test(Sample{1, 1}, Sample{2, 2});
      CHECK(apart.p == 0);
      CHECK(apart.t == -std::numeric_limits<double>::infinity());
    }
  }
  SUBCASE("one spreads") {
    const MeanTest t = welch_test(Sample{1, 1, 1}, Sample{2, 3, 4});
    CHECK(t.degrees == near(2));
    CHECK(t.t == near(-2 * std::sqrt(3)));
  }
  SUBCASE("no test") {
    for (const Sample& bad : {Sample{}, Sample{3}, Sample{1, 2, kNaN},
                              Sample{1, std::numeric_limits<double>::infinity()}}) {
      const MeanTest t = compare_means(kA, bad);
      CHECK(t.kind == MeanTest::Kind::none);
      CHECK(std::isnan(t.p));
      CHECK_FALSE(t.significant());
      CHECK(compare_means(bad, kA).kind == MeanTest::Kind::none);
    }
  }
}

TEST_CASE("Levene decides which test is taken") {
  CHECK(compare_means(kA, kB).kind == MeanTest::Kind::student);
  CHECK(compare_means(kA, kB).p == student_test(kA, kB).p);
  CHECK(compare_means(kA, kC).kind == MeanTest::Kind::welch);
  CHECK(compare_means(kA, kC).p == welch_test(kA, kC).p);
  CHECK(compare_means(kA, kC).levene == near(0.01833369087626769));
}

TEST_CASE("the best mean is marked where it differs from the second, or from the third alone") {
  const Sample top = {10, 10.1, 9.9}, close = {9.95, 10.05, 9.8}, far = {5, 5.1, 4.9};
  const auto best = [](const std::vector<Sample>& s, BestIs b) { return find_best(s, b); };

  CHECK(best({far, top, far}, BestIs::highest).row == 1);
  CHECK(best({far, top, far}, BestIs::highest).mark == BestMark::from_second);
  CHECK(best({far, close, top}, BestIs::highest).row == 2);
  CHECK(best({far, close, top}, BestIs::highest).mark == BestMark::from_third);
  CHECK(best({far, close, top}, BestIs::highest).order == std::vector<std::size_t>{2, 1, 0});
  CHECK(best({top, close}, BestIs::highest).mark == BestMark::none);
  CHECK(best({top, close, top}, BestIs::highest).mark == BestMark::none);
  CHECK(best({close, top, far}, BestIs::lowest).row == 2);
  CHECK(best({close, top, far}, BestIs::lowest).mark == BestMark::from_second);

  SUBCASE("too few seeds") {
    CHECK_FALSE(best({}, BestIs::highest).row.has_value());
    CHECK_FALSE(best({{}, {kNaN}}, BestIs::highest).row.has_value());
    CHECK(best({{7}}, BestIs::highest).row == 0);
    CHECK(best({{7}, far}, BestIs::highest).mark == BestMark::none);
    CHECK(best({top, {7}}, BestIs::highest).mark == BestMark::none);
    CHECK(best({top, {7}, far}, BestIs::highest).mark == BestMark::from_third);
  }
  SUBCASE("a row of which nothing is known is no third") {
    const BestOf b = best({top, {kNaN, 3}, {}, far}, BestIs::highest);
    CHECK(b.order == std::vector<std::size_t>{0, 3});
    CHECK(b.mark == BestMark::from_second);
  }
  CHECK(to_string(BestMark::from_second) == "*");
  CHECK(to_string(BestMark::from_third) == "†");
  CHECK(to_string(MeanTest::Kind::welch) == "Welch");
}
