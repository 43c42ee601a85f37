#include "tensor/random.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "tensor/parallel.h"

using namespace gradus;

namespace {

using Words = std::array<std::uint32_t, 4>;

double mean_of(std::span<const double> x) {
  double sum = 0;
  for (double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}
double correlation(std::span<const double> a, std::span<const double> b) {
  const double ma = mean_of(a), mb = mean_of(b);
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) * (a[i] - ma);
    bb += (b[i] - mb) * (b[i] - mb);
  }
  return ab / std::sqrt(aa * bb);
}
/// Chi-square of counts against equal shares; about (cells - 1) +- sqrt(2 (cells - 1)).
double chi_square(const std::vector<int>& counts) {
  double total = 0, sum = 0;
  for (int c : counts) total += c;
  const double expected = total / static_cast<double>(counts.size());
  for (int c : counts) sum += (c - expected) * (c - expected) / expected;
  return sum;
}

}  // namespace

TEST_CASE("philox gives the published answers") {
  // Random123, kat_vectors: philox4x32 10.
  CHECK(philox(0, 0, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint64_t ones = ~std::uint64_t{0};
  CHECK(philox(ones, ones, ones) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a random bit depends on key, draw and index alone") {
  const int before = threads();
  const Shape shape{3, 3333};
  std::vector<std::vector<double>> runs;
  for (const int n : {1, 2, 3, 7}) {
    set_threads(n);
    Rng rng(5);
    std::vector<double> all;
    for (const Tensor& t :
         {uniform(rng, shape), uniform(rng, shape, -1, 1, DType::f64), normal(rng, shape),
          bernoulli(rng, shape, 0.3), integers(rng, shape, -5, 5), permutation(rng, 9999),
          dropout_mask(1, 2, shape, 0.1, DType::f32)})
      for (double v : t.to_vector<double>()) all.push_back(v);
    runs.push_back(all);
  }
  set_threads(before);
  for (const auto& run : runs) CHECK(run == runs[0]);
  // The first elements do not depend on the shape.
  Rng a(5), b(5);
  const auto whole = uniform(a, {1000}, 0, 1, DType::f64).to_vector<double>();
  const auto part = uniform(b, {7}, 0, 1, DType::f64).to_vector<double>();
  CHECK(std::vector<double>(whole.begin(), whole.begin() + 7) == part);
}

TEST_CASE("copies and restored states repeat; streams ignore the parent's state") {
  Rng rng(11);
  const Rng child = rng.stream("dropout");
  const Rng::State saved = rng.state();
  const double first = uniform_number(rng), second = uniform_number(rng);
  CHECK(first != second);
  CHECK(rng.state().draws == 2);
  rng.restore(saved);
  Rng copy = rng;
  CHECK(uniform_number(rng) == first);
  CHECK(uniform_number(copy) == first);
  CHECK(rng.stream("dropout").state() == child.state());
  CHECK(Rng(12).stream("dropout").key() != child.key());
}

TEST_CASE("stream names and numbers give different keys") {
  const Rng rng(0);
  std::set<std::uint64_t> keys = {rng.key()};
  std::size_t made = 1;
  const auto add = [&](const Rng& r) { keys.insert(r.key()), ++made; };
  for (std::uint64_t i = 0; i < 2000; ++i) {
    add(rng.stream(i));
    add(rng.stream(std::to_string(i)));
    add(rng.stream("layer" + std::to_string(i) + "/dropout"));
  }
  for (const std::string& s :
       {std::string(""), std::string("a"), std::string("a\0", 2), std::string(8, '\0'),
        std::string(9, '\0'), std::string("abcdefgh"), std::string("abcdefghi")})
    add(rng.stream(s));
  add(rng.stream("a").stream("b"));
  add(rng.stream("ab"));
  add(rng.stream("b").stream("a"));
  CHECK(keys.size() == made);
}

TEST_CASE("uniform: mean, variance, equal cells, no correlation between neighbours") {
  constexpr int64 n = 100000;
  for (const DType dtype : {DType::f32, DType::f64}) {
    Rng rng(1);
    const auto x = uniform(rng, {n}, 0, 1, dtype).to_vector<double>();
    const auto y = uniform(rng, {n}, 0, 1, dtype).to_vector<double>();
    Rng other = rng.stream(1), next = rng.stream(2);
    const auto u = uniform(other, {n}, 0, 1, dtype).to_vector<double>();
    const auto v = uniform(next, {n}, 0, 1, dtype).to_vector<double>();
    std::vector<int> cells(100);
    double square = 0;
    for (double e : x) {
      REQUIRE((e >= 0 && e < 1));
      ++cells[static_cast<std::size_t>(e * 100)];
      square += (e - 0.5) * (e - 0.5);
    }
    // Four standard errors everywhere.
    CHECK(std::abs(mean_of(x) - 0.5) <= 4 * std::sqrt(1.0 / 12 / n));
    CHECK(std::abs(square / n - 1.0 / 12) <= 4 * std::sqrt(1.0 / 180 / n));
    CHECK(std::abs(chi_square(cells) - 99) <= 4 * std::sqrt(2.0 * 99));
    const double bound = 4 / std::sqrt(static_cast<double>(n));
    CHECK(std::abs(correlation(x, y)) <= bound);  // next draw
    CHECK(std::abs(correlation(u, v)) <= bound);  // next stream
    const std::span<const double> all(x);
    for (std::size_t lag = 1; lag <= 5; ++lag)
      CHECK(std::abs(correlation(all.subspan(lag), all.first(n - lag))) <= bound);
    // Pairs of neighbours fill the square evenly.
    std::vector<int> square_cells(256);
    for (std::size_t i = 0; i + 1 < x.size(); i += 2)
      ++square_cells[static_cast<std::size_t>(x[i] * 16) * 16 +
                     static_cast<std::size_t>(x[i + 1] * 16)];
    CHECK(std::abs(chi_square(square_cells) - 255) <= 4 * std::sqrt(2.0 * 255));
  }
}

TEST_CASE("uniform never leaves [low, high), not by rounding either") {
  Rng rng(3);
  // 1 is the float next to high: about half of all numbers would round to high.
  const double next = 1 + 0x1p-23;
  for (double v : uniform(rng, {4000}, 1, next).to_vector<double>()) REQUIRE(v == 1);
  const double low = 0.1, high = 0.1 + 1e-8;  // 0.1 is no float; the float above it is in the range
  for (double v : uniform(rng, {4000}, low, high).to_vector<double>())
    REQUIRE((v >= low && v < high));
  for (double v : uniform(rng, {4000}, -1e300, 1e300, DType::f64).to_vector<double>())
    REQUIRE((v >= -1e300 && v < 1e300));
  CHECK_THROWS_AS(uniform(rng, {1}, 1, 1), ConfigError);
  CHECK_THROWS_AS(uniform(rng, {1}, 2, 1), ConfigError);
  CHECK_THROWS_AS(uniform(rng, {1}, 0, std::nan("")), ConfigError);
  CHECK_THROWS_AS(uniform(rng, {1}, -1.7e308, 1.7e308, DType::f64), ConfigError);
  CHECK_THROWS_AS(uniform(rng, {1}, 0.1, 0.1 + 1e-12), ConfigError);  // no float in between
  CHECK_THROWS_AS(uniform(rng, {1}, 0, 1, DType::i64), DTypeError);
}

TEST_CASE("f32 and f64 of one seed hold the same numbers up to rounding") {
  Rng a(9), b(9);
  const auto x = uniform(a, {1001}).to_vector<double>();
  const auto y = uniform(b, {1001}, 0, 1, DType::f64).to_vector<double>();
  const auto p = normal(a, {1001}).to_vector<double>();
  const auto q = normal(b, {1001}, 0, 1, DType::f64).to_vector<double>();
  double uniform_gap = 0, normal_gap = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    uniform_gap = std::max(uniform_gap, std::abs(x[i] - y[i]));
    normal_gap = std::max(normal_gap, std::abs(p[i] - q[i]));
  }
  CHECK(uniform_gap <= 1e-7);
  CHECK(normal_gap <= 1e-4);
}

TEST_CASE("normal: moments, tails, independence of the two numbers of a pair") {
  constexpr int64 n = 200000;
  for (const DType dtype : {DType::f32, DType::f64}) {
    Rng rng(2);
    const auto x = normal(rng, {n}, 0, 1, dtype).to_vector<double>();
    double m2 = 0, m3 = 0, m4 = 0;
    int beyond = 0;
    std::vector<double> even, odd;
    std::vector<int> cells(64);
    for (std::size_t i = 0; i < x.size(); ++i) {
      m2 += x[i] * x[i], m3 += x[i] * x[i] * x[i], m4 += x[i] * x[i] * x[i] * x[i];
      beyond += std::abs(x[i]) > 3;
      (i % 2 ? odd : even).push_back(x[i]);
      const double share = 0.5 * std::erfc(-x[i] / std::sqrt(2.0));
      ++cells[std::min<std::size_t>(63, static_cast<std::size_t>(share * 64))];
    }
    const double root = std::sqrt(static_cast<double>(n));
    CHECK(std::abs(mean_of(x)) <= 4 / root);
    CHECK(std::abs(m2 / n - 1) <= 4 * std::sqrt(2.0) / root);
    CHECK(std::abs(m3 / n) <= 4 * std::sqrt(15.0) / root);
    CHECK(std::abs(m4 / n - 3) <= 4 * std::sqrt(96.0) / root);
    CHECK(std::abs(beyond - 0.0026998 * n) <= 4 * std::sqrt(0.0027 * n));
    CHECK(std::abs(chi_square(cells) - 63) <= 4 * std::sqrt(2.0 * 63));
    CHECK(std::abs(correlation(even, odd)) <= 4 / std::sqrt(n / 2.0));
  }
  Rng rng(2);
  for (double v : normal(rng, {9}, 5, 0).to_vector<double>()) CHECK(v == 5);
  CHECK_THROWS_AS(normal(rng, {1}, 0, -1), ConfigError);
  CHECK_THROWS_AS(normal(rng, {1}, std::nan(""), 1), ConfigError);
}

TEST_CASE("bernoulli and dropout") {
  constexpr int64 n = 100015;  // an odd number of blocks, and a rest
  Rng rng(4);
  for (const double p : {0.0, 0.1, 0.5, 1.0}) {
    double ones = 0;
    for (double v : bernoulli(rng, {n}, p).to_vector<double>()) ones += v;
    CHECK(std::abs(ones / n - p) <= 4 * std::sqrt(p * (1 - p) / n));
  }
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto mask = dropout_mask(7, 3, {n}, 0.2, dtype).to_vector<double>();
    double dropped = 0;
    for (std::size_t i = 0; i < mask.size(); ++i) {
      dropped += mask[i] == 0;
      REQUIRE((mask[i] == 0) == (random_bits(7, 3, i) < 858993459));
      if (mask[i] != 0) REQUIRE(std::abs(mask[i] - 1.25) < 1e-15);
    }
    CHECK(std::abs(dropped / n - 0.2) <= 4 * std::sqrt(0.16 / n));
  }
  for (double v : dropout_mask(7, 3, {99}, 0, DType::f32).to_vector<double>()) CHECK(v == 1);
  CHECK_THROWS_AS(bernoulli(rng, {1}, 1.5), ConfigError);
  CHECK_THROWS_AS(bernoulli(rng, {1}, std::nan("")), ConfigError);
  CHECK_THROWS_AS(dropout_mask(0, 0, {1}, 1, DType::f32), ConfigError);
  CHECK_THROWS_AS(dropout_mask(0, 0, {1}, 0.5, DType::u8), DTypeError);
}

TEST_CASE("permutations are permutations, each as likely as another") {
  Rng rng(6);
  CHECK(permutation(rng, 0).numel() == 0);
  CHECK(permutation(rng, 1).to_vector<int64>() == std::vector<int64>{0});
  CHECK_THROWS_AS(permutation(rng, -1), ConfigError);
  const auto p = permutation(rng, 5000).to_vector<int64>();
  CHECK(std::set<int64>(p.begin(), p.end()).size() == 5000);
  CHECK(*std::max_element(p.begin(), p.end()) == 4999);
  std::vector<int> counts(24);
  for (int i = 0; i < 24000; ++i) {
    const auto q = permutation(rng, 4).to_vector<int64>();
    int64 rank = 0;
    for (std::size_t a = 0; a < 4; ++a) {
      int64 smaller = 0;
      for (std::size_t b = a + 1; b < 4; ++b) smaller += q[b] < q[a];
      rank = rank * static_cast<int64>(4 - a) + smaller;
    }
    ++counts[static_cast<std::size_t>(rank)];
  }
  CHECK(std::abs(chi_square(counts) - 23) <= 4 * std::sqrt(2.0 * 23));
}

TEST_CASE("integers and single numbers") {
  Rng rng(8);
  std::vector<int> counts(7);
  for (int64 v : integers(rng, {70000}, -3, 4).to_vector<int64>()) {
    REQUIRE((v >= -3 && v < 4));
    ++counts[static_cast<std::size_t>(v + 3)];
  }
  CHECK(std::abs(chi_square(counts) - 6) <= 4 * std::sqrt(12.0));
  constexpr int64 least = std::numeric_limits<int64>::min(),
                  most = std::numeric_limits<int64>::max();
  int negative = 0;
  for (int64 v : integers(rng, {1000}, least, most).to_vector<int64>()) negative += v < 0;
  CHECK(std::abs(negative - 500) <= 4 * std::sqrt(250.0));
  CHECK_THROWS_AS(integers(rng, {1}, 3, 3), ConfigError);
  CHECK(integers(rng, {0}, 0, 9).numel() == 0);
  CHECK(integer_number(rng, 1) == 0);
  CHECK_THROWS_AS(integer_number(rng, 0), ConfigError);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double u = uniform_number(rng);
    REQUIRE((u >= 0 && u < 1));
    sum += u;
  }
  CHECK(std::abs(sum / 10000 - 0.5) <= 4 * std::sqrt(1.0 / 12 / 10000));
}

TEST_CASE("empty and scalar shapes") {
  Rng rng(1);
  CHECK(uniform(rng, {0, 3}).numel() == 0);
  CHECK(normal(rng, {}).numel() == 1);
  CHECK(bernoulli(rng, {2, 0}, 0.5).numel() == 0);
  CHECK(rng.state().draws == 3);
}
