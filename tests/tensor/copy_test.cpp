#include <doctest/doctest.h>

#include <limits>

#include "tests/tensor/layouts.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
}  // namespace

TEST_CASE("contiguous copies only where it must") {
  const Tensor t = wave({3, 4});
  CHECK(contiguous(t).shares_storage(t));
  CHECK_FALSE(copy(t).shares_storage(t));
  const Tensor back = contiguous(transpose(t));
  CHECK(back.is_contiguous());
  CHECK_FALSE(back.shares_storage(t));
  for (const Tensor& view : layouts_of(t)) CHECK(same_bits(copy(view), t));
  CHECK(copy(zeros({0, 2})).shape() == Shape{0, 2});
}

TEST_CASE("large copies run in parts and are the same") {
  const Tensor t = wave({300, 500}, DType::f32);
  CHECK(same_bits(transpose(copy(transpose(t))), t));
}

TEST_CASE("casts truncate, wrap and saturate") {
  const Tensor t = tensor({-1.7, 300.7, kNan, 1e30, -kInf}, {5}, DType::f64);
  CHECK(cast(t, DType::i64).to_vector<int64>() ==
        std::vector<int64>{-1, 300, 0, std::numeric_limits<int64>::max(),
                           std::numeric_limits<int64>::min()});
  CHECK(cast(t, DType::u8).at({1}) == 44);
  CHECK(cast(tensor({-1}, {1}, DType::i64), DType::u8).item() == 255);
  CHECK(cast(tensor({0.1}, {1}, DType::f64), DType::f32).item() == static_cast<double>(0.1f));
  CHECK(cast(tensor({1e300}, {1}, DType::f64), DType::f32).item() == kInf);
  CHECK(cast(t, DType::f64).shares_storage(t));
}

TEST_CASE("same_bits tells zeros apart and knows NaN") {
  const Tensor nan = scalar(kNan);
  CHECK(same_bits(nan, nan));
  CHECK_FALSE(same_bits(scalar(0.0), scalar(-0.0)));
  CHECK_FALSE(same_bits(ones({2}), ones({2, 1})));
  CHECK_FALSE(same_bits(ones({2}), ones({2}, DType::f64)));
  CHECK(same_bits(zeros({0}), zeros({0})));
  CHECK(same_bits(Tensor(), Tensor()));
  CHECK_FALSE(same_bits(Tensor(), nan));
}

TEST_CASE("a NaN is close to nothing, equal infinities are close") {
  CHECK(all_close(scalar(1), scalar(1.000001)));
  CHECK_FALSE(all_close(scalar(1), scalar(1.1)));
  CHECK_FALSE(all_close(scalar(kNan), scalar(kNan)));
  CHECK_FALSE(all_close(scalar(kNan), scalar(1)));
  CHECK(all_close(scalar(kInf), scalar(kInf)));
  CHECK_FALSE(all_close(scalar(kInf), scalar(-kInf)));
  CHECK_FALSE(all_close(scalar(1), scalar(kInf)));
  CHECK(all_close(zeros({0}), zeros({0})));
  CHECK_THROWS_AS(static_cast<void>(all_close(ones({2}), ones({1}))), ShapeError);
  CHECK_THROWS_AS(static_cast<void>(all_close(ones({2}), ones({2}, DType::f64))), DTypeError);
}

TEST_CASE("max_difference keeps a NaN") {
  CHECK(max_difference(tensor({1, 5}, {2}), tensor({2, 3}, {2})) == 2);
  CHECK(max_difference(tensor({kInf, 1}, {2}), tensor({kInf, 1}, {2})) == 0);
  CHECK(std::isnan(max_difference(tensor({kNan, 9}, {2}), tensor({1, 1}, {2}))));
  CHECK(std::isnan(max_difference(tensor({9, kNan}, {2}), tensor({1, 1}, {2}))));
  CHECK(max_difference(zeros({0}), zeros({0})) == 0);
}
