#include <doctest/doctest.h>

#include <limits>

#include "tensor/elementwise.h"
#include "tensor/reduce.h"
#include "tests/tensor/layouts.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
using List = std::vector<double>;
List list(const Tensor& t) { return t.to_vector<double>(); }
}  // namespace

TEST_CASE("softmax rows sum to 1 and match the definition") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (int64 axis : {0, 1, -1})
      for (const Shape& shape :
           {Shape{3, 4, 5}, Shape{1, 1, 1}, Shape{2, 40, 33}, Shape{0, 2, 2}}) {
        const Tensor x = wave(shape, dtype);
        for (const Tensor& view : layouts_of(x)) {
          const Tensor y = softmax(view, axis);
          CHECK(y.is_contiguous());
          if (x.numel() > 0)
            CHECK(all_close(sum(y, {axis}), ones(reduced_shape(shape, {axis}, Keep::no), dtype),
                            1e-6));
          const Tensor shifted = sub(x, logsumexp(view, {axis}, Keep::yes));
          CHECK(all_close(log_softmax(view, axis), shifted, 1e-6, 1e-6));
          CHECK(all_close(y, exp(shifted), 1e-6, 1e-6));
        }
      }
}

TEST_CASE("softmax does not overflow; masked elements are 0; a row of -inf is NaN") {
  CHECK(list(softmax(tensor({1000, 1000, -kInf, -1000}, {4}))) == List{0.5, 0.5, 0, 0});
  CHECK(list(log_softmax(tensor({1000, -kInf}, {2}))) == List{0, -kInf});
  CHECK(std::isnan(softmax(tensor({-kInf, -kInf}, {2})).at({0})));
  CHECK(std::isnan(softmax(tensor({kNan, 1}, {2})).at({1})));
  CHECK(softmax(zeros({2, 0})).shape() == Shape{2, 0});
  CHECK_THROWS_AS(softmax(ones({2}, DType::i64)), DTypeError);
  CHECK_THROWS_AS(softmax(scalar(1)), IndexError);
}

TEST_CASE("logsumexp") {
  CHECK(logsumexp(tensor({1000, 1000}, {2}, DType::f64), {0}).item() ==
        doctest::Approx(1000 + std::log(2.0)));
  CHECK(logsumexp(tensor({-kInf, -kInf}, {2}), {0}).item() == -kInf);
  CHECK(logsumexp(tensor({kInf, 1}, {2}), {0}).item() == kInf);
  CHECK(std::isnan(logsumexp(tensor({kInf, kNan}, {2}), {0}).item()));
  CHECK(logsumexp(zeros({0}), {0}).item() == -kInf);
  CHECK(logsumexp(zeros({2, 3, 4}), {0, 2}, Keep::yes).shape() == Shape{1, 3, 1});
  CHECK(logsumexp(zeros({2, 3, 4}), {}).item() == doctest::Approx(std::log(24.0)));
  CHECK(logsumexp(zeros({2, 3, 4}, DType::f64), {2, 0}).at({1}) == doctest::Approx(std::log(8.0)));
}

TEST_CASE("argmax takes the first of equal ones, and a NaN first") {
  const Tensor t = tensor({1, 3, 3, 7, 7, 0}, {2, 3});
  CHECK(list(argmax(t, 1)) == List{1, 0});
  CHECK(list(argmax(t, 0)) == List{1, 1, 0});
  CHECK(argmax(t, 0, Keep::yes).shape() == Shape{1, 3});
  CHECK(argmax(t, 0).dtype() == DType::i64);
  CHECK(argmax(tensor({1, kNan, kInf, kNan}, {4}), 0).item() == 1);
  for (const Tensor& view : layouts_of(t)) CHECK(list(argmax(view, 1)) == List{1, 0});
  CHECK_THROWS_AS(argmax(zeros({2, 0}), 1), ShapeError);
  CHECK(argmax(zeros({0, 2}), 1).shape() == Shape{0});
}

TEST_CASE("topk: largest first, equal ones by index") {
  const Tensor t = tensor({1, 5, 3, 5, 2, 2, 9, 2}, {2, 4});
  for (const Tensor& view : layouts_of(t)) {
    const TopK top = topk(view, 3);
    CHECK(list(top.values) == List{5, 5, 3, 9, 2, 2});
    CHECK(list(top.indices) == List{1, 3, 2, 2, 0, 1});
  }
  const TopK columns = topk(t, 1, 0);
  CHECK(columns.values.shape() == Shape{1, 4});
  CHECK(list(columns.indices) == List{1, 0, 1, 0});
  CHECK(list(topk(tensor({1, kNan, kInf}, {3}), 2).indices) == List{1, 2});
  CHECK(topk(t, 0).values.shape() == Shape{2, 0});
  CHECK(contains(error_of<ShapeError>([&] { topk(t, 5); }),
                 "topk of 5 elements: axis -1 of f32 (2, 4) has 4"));
}

TEST_CASE("cumulative sums, both ways, along any axis") {
  const Tensor t = tensor({1, 2, 3, 4, 5, 6}, {2, 3});
  for (const Tensor& view : layouts_of(t)) {
    CHECK(list(cumsum(view, 1)) == List{1, 3, 6, 4, 9, 15});
    CHECK(list(cumsum(view, 0)) == List{1, 2, 3, 5, 7, 9});
    CHECK(list(cumsum(view, 1, Direction::reverse)) == List{6, 5, 3, 15, 11, 6});
    CHECK(list(cumsum(view, 0, Direction::reverse)) == List{5, 7, 9, 4, 5, 6});
  }
  CHECK(cumsum(zeros({0, 3}), 0).shape() == Shape{0, 3});
  CHECK(cumsum(full({300}, 1, DType::u8), 0).at({299}) == 300);
  CHECK(cumsum(full({100000}, 0.1), 0).at({99999}) == doctest::Approx(10000).epsilon(1e-6));
  CHECK_THROWS_AS(cumsum(scalar(1), 0), IndexError);
}

TEST_CASE("statistics of the finite elements, and where the first other one is") {
  const Tensor t = tensor({3, 0, -4, kNan, kInf, 0}, {2, 3});
  const Statistics s = statistics(t);
  CHECK(s.norm == 5);
  CHECK(s.max_abs == 4);
  CHECK(s.min == -4);
  CHECK(s.max == 3);
  CHECK(s.mean == -0.25);
  CHECK(s.zero_share == doctest::Approx(2.0 / 6));
  CHECK(s.non_finite == 2);
  CHECK(s.first_non_finite == 3);
  CHECK(statistics(transpose(t)).first_non_finite == 1);
  const Statistics none = statistics(zeros({0}));
  CHECK(none.first_non_finite == -1);
  CHECK(none.zero_share == 0);
  CHECK(statistics(tensor({3e200, 4e200}, {2}, DType::f64)).norm == doctest::Approx(5e200));
  CHECK(statistics(tensor({kNan, kNan}, {2})).non_finite == 2);
  CHECK(statistics(tensor({1, -2}, {2}, DType::i64)).max_abs == 2);
}
