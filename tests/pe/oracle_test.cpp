// Scores against numbers that a script of plain Python made from the papers' formulas
// (tests/pe/oracle/scores.py): parameters, labels, q and k as it drew them.
#include <doctest/doctest.h>

#include "pe/suite_parts.h"
#include "tests/pe/encode.h"
#include "tests/pe/oracle.h"

using namespace gradus;
using gradus::testing::Json, gradus::testing::read_numbers, gradus::testing::read_oracle;

namespace {

std::unique_ptr<PositionalEncoding> built(const Json& c) {
  Options options;
  for (const Json& s : c["settings"]) options.set(s.get<std::string>());
  auto e = make_encoding(c["encoding"].get<std::string>(), options)(
      Build("pe", Rng(1), DType::f64), {c["d_model"].get<int64>(), c["heads"].get<int64>()});
  StateDict state = e->state();
  for (const auto& [path, values] : c["parameters"].items()) {
    REQUIRE(state.count(path));
    state[path] = read_numbers(values);
  }
  e->load(state);
  return e;
}

Positions positions(const Json& c) {
  std::vector<Track> tracks;
  for (const Json& name : c["tracks"])
    tracks.push_back({.name = name.get<std::string>(),
                      .kind = name == "time" ? TrackKind::time : TrackKind::real});
  return labelled_positions(unsqueeze(read_numbers(c["labels"]), 0), tracks);
}

}  // namespace

TEST_CASE("scores are those of the papers' formulas") {
  const Json cases = read_oracle("scores");
  REQUIRE(cases.size() >= 20);
  for (const Json& c : cases) {
    const std::string name = c["encoding"].get<std::string>() + " " + c["settings"].dump();
    CAPTURE(name);
    const auto e = built(c);
    const suite::Inputs in{
        {}, unsqueeze(read_numbers(c["q"]), 0), unsqueeze(read_numbers(c["k"]), 0)};
    const Tensor got = suite::scores(*e, in, positions(c)).value;
    double furthest = 0;
    int64 compared = 0;
    for (int64 h = 0; h < got.size(1); ++h)
      for (int64 m = 0; m < got.size(2); ++m)
        for (int64 n = 0; n < got.size(3); ++n) {
          const Json& expected = c["scores"][static_cast<std::size_t>(h)]
                                  [static_cast<std::size_t>(m)][static_cast<std::size_t>(n)];
          if (expected.is_null()) continue;  // behind the mask
          const double difference = std::abs(got.at({0, h, m, n}) - expected.get<double>());
          if (!(difference <= furthest)) furthest = difference;
          ++compared;
        }
    CHECK(furthest <= 1e-10);
    CHECK(compared >= 2 * 21);
  }
}
