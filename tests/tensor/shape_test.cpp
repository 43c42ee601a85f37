#include "tensor/shape.h"

#include <doctest/doctest.h>

#include "tests/tensor/layouts.h"

using namespace gradus;
using namespace gradus::testing;

TEST_CASE("a shape without axes has one element") {
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{0, 3}.numel() == 0);
  CHECK(text(Shape{}) == "()");
  CHECK(text(Shape{4, 8}) == "(4, 8)");
  CHECK(fmt::format("{}", Shape{2}) == "(2)");
}

TEST_CASE("insert and erase keep the other sizes") {
  Shape s{2, 4};
  s.insert(1, 3);
  CHECK(s == Shape{2, 3, 4});
  s.insert(3, 5);
  CHECK(s == Shape{2, 3, 4, 5});
  s.erase(0);
  CHECK(s == Shape{3, 4, 5});
  s.erase(2);
  CHECK(s == Shape{3, 4});
  CHECK_THROWS_AS(s.erase(2), InternalError);
}

TEST_CASE("at most eight axes") {
  Shape s{1, 1, 1, 1, 1, 1, 1, 1};
  CHECK_THROWS_AS(s.push_back(1), ShapeError);
  CHECK_THROWS_AS(s.insert(0, 1), ShapeError);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), ShapeError);
}

TEST_CASE("contiguous strides are row-major") {
  CHECK(contiguous_strides({2, 3, 4}) == Strides{12, 4, 1});
  CHECK(contiguous_strides({}) == Strides{});
}

TEST_CASE("axes count from the back too") {
  CHECK(normal_axis(-1, 3) == 2);
  CHECK(normal_axis(0, 1) == 0);
  CHECK(contains(error_of<IndexError>([] { normal_axis(3, 3); }), "allowed are -3 to 2"));
  CHECK(contains(error_of<IndexError>([] { normal_axis(0, 0); }), "without axes"));
}

TEST_CASE("broadcasting aligns at the last axis") {
  CHECK(broadcast_shapes({2, 1}, {3}) == Shape{2, 3});
  CHECK(broadcast_shapes({}, {3}) == Shape{3});
  CHECK(broadcast_shapes({0, 1}, {1, 4}) == Shape{0, 4});
  CHECK(broadcast_shapes({1}, {0}) == Shape{0});
  const auto text = error_of<ShapeError>([] { broadcast_shapes({2, 3}, {4, 3}); });
  CHECK(contains(text, "(2, 3) and (4, 3)"));
  CHECK(contains(text, "axis -2 has sizes 2 and 4"));
  CHECK(can_broadcast({1, 3}, {2, 3}));
  CHECK_FALSE(can_broadcast({2, 3}, {3}));
  CHECK_FALSE(can_broadcast({0}, {3}));
}
