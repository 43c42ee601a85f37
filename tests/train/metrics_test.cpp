// Onset scores and the mean as a predictor, against counting by hand.
#include "train/metrics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/error.h"

using namespace gradus;

namespace {

Note note(int64 start, int pitch, int64 length = 1) {
  Note n;
  n.start = start;
  n.pitch = pitch;
  n.end = start + length;
  return n;
}

}  // namespace

TEST_CASE("onsets of notes: pitch and step count, length does not, equal notes once") {
  const std::vector<Note> target{note(0, 60), note(0, 64), note(4, 60), note(8, 67)};
  const std::vector<Note> predicted{note(0, 60, 9), note(0, 60), note(4, 61), note(8, 67)};
  const OnsetScore s = onset_score(predicted, target);
  CHECK(s.predicted == 3);
  CHECK(s.target == 4);
  CHECK(s.hits == 2);
  CHECK(s.precision() == doctest::Approx(2.0 / 3));
  CHECK(s.recall() == doctest::Approx(0.5));
  CHECK(s.f1() == doctest::Approx(4.0 / 7));
}

TEST_CASE("nothing predicted, nothing there") {
  const std::vector<Note> some{note(0, 60)};
  for (const OnsetScore& s :
       {onset_score({}, some), onset_score(some, {}), onset_score(std::vector<Note>{}, {})}) {
    CHECK(s.hits == 0);
    CHECK(s.precision() == 0);
    CHECK(s.recall() == 0);
    CHECK(s.f1() == 0);
  }
  OnsetScore sum = onset_score(some, some);
  sum += onset_score({}, some);
  CHECK(sum.f1() == doctest::Approx(2.0 / 3));
}

TEST_CASE("the mean's loss is the entropy of what it learned from, and finite for what is new") {
  const Tensor target = tensor({1, 0, 1, 0, 0, 0, 1, 0}, {1, 4, 2});
  const Tensor mask = ones({1, 4}, DType::u8);
  MeanPredictor mean;
  mean.learn(target, mask);
  mean.learn(target, zeros({1, 4}, DType::u8));
  CHECK(mean.steps() == 4);
  CHECK(mean.ones() == std::vector<double>{3, 0});
  const MeanPredictor::Loss l = mean.loss(target, mask);
  CHECK(l.count == 8);
  const double p = 3.5 / 5, q = 0.5 / 5;
  CHECK(l.total == doctest::Approx(-(3 * std::log(p) + std::log(1 - p) + 4 * std::log(1 - q))));
  CHECK(std::isfinite(mean.loss(ones({1, 4, 2}), mask).total));
  const MeanPredictor::Loss none = mean.loss(target, zeros({1, 4}, DType::u8));
  CHECK(none.count == 0);
  CHECK(none.total == 0);
  CHECK_THROWS_AS(mean.loss(zeros({1, 4, 3}), mask), ShapeError);
  CHECK_THROWS_AS(mean.learn(zeros({1, 4, 3}), mask), ShapeError);
}
