// Feature maps: what each one claims, FAVOR+ against its kernel, and the table.
#include <doctest/doctest.h>

#include <cmath>

#include "nn/feature_map.h"
#include "tensor/elementwise.h"
#include "tensor/matmul.h"
#include "tests/nn/encodings.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

Options favor_options(const std::string& features) {
  Options o("feature map 'favor_plus'");
  o.set("features=" + features);
  return o;
}

std::unique_ptr<FeatureMap> make_map(std::string_view name, int64 width, int64 head_dim,
                                     Options o = {}, DType dtype = DType::f64) {
  return find_feature_map(name).make(Build("map", Rng(3), dtype), width, head_dim, o);
}

/// The features without the factor taken out.
Tensor true_features(const FeatureMap& map, const Tensor& x, Side side) {
  Pass pass = Pass::eval();
  const Features f = map(Var(x), side, pass);
  return f.log_scale.defined() ? mul(f.phi.value(), exp(f.log_scale)) : f.phi.value();
}

}  // namespace

TEST_CASE("every map has the size and the sign that it claims") {
  Rng rng(1);
  for (const FeatureMapDef* def : feature_maps()) {
    INFO(std::string(def->name));
    CHECK(!def->formula.empty());
    CHECK(!def->source.empty());
    for (const int64 width : {1, 2, 6}) {
      const auto map = make_map(def->name, width, 4);
      CHECK(map->non_negative() == def->non_negative);
      CHECK(map->stochastic() == def->stochastic);
      CHECK(map->parameters().empty() == !def->learned);
      for (const Side side : {Side::query, Side::key}) {
        const Tensor x = normal(rng, {2, 1, 5, width}, 0, 3, DType::f64);
        Pass pass = Pass::eval();
        const Features f = (*map)(Var(x), side, pass);
        CHECK(f.phi.shape() == Shape{2, 1, 5, map->features(width)});
        CHECK(statistics(f.phi.value()).non_finite == 0);
        if (def->non_negative) CHECK(statistics(f.phi.value()).min >= 0);
      }
      Pass pass = Pass::eval();
      CHECK((*map)(Var(zeros({1, 1, 0, width}, DType::f64)), Side::key, pass).phi.size(2) == 0);
    }
  }
}

TEST_CASE(
    "favor_plus estimates exp(q.k / sqrt d) without bias, with less variance than its bound") {
  // |x'|^2 <= 1. For one pair of features, Z = cosh(w.(q' + k')) e^{-(|q'|^2 + |k'|^2)/2}, of mean
  // K = e^{q'.k'} and E Z^2 = (e^{2 |q'+k'|^2} + 1)/2 e^{-|q'|^2 - |k'|^2}; orthogonal rows have no
  // larger variance than independent ones (Choromanski et al. 2021, theorem 2).
  constexpr int64 kWidth = 4, kFeatures = 8, kDraws = 3000;
  const double tau = 1 / std::sqrt(static_cast<double>(kWidth));
  const auto map = make_map("favor_plus", kWidth, kWidth, favor_options("8"));
  const Tensor q = tensor({0.9, -0.3, 0.5, 0.2}, {1, 1, 1, 4}, DType::f64);
  const Tensor k = tensor({0.4, 0.8, -0.6, 0.1}, {1, 1, 1, 4}, DType::f64);
  double qk = 0, qq = 0, kk = 0;
  for (int64 d = 0; d < kWidth; ++d) {
    const double x = q.at({0, 0, 0, d}), y = k.at({0, 0, 0, d});
    qk += tau * x * y, qq += tau * x * x, kk += tau * y * y;
  }
  const double kernel = std::exp(qk);
  const double second = (std::exp(2 * (qq + kk + 2 * qk)) + 1) / 2 * std::exp(-qq - kk);
  const double variance = (second - kernel * kernel) / (kFeatures / 2);
  Rng rng(7);
  double total = 0, squares = 0;
  for (int64 i = 0; i < kDraws; ++i) {
    map->draw(rng);
    const double z =
        sum(mul(true_features(*map, q, Side::query), true_features(*map, k, Side::key))).item();
    total += z, squares += z * z;
  }
  const double mean = total / kDraws;
  const double measured = squares / kDraws - mean * mean;
  INFO("kernel " << kernel << ", mean " << mean << ", variance " << measured << " of " << variance);
  CHECK(std::abs(mean - kernel) <= 4 * std::sqrt(variance / kDraws));
  CHECK(measured <= 1.2 * variance);
  CHECK(measured > 0);
}

TEST_CASE("the projection is orthogonal inside a block, of Gaussian length, and drawn on request") {
  const auto map = make_map("favor_plus", 6, 4, favor_options("20"));
  REQUIRE(map->buffers().size() == 1);
  const Tensor w = map->buffers()[0]->value();
  CHECK(w.shape() == Shape{6, 10});
  const Tensor gram = matmul(transpose(w), w);
  for (int64 i = 0; i < 10; ++i)
    for (int64 j = 0; j < 10; ++j)
      if (i != j && i / 6 == j / 6) CHECK(std::abs(gram.at({i, j})) <= 1e-12);
  Rng rng(5), again(5);
  double lengths = 0;
  for (int64 draw = 0; draw < 500; ++draw) {
    map->draw(rng);
    lengths += sum(square(map->buffers()[0]->value())).item();
  }
  // E |w|^2 = 6 for each of 10 columns, deviation sqrt(12).
  CHECK(std::abs(lengths / 5000 - 6) <= 4 * std::sqrt(12.0 / 5000));
  map->draw(again);
  const Tensor first = map->buffers()[0]->value();
  Rng third(5);
  map->draw(third);
  CHECK(same_bits(first, map->buffers()[0]->value()));
  CHECK(!same_bits(first, w));
}

TEST_CASE("a map is refused where it is unknown, too large, or has other options") {
  CHECK(contains(error_text<ConfigError>([] { find_feature_map("elu"); }),
                 "unknown feature map 'elu'; known: elu1, favor_plus, relu"));
  CHECK(contains(error_text<ConfigError>([] { find_feature_map("favor_plos"); }),
                 "did you mean 'favor_plus'?"));
  CHECK(contains(error_text<ConfigError>([] { make_map("elu1", 8193, 4); }),
                 "feature map 'elu1' makes 8193 features of inputs 8193 wide; 8192 is the limit"));
  CHECK_NOTHROW(make_map("elu1", 8192, 4));
  CHECK(contains(error_text<ConfigError>([] { make_map("favor_plus", 4, 4, favor_options("7")); }),
                 "option 'features' is even"));
  CHECK(
      contains(error_text<ConfigError>([] { make_map("favor_plus", 4, 4, favor_options("8194")); }),
               "option 'features' is an integer from 2 to 8192, got 8194"));
  Options o("feature map 'favor_plus'");
  o.set("feature=8");
  CHECK(contains(error_text<ConfigError>([&] { make_map("favor_plus", 4, 4, o); }),
                 "option 'feature' is unknown; it takes features, temperature; did you mean "
                 "'features'?"));
}
