// Features of FAVOR+ and covariances of SPE's codes against numbers that a script of plain Python
// made from the papers' definitions (tests/pe/oracle/kernels.py).
#include <doctest/doctest.h>

#include "nn/feature_map.h"
#include "tests/pe/encode.h"
#include "tests/pe/oracle.h"

using namespace gradus;
using gradus::testing::Json, gradus::testing::read_numbers, gradus::testing::read_oracle;

TEST_CASE("FAVOR+: features and their products are those of the paper") {
  const Json c = read_oracle("kernels")["favor"];
  const Tensor projection = read_numbers(c["projection"]), q = read_numbers(c["q"]),
               k = read_numbers(c["k"]);
  const int64 width = q.size(1);
  Options options("feature map");
  options.set("features", 2 * projection.size(1));
  const auto map =
      find_feature_map("favor_plus").make(Build("map", Rng(1), DType::f64), width, width, options);
  map->load({{"map/projection", projection}});
  const auto features = [&](const Tensor& x, Side side) {
    Pass pass = Pass::eval();
    const Features f = (*map)(Var(reshape(x, {1, 1, x.size(0), width})), side, pass);
    const Var whole = f.log_scale.defined() ? f.phi * Var(exp(f.log_scale)) : f.phi;
    return reshape(whole.value(), {x.size(0), map->features(width)});
  };
  const Tensor a = features(q, Side::query), b = features(k, Side::key);
  CHECK(max_difference(a, read_numbers(c["query_features"])) <= 1e-10);
  CHECK(max_difference(b, read_numbers(c["key_features"])) <= 1e-10);
  CHECK(max_difference(matmul(a, transpose(b)), read_numbers(c["products"])) <= 1e-10);
}

TEST_CASE("SPE: the closed form is the covariance of the codes, noise by noise") {
  const Json all = read_oracle("kernels");
  const std::vector<double> p = all["labels"].get<std::vector<double>>();
  REQUIRE(all["spe"].size() == 2);
  for (const Json& c : all["spe"]) {
    const std::string name = c["encoding"].get<std::string>();
    CAPTURE(name);
    Options options;
    for (const Json& s : c["settings"]) options.set(s.get<std::string>());
    const EncodingShape shape{all["d_model"].get<int64>(), all["heads"].get<int64>()};
    const auto e = make_encoding(name, options)(Build("pe", Rng(1), DType::f64), shape);
    StateDict state = e->state();
    for (const auto& [path, values] : c["parameters"].items()) {
      REQUIRE(state.count(path));
      state[path] = read_numbers(values);
    }
    e->load(state);
    const Tensor expected = read_numbers(c["covariance"]);  // [head][m][n][d]
    double furthest = 0;
    for (std::size_t m = 0; m < p.size(); ++m)
      for (std::size_t n = 0; n < p.size(); ++n) {
        const Tensor g =
            e->interaction(tensor({p[m]}, {1}, DType::f64), tensor({p[n]}, {1}, DType::f64))->g;
        for (int64 h = 0; h < shape.heads; ++h)
          for (int64 d = 0; d < shape.head_dim(); ++d) {
            const double difference =
                std::abs(g.at({h, d, d}) -
                         expected.at({h, static_cast<int64>(m), static_cast<int64>(n), d}));
            if (!(difference <= furthest)) furthest = difference;
          }
      }
    CHECK(furthest <= 1e-10);
  }
}
