// Features and scores of one pair of tokens against numbers worked out by hand (SPEC 4.7).
#include <doctest/doctest.h>

#include "tests/pe/encode.h"

using namespace gradus;

namespace {

const Tensor kQ = head({0.5, -1, 2, 0.25}), kK = head({1.5, 0.75, -0.5, 1});

void check_all(const Tensor& got, const std::vector<double>& expected) {
  const std::vector<double> numbers = got.to_vector<double>();
  REQUIRE(numbers.size() == expected.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(numbers[i] - expected[i]) <= 1e-9);
  }
}

void check_pair(std::string_view name, std::initializer_list<const char*> settings,
                const std::vector<double>& q, const std::vector<double>& k, double score) {
  const auto e = encoding(name, {4, 1}, settings);
  const PairFeatures f = pair_features(*e, kQ, kK, {2}, {5});
  if (!q.empty()) check_all(f.q, q);
  if (!k.empty()) check_all(f.k, k);
  CHECK(std::abs(sum(mul(f.q, f.k)).item() - score) <= 1e-9);
}

}  // namespace

TEST_CASE("rope: rotated coordinates and score") {
  const std::vector<double> q{0.7012240086, 0.8707955500, 1.9104658230, 0.6423553061},
      k{1.1446864842, -1.2256397729, -0.9182168195, 0.6378697926};
  for (const char* variant : {"variant=A", "variant=B", "variant=C"})
    check_pair("rope", {variant, "frequencies=1,0.1"}, q, k, -1.6090828211);
  // base 100 gives the same two frequencies at head size 4.
  check_pair("rope", {"base=100"}, q, k, -1.6090828211);
}

TEST_CASE("ropepool: the three ways of pooling") {
  check_pair("ropepool", {"frequencies=1,0.1"}, {1.5720195585, 2.5528211290},
             {-0.0809532887, -0.2803470270}, -0.8429359671);
  check_pair("ropepool", {"base=100"}, {1.5720195585, 2.5528211290}, {-0.0809532887, -0.2803470270},
             -0.8429359671);
  check_pair("ropepool", {"frequencies=1,0.1", "pool=cross_pair"}, {}, {}, -0.2979161285);
  check_pair("ropepool", {"frequencies=1,0.1", "pool=total"}, {}, {}, -1.4903062425);
}

TEST_CASE("f_stripe1: pooled and unpooled") {
  for (const char* form : {"parametrisation=sigmoid", "parametrisation=free"}) {
    check_pair("f_stripe1", {"frequencies=1,0.5,0.1,0.01", "pooled=false", form}, {}, {},
               -1.5009962544);
    check_pair("f_stripe1", {"frequencies=1,0.5,0.1,0.01", "pooled=true", form},
               {1.4617074332, 0.0155160569}, {0.3845945460, -1.1792659039}, 0.5438671498);
  }
}

TEST_CASE("the layouts of the features") {
  const Tensor x = head({1, 10, 2, 20});
  const auto first = [&](std::string_view name, std::initializer_list<const char*> settings) {
    const auto e = encoding(name, {4, 1}, settings);
    return pair_features(*e, x, x, {0}, {0}).q.to_vector<double>();
  };
  using Numbers = std::vector<double>;
  CHECK(first("rope", {}) == Numbers{1, 10, 2, 20});
  CHECK(first("ropepool", {}) == Numbers{11, 22});
  CHECK(first("ropepool", {"pairing=half"}) == Numbers{3, 30});
  CHECK(first("ropepool", {"pool=cross_pair"}) == Numbers{3, 30});
  CHECK(first("ropepool", {"pool=cross_pair", "pairing=half"}) == Numbers{11, 22});
  CHECK(first("ropepool", {"pool=total"}) == Numbers{33});
  CHECK(first("f_stripe1", {"pooled=false"}) == Numbers{1, 0, 10, 0, 2, 0, 20, 0});
  CHECK(first("f_stripe1", {}) == Numbers{33, 0});
}

TEST_CASE("half pairing is interleaved pairing of permuted coordinates") {
  // (1a 2a 1b 2b) under half is (1a 1b 2a 2b) interleaved.
  const auto half = encoding("rope", {4, 1}, {"pairing=half", "frequencies=1,0.1"});
  const auto inter = encoding("rope", {4, 1}, {"frequencies=1,0.1"});
  const Tensor x = pair_features(*half, head({0.5, 2, -1, 0.25}), kK, {2}, {5}).q;
  const Tensor y = pair_features(*inter, kQ, kK, {2}, {5}).q;
  for (int64 i = 0; i < 4; ++i) {
    constexpr int64 place[] = {0, 2, 1, 3};
    CHECK(x.at({0, place[i]}) == y.at({0, i}));
  }
}

TEST_CASE("rope: frequencies of the variants") {
  // Two heads of 4: A repeats 1, 1/100; B has 1, 1/10, 1/100, 1/1000 over both heads.
  const auto angle = [](const PositionalEncoding& e, int64 h, int64 pair) {
    const Tensor q = head({1, 0, 1, 0, 1, 0, 1, 0}, 2);
    const Tensor t = pair_features(e, q, q, {0.5}, {0.5}).q;
    return std::atan2(t.at({h, 2 * pair + 1}), t.at({h, 2 * pair}));
  };
  const auto a = encoding("rope", {8, 2}, {"variant=A"});
  for (const char* variant : {"variant=B", "variant=C"}) {
    const auto b = encoding("rope", {8, 2}, {variant});
    for (int64 h = 0; h < 2; ++h)
      for (int64 i = 0; i < 2; ++i) {
        CHECK(angle(*a, h, i) == doctest::Approx(0.5 * std::pow(100.0, -i)).epsilon(1e-12));
        CHECK(angle(*b, h, i) ==
              doctest::Approx(0.5 * std::pow(10.0, -(2 * h + i))).epsilon(1e-12));
      }
  }
}
