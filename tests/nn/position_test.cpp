// Positions: tracks by name, query rows, and labels that are refused.
#include <cmath>

#include "tests/nn/encodings.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

/// Three tokens with time, chord, chroma.0, chroma.1.
Positions example() {
  return labelled_positions(tensor({0, 7, 1, 0, 1, 7, 0, 1, 2, 3, 1, 1}, {1, 3, 4}, DType::f64),
                            {{"time"},
                             {"chord", TrackKind::token, 8},
                             {"chroma.0", TrackKind::bit},
                             {"chroma.1", TrackKind::bit}});
}

std::string refused(double value, const Track& track) {
  return error_text<IndexError>([&] {
    labelled_positions(full({1, 1, 1}, value, DType::f64), {track});
  });
}

}  // namespace

TEST_CASE("time positions") {
  CHECK(error_text<ShapeError>([] { time_positions(-1); }) ==
        "positions of -1 tokens: must be 0 or more");
  for (const int64 n : {0, 1, 4}) {
    const Positions p = time_positions(n, false);
    CHECK(p.labels.shape() == Shape{1, n, 1});
    CHECK(p.keys() == n);
    CHECK(p.query_count == n);
    CHECK(p.square());
    CHECK(p.uniform);
    CHECK(!p.causal);
    for (int64 i = 0; i < n; ++i) CHECK(p.labels.at({0, i, 0}) == static_cast<double>(i));
  }
}

TEST_CASE("tracks are found by name, parts of a label by its name") {
  const Positions p = example();
  CHECK(!p.uniform);
  CHECK(p.track_labels({"chord"}, "x").to_vector<double>() == std::vector<double>{7, 7, 3});
  CHECK(p.track_labels({"chroma"}, "x").to_vector<double>() ==
        std::vector<double>{1, 0, 0, 1, 1, 1});
  CHECK(p.track_labels({"chroma.1"}, "x").to_vector<double>() == std::vector<double>{0, 1, 1});
  CHECK(p.track_labels({"chord", "time"}, "x").to_vector<double>() ==
        std::vector<double>{7, 0, 7, 1, 3, 2});
  CHECK(p.track_labels({}, "x").shape() == Shape{1, 3, 0});
  CHECK(error_text<ConfigError>([&] { p.track_labels({"crhoma"}, "ropepool"); }) ==
        "'ropepool' reads the label 'crhoma', which these positions do not have; they have time, "
        "chord, chroma; did you mean 'chroma'?");
}

TEST_CASE("query rows are rows of the same keys") {
  const Positions p = example().rows(1, 2);
  CHECK(p.keys() == 3);
  CHECK(!p.square());
  CHECK(p.query_labels({"chord"}, "x").to_vector<double>() == std::vector<double>{7, 3});
  CHECK(p.rows(0, 3).square());
  CHECK(p.rows(3, 0).query_count == 0);
  for (const auto& wrong : std::vector<std::vector<int64>>{{-1, 1}, {0, 4}, {3, 1}, {0, -1}})
    CHECK_THROWS_AS(p.rows(wrong[0], wrong[1]), IndexError);
}

TEST_CASE("labels with equal steps of time are uniform") {
  const auto uniform = [](const Tensor& labels) {
    return labelled_positions(labels, {{"time"}}).uniform;
  };
  CHECK(uniform(tensor({5, 5.5, 6, 0, 0.5, 1}, {2, 3, 1}, DType::f64)));
  CHECK(uniform(tensor({5}, {1, 1, 1}, DType::f64)));
  CHECK(uniform(mul(reshape(arange(0, 300, 1, DType::f64), {1, 300, 1}), 0.1)));
  CHECK(!uniform(tensor({0, 1, 3}, {1, 3, 1}, DType::f64)));
  CHECK(!uniform(tensor({0, 1, 2, 0, 2, 4}, {2, 3, 1}, DType::f64)));
}

TEST_CASE("labels are checked where they enter") {
  CHECK(refused(8, {"chord", TrackKind::token, 8}) ==
        "label 'chord' of token 0 is 8; a token track allows an integer from 0 to 7");
  CHECK(contains(refused(-1, {"chord", TrackKind::token, 8}), "an integer from 0 to 7"));
  CHECK(contains(refused(0.5, {"chord", TrackKind::token, 0}), "allows an integer"));
  CHECK(contains(refused(2, {"b", TrackKind::bit}), "a bit track allows 0 or 1"));
  CHECK(contains(refused(std::nan(""), {"t", TrackKind::real}), "a finite number"));
  CHECK(contains(refused(std::nan(""), {"t", TrackKind::token}), "is nan"));
  CHECK(refused(7, {"chord", TrackKind::token, 8}).empty());
  CHECK(refused(-4, {"chord", TrackKind::token, 0}).empty());
  CHECK_THROWS_AS(labelled_positions(zeros({1, 2, 1}), {{"time"}}), DTypeError);
  CHECK_THROWS_AS(labelled_positions(zeros({2, 1}, DType::f64), {{"time"}}), ShapeError);
  CHECK_THROWS_AS(labelled_positions(zeros({1, 2, 2}, DType::f64), {{"time"}}), ShapeError);
  CHECK_THROWS_AS(labelled_positions(zeros({1, 2, 2}, DType::f64), {{"a"}, {"a"}}), ConfigError);
}
