// The factor of the learning rate at the borders of each schedule.
#include "train/schedule.h"

#include <doctest/doctest.h>

#include "tensor/error.h"

using namespace gradus;
using Curve = Schedule::Shape;

TEST_CASE("warm-up climbs to 1, then the shape begins at 1") {
  for (Curve shape : {Curve::constant, Curve::step, Curve::cosine}) {
    const Schedule s{.shape = shape, .warmup_steps = 4, .total_steps = 100, .steps_per_epoch = 10};
    CHECK(s.factor(0) == 0.25);
    CHECK(s.factor(2) == 0.75);
    CHECK(s.factor(3) == 1);
    CHECK(s.factor(4) == 1);
    const Schedule none{.shape = shape, .total_steps = 100};
    CHECK(none.factor(0) == 1);
  }
  CHECK(Schedule{.warmup_steps = 1}.factor(0) == 1);
}

TEST_CASE("constant stays 1") { CHECK(Schedule{}.factor(1000000) == 1); }

TEST_CASE("step falls once an epoch") {
  const Schedule s{.shape = Curve::step, .warmup_steps = 2, .steps_per_epoch = 3, .decay = 0.5};
  CHECK(s.factor(4) == 1);
  CHECK(s.factor(5) == 0.5);
  CHECK(s.factor(7) == 0.5);
  CHECK(s.factor(8) == 0.25);
  // No steps in an epoch is one.
  CHECK(Schedule{.shape = Curve::step, .steps_per_epoch = 0, .decay = 0.5}.factor(2) == 0.25);
}

TEST_CASE("cosine falls to its floor and stays there") {
  const Schedule s{.shape = Curve::cosine, .warmup_steps = 10, .total_steps = 110, .floor = 0.2};
  CHECK(s.factor(10) == 1);
  CHECK(s.factor(35) == doctest::Approx(0.2 + 0.8 * 0.8535533905932737));
  CHECK(s.factor(60) == doctest::Approx(0.6));
  CHECK(s.factor(110) == doctest::Approx(0.2));
  CHECK(s.factor(5000) == doctest::Approx(0.2));
  for (int64 t = 10; t < 110; ++t) CHECK(s.factor(t + 1) < s.factor(t));
  // Shorter than its warm-up: at the floor right after it.
  const Schedule brief{.shape = Curve::cosine, .warmup_steps = 10, .total_steps = 5};
  CHECK(brief.factor(10) == 1);
  CHECK(brief.factor(11) == doctest::Approx(0));
}

TEST_CASE("schedules by name") {
  CHECK(parse_schedule("constant") == Curve::constant);
  CHECK(parse_schedule("step") == Curve::step);
  CHECK(parse_schedule("cosine") == Curve::cosine);
  try {
    parse_schedule("cosin");
    FAIL("accepted");
  } catch (const ConfigError& e) {
    CHECK(std::string(e.what()) ==
          "unknown schedule 'cosin'; known: constant, step, cosine; did you mean 'cosine'?");
  }
}

TEST_CASE("the curriculum grows from the first length to the full one") {
  CHECK(curriculum_length(0, 100, 16, 128) == 16);
  CHECK(curriculum_length(50, 100, 16, 128) == 72);
  CHECK(curriculum_length(99, 100, 16, 128) == 120);
  CHECK(curriculum_length(100, 100, 16, 128) == 128);
  CHECK(curriculum_length(1000000, 100, 16, 128) == 128);
  // None: no steps, or windows that begin at their full length.
  CHECK(curriculum_length(0, 0, 16, 128) == 128);
  CHECK(curriculum_length(0, 100, 128, 128) == 128);
  CHECK(curriculum_length(0, 100, 500, 128) == 128);
  // Odd ends stay; what lies between is a multiple of 8, and never shorter than before.
  CHECK(curriculum_length(0, 7, 3, 21) == 3);
  CHECK(curriculum_length(6, 7, 3, 21) == 16);
  CHECK(curriculum_length(7, 7, 3, 21) == 21);
  CHECK(curriculum_length(0, 1, 1, 65536) == 1);
  // As in the older published code of the papers: 16 to 1024 over three epochs of 415 steps.
  int64 before = 0, distinct = 0;
  for (int64 t = 0; t <= 1245; ++t) {
    const int64 length = curriculum_length(t, 1245, 16, 1024);
    CHECK(length % 8 == 0);
    CHECK(length >= before);
    distinct += length > before;
    before = length;
  }
  CHECK(before == 1024);
  CHECK(distinct == 127);
}
