// The toy study: equations (24) to (26), the gaps between contexts, and points from a seed.
#include "pe/kernel_view_toy.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "tests/error_text.h"

using namespace gradus;

TEST_CASE("the paper's points give the gaps of SPEC 6.1") {
  const ToyPoints points = paper_toy_points();
  const struct {
    const char* name;
    double gaps[3];
  } cases[] = {{"rope", {.333, .660, 1.009}},
               {"f_stripe1", {.333, .379, .509}},
               {"ropepool", {.164, .023, 1.213}}};
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const Tensor a = toy_scores(find_encoding(c.name), points);
    CHECK(a.shape() == Shape{kToyFrequencies, kToyPoints});
    for (int i = 0; i < 3; ++i) CHECK(std::abs(toy_gap(a, points, 20 * i) - c.gaps[i]) < 5e-4);
  }
}

TEST_CASE("every score is that of the equations") {
  for (const ToyPoints& p : {paper_toy_points(), random_toy_points(7)}) {
    const Tensor rope = toy_scores(find_encoding("rope"), p),
                 stripe = toy_scores(find_encoding("f_stripe1"), p),
                 pool = toy_scores(find_encoding("ropepool"), p);
    for (int64 row = 0; row < kToyFrequencies; row += 8)
      for (int64 j = 0; j < kToyPoints; ++j) {
        const auto at = static_cast<std::size_t>(j);
        const double f = toy_frequency(row), psi = p.query_content - p.content[at],
                     xi = p.query_context - p.context[at], eighth = std::numbers::pi / 4;
        CHECK(std::abs(rope.at({row, j}) - std::cos(psi + f * xi)) < 1e-12);
        CHECK(std::abs(stripe.at({row, j}) - std::cos(psi) * std::cos(f * xi)) < 1e-12);
        CHECK(std::abs(pool.at({row, j}) -
                       2 * std::cos(p.query_content + f * p.query_context - eighth) *
                           std::cos(p.content[at] + f * p.context[at] - eighth)) < 1e-12);
      }
  }
}

TEST_CASE("of random codes the mean over their draws is drawn") {
  const ToyPoints p = paper_toy_points();
  const Tensor spe = toy_scores(find_encoding("sine_spe"), p),
               rff = toy_scores(find_encoding("rff"), p);
  for (int64 row = 0; row < kToyFrequencies; row += 8)
    for (int64 j = 0; j < kToyPoints; ++j) {
      const auto at = static_cast<std::size_t>(j);
      const double lag = toy_frequency(row) * (p.query_context - p.context[at]),
                   content = std::cos(p.query_content - p.content[at]);
      CHECK(std::abs(spe.at({row, j}) - content * std::cos(lag) / 2) < 1e-12);
      CHECK(std::abs(rff.at({row, j}) - content * std::exp(-lag * lag / 2)) < 1e-12);
    }
}

TEST_CASE("at f = 0 only RoPEPool differs from the plain product") {
  const ToyPoints p = paper_toy_points();
  const Tensor none = toy_scores(find_encoding("none"), p);
  for (const char* name : {"rope", "f_stripe1"})
    for (int64 j = 0; j < kToyPoints; ++j)
      CHECK(std::abs(toy_scores(find_encoding(name), p).at({0, j}) - none.at({0, j})) < 1e-12);
  CHECK(std::abs(toy_scores(find_encoding("ropepool"), p).at({0, 0}) - none.at({0, 0})) > 0.1);
}

TEST_CASE("a seed draws other points, the same ones each time") {
  const ToyPoints a = random_toy_points(3), b = random_toy_points(3), c = random_toy_points(4);
  CHECK(a.content == b.content);
  CHECK(a.content != c.content);
  CHECK(a.content.size() == kToyPoints);
  CHECK(a.context == paper_toy_points().context);
  CHECK(a.query_content == a.content[10]);
  double spread = 0;
  for (std::size_t j = 0; j < a.content.size(); ++j)
    spread += std::pow(a.content[j] - a.context[j], 2) / kToyPoints;
  CHECK(std::sqrt(spread) == doctest::Approx(0.136).epsilon(0.5));
}

TEST_CASE("every encoding is drawn, or refused with the reason") {
  int drawn = 0;
  for (const EncodingDef* def : encodings()) {
    CAPTURE(def->name);
    try {
      const Tensor a = toy_scores(*def, paper_toy_points());
      CHECK(a.shape() == Shape{kToyFrequencies, kToyPoints});
      for (double x : a.to_vector<double>()) REQUIRE(std::isfinite(x));
      ++drawn;
    } catch (const ConfigError& e) {
      CHECK(std::string(e.what()).find("; the toy study has pairs with labels f xi") !=
            std::string::npos);
    }
  }
  CHECK(drawn >= 20);
  const struct {
    const char *name, *why;
  } refused[] = {{"t5", "has a number for each whole label or lag, and none between"},
                 {"shaw", "whole label or lag"},
                 {"conv_spe", "whole label or lag"},
                 {"cope", "tokens between the two"},
                 {"fire", "takes time only"},
                 {"music_transformer", "takes time only"}};
  for (const auto& r : refused)
    CHECK(testing::has(testing::message<ConfigError>(
                           [&] { (void)toy_scores(find_encoding(r.name), paper_toy_points()); }),
                       r.why));
}

TEST_CASE("xpos is RoPE times a power of the lag") {
  const ToyPoints p = paper_toy_points();
  const Tensor xpos = toy_scores(find_encoding("xpos"), p),
               rope = toy_scores(find_encoding("rope"), p);
  for (int64 j = 0; j < kToyPoints; ++j) {
    const double lag = p.query_context - p.context[static_cast<std::size_t>(j)];
    CHECK(xpos.at({40, j}) ==
          doctest::Approx(rope.at({40, j}) * std::pow(0.4 / 1.4, lag / 512)).epsilon(1e-12));
  }
}
