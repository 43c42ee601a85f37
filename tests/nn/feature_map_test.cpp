// Feature maps: the size and the sign that each one claims, projections, and what is refused.
#include "tensor/matmul.h"
#include "tensor/text.h"
#include "tests/nn/feature_maps.h"

using namespace gradus;
using namespace gradus::testing;

TEST_CASE("every map has the size and the sign that it claims") {
  Rng rng(1);
  for (const FeatureMapDef* def : feature_maps()) {
    INFO(std::string(def->name));
    CHECK(!def->formula.empty());
    CHECK(!def->source.empty());
    for (const int64 width : {1, 2, 6}) {
      CAPTURE(width);
      const auto map = make_map(def->name, width, 4);
      CHECK(map->non_negative() == def->non_negative);
      CHECK(map->stochastic() == def->stochastic);
      CHECK(map->parameters().empty() == !def->learned);
      for (const Side side : {Side::query, Side::key}) {
        const Tensor x = normal(rng, {2, 1, 5, width}, 0, 3, DType::f64);
        Pass pass = Pass::eval();
        const Features f = (*map)(Var(x), side, pass);
        CHECK(f.phi.shape() == Shape{2, 1, 5, map->features(width)});
        const auto found = statistics(f.phi.value());
        CHECK(found.non_finite == 0);
        if (!def->non_negative) CHECK(found.min < 0);
        if (def->non_negative) CHECK(found.min >= 0);
      }
      Pass pass = Pass::eval();
      CHECK((*map)(Var(zeros({1, 1, 0, width}, DType::f64)), Side::key, pass).phi.size(2) == 0);
    }
  }
}

TEST_CASE("large inputs stay finite") {
  for (const FeatureMapDef* def : feature_maps()) {
    INFO(std::string(def->name));
    const auto map = make_map(def->name, 4, 4, {}, DType::f32);
    Pass pass = Pass::eval();
    for (const Side side : {Side::query, Side::key}) {
      const Var x(reshape(tensor({300, -300, 3, 0, 1, 2, 3, 4}, {8}), {1, 1, 2, 4}));
      CHECK(statistics((*map)(x, side, pass).phi.value()).non_finite == 0);
    }
  }
}

TEST_CASE("the projection is orthogonal inside a block, of Gaussian length, and drawn on request") {
  const auto map = make_map("favor_plus", 6, 4, map_options({"features=20"}));
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
  std::vector<std::string> names;
  for (const FeatureMapDef* def : feature_maps()) names.emplace_back(def->name);
  CHECK(std::is_sorted(names.begin(), names.end()));
  CHECK(contains(error_text<ConfigError>([] { find_feature_map("elu"); }),
                 "unknown feature map 'elu'; known: " + join(names)));
  CHECK(contains(error_text<ConfigError>([] { find_feature_map("favor_plos"); }),
                 "did you mean 'favor_plus'?"));
  CHECK(contains(error_text<ConfigError>([] { make_map("elu1", 8193, 4); }),
                 "feature map 'elu1' makes 8193 features of inputs 8193 wide; 8192 is the limit: "
                 "reduce the inputs to 8192 (more heads, a smaller d_model, an encoding that makes "
                 "them less wide)"));
  CHECK_NOTHROW(make_map("elu1", 8192, 4));
  CHECK(contains(error_text<ConfigError>([] { make_map("taylor2", 91, 4); }),
                 "makes 8373 features of inputs 91 wide; 8192 is the limit: reduce the inputs to "
                 "90"));
  CHECK(make_map("taylor2", 90, 4)->features(90) == 8191);
  CHECK(contains(error_text<ConfigError>([] { make_map("hedgehog", 4097, 4); }),
                 "reduce the inputs to 4096"));
  CHECK(contains(
      error_text<ConfigError>([] { make_map("favor_plus", 4, 4, map_options({"features=7"})); }),
      "option 'features' is even"));
  CHECK(contains(
      error_text<ConfigError>([] { make_map("favor_plus", 4, 4, map_options({"features=8194"})); }),
      "option 'features' is an integer from 2 to 8192, got 8194"));
  const Options o = map_options({"feature=8"});
  CHECK(contains(error_text<ConfigError>([&] { make_map("favor_plus", 4, 4, o); }),
                 "feature map 'favor_plus': option 'feature' is unknown; it takes features, "
                 "temperature; did you mean 'features'?"));
  CHECK(contains(error_text<ConfigError>([&] { make_map("elu1", 4, 4, o); }),
                 "feature map 'elu1': option 'feature' is unknown; it takes no options"));
}

TEST_CASE("the options that the table describes are those that a map reads") {
  for (const FeatureMapDef* def : feature_maps()) {
    INFO(std::string(def->name));
    std::vector<std::string> described;
    for (const OptionInfo& o : def->options) {
      CHECK(!o.meaning.empty());
      described.emplace_back(o.name);
    }
    const Options unknown = map_options({"zzz=1"});
    CHECK(error_text<ConfigError>([&] { make_map(def->name, 4, 4, unknown); }) ==
          fmt::format("feature map '{}': option 'zzz' is unknown; it takes {}", def->name,
                      described.empty() ? "no options" : join(described)));
  }
}
