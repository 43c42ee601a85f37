// What pooling costs F-StrIPE1 (SPEC 4.8): the variance of the cross terms d != d' over independent
// q, k is that of the diagonal times
//     sum_{d != d'} cos^2(f_d p_m - f_d' p_n) / sum_d cos^2(f_d (p_m - p_n)).
#include <doctest/doctest.h>

#include "tests/pe/encode.h"

using namespace gradus;

TEST_CASE("pooled f_stripe1: the cross terms have about 107 times the variance of the diagonal") {
  constexpr int64 kSize = 128, kTokens = 128, kPositions = 1024, kDraws = 4;
  std::vector<double> f;
  std::string list = "frequencies=";
  for (int64 d = 0; d < kSize; ++d) {
    f.push_back(std::pow(10000., -2. * static_cast<double>(d) / kSize));
    list += fmt::format("{}{:.17g}", d ? "," : "", f.back());
  }
  const auto pooled = encoding("f_stripe1", {kSize, 1}, {list.c_str(), "parametrisation=free"});
  const auto apart =
      encoding("f_stripe1", {kSize, 1}, {list.c_str(), "parametrisation=free", "pooled=false"});
  Rng rng(90);
  double crossed = 0, alone = 0, expected_crossed = 0, expected_alone = 0;
  for (int64 draw = 0; draw < kDraws; ++draw) {
    const std::vector<double> p =
        floor(uniform(rng, {kTokens}, 0, kPositions, DType::f64)).to_vector<double>();
    const Tensor q = normal(rng, {1, 1, kTokens, kSize}, 0, 1, DType::f64),
                 k = normal(rng, {1, 1, kTokens, kSize}, 0, 1, DType::f64);
    const auto scores = [&](const PositionalEncoding& e) {
      const QueryKey t = transformed(e, q, k, labels(e, p));
      return matmul(t.q.value(), transpose(t.k.value()));
    };
    const Tensor diagonal = scores(*apart), cross = sub(scores(*pooled), diagonal);
    crossed += sum(square(cross)).item();
    alone += sum(square(diagonal)).item();
    // sum_{m,n} cos^2(a_m - b_n) = (N^2 + Re(A conj B)) / 2 with A = sum_m e^(2i a_m), B likewise.
    std::vector<double> c, s;
    for (const double frequency : f) {
      double real = 0, imaginary = 0;
      for (const double position : p) {
        real += std::cos(2 * frequency * position);
        imaginary += std::sin(2 * frequency * position);
      }
      c.push_back(real), s.push_back(imaginary);
    }
    for (std::size_t d = 0; d < f.size(); ++d)
      for (std::size_t e = 0; e < f.size(); ++e)
        (d == e ? expected_alone : expected_crossed) +=
            (double{kTokens * kTokens} + c[d] * c[e] + s[d] * s[e]) / 2;
  }
  const double expected = expected_crossed / expected_alone, measured = crossed / alone;
  INFO("ratio " << measured << ", expected " << expected);
  CHECK(std::abs(expected / 107 - 1) <= 0.1);
  CHECK(std::abs(measured / expected - 1) <= 0.1);
}
