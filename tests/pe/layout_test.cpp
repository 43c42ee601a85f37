// The layouts of features: which coordinates are pairs, what is added up, the frequencies of heads.
#include <doctest/doctest.h>

#include "tests/pe/encode.h"

using namespace gradus;

namespace {

const Tensor kQ = head({0.5, -1, 2, 0.25}), kK = head({1.5, 0.75, -0.5, 1});

}  // namespace

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
