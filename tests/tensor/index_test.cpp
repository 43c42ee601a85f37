#include "tensor/index.h"

#include <doctest/doctest.h>

#include <limits>

#include "tensor/elementwise.h"
#include "tensor/reduce.h"
#include "tests/tensor/layouts.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
using List = std::vector<double>;
List list(const Tensor& t) { return t.to_vector<double>(); }
Tensor ids(std::initializer_list<double> values, const Shape& shape) {
  return tensor(values, shape, DType::i64);
}
/// <a, b>, for checks that one function is the transpose of another.
double inner(const Tensor& a, const Tensor& b) { return sum(mul(a, b)).item(); }
}  // namespace

TEST_CASE("take_rows") {
  const Tensor table = reshape(arange(0, 6), {3, 2});
  for (const Tensor& view : layouts_of(table)) {
    const Tensor y = take_rows(view, ids({2, 0, 2, 1}, {2, 2}));
    CHECK(y.shape() == Shape{2, 2, 2});
    CHECK(list(y) == List{4, 5, 0, 1, 4, 5, 2, 3});
  }
  CHECK(take_rows(arange(0, 3), ids({1}, {})).item() == 1);
  CHECK(take_rows(table, ids({}, {0})).shape() == Shape{0, 2});
  CHECK(take_rows(zeros({0, 2}), ids({}, {0})).shape() == Shape{0, 2});
  CHECK(contains(error_of<IndexError>([&] {
                   take_rows(table, ids({0, 3}, {2}));
                 }),
                 "id 3 (number 1 of (2)) is out of range; allowed are 0 to 2"));
  CHECK_THROWS_AS(take_rows(table, ids({-1}, {1})), IndexError);
  CHECK(contains(error_of<IndexError>([&] {
                   take_rows(zeros({0, 2}), ids({0}, {1}));
                 }),
                 "nothing"));
  CHECK(
      contains(error_of<DTypeError>([&] { take_rows(table, ones({2})); }), "i64 ids, got f32 (2)"));
  CHECK_THROWS_AS(take_rows(scalar(1), ids({0}, {1})), ShapeError);
}

TEST_CASE("add_rows is the transpose of take_rows") {
  CHECK(list(add_rows(ones({3, 2}), ids({1, 1, 0}, {3}), 3)) == List{1, 1, 2, 2, 0, 0});
  const Tensor index = ids({4, 0, 4, 2, 1, 1}, {2, 3});
  const Tensor table = wave({5, 7}), rows = wave({2, 3, 7}, DType::f64, 2);
  for (const Tensor& view : layouts_of(rows))
    CHECK(inner(take_rows(table, index), rows) ==
          doctest::Approx(inner(table, add_rows(view, index, 5))));
  CHECK(add_rows(zeros({0, 2}), ids({}, {0}), 3).shape() == Shape{3, 2});
  CHECK_THROWS_AS(add_rows(ones({3, 2}), ids({1, 1, 3}, {3}), 3), IndexError);
  CHECK_THROWS_AS(add_rows(ones({3, 2}), ids({1, 1}, {2}), 3), ShapeError);
}

TEST_CASE("gather along any axis") {
  const Tensor x = reshape(arange(0, 6), {2, 3});
  for (const Tensor& view : layouts_of(x)) {
    CHECK(list(gather(view, 1, ids({2, 0, 1, 1}, {2, 2}))) == List{2, 0, 4, 4});
    CHECK(list(gather(view, 0, ids({1, 0, 1}, {1, 3}))) == List{3, 1, 5});
    CHECK(list(gather(view, 1, ids({2}, {1, 1}))) == List{2, 5});  // the index broadcasts
  }
  CHECK(gather(x, 1, ids({}, {2, 0})).shape() == Shape{2, 0});
  CHECK(contains(error_of<IndexError>([&] { gather(x, 1, ids({0, 3}, {2, 1})); }), "id 3"));
  CHECK_THROWS_AS(gather(zeros({2, 0}), 1, ids({0, 0}, {2, 1})), IndexError);
  CHECK(contains(error_of<ShapeError>([&] {
                   gather(x, 1, ids({0, 0, 0}, {3, 1}));
                 }),
                 "must have size 2 or 1"));
  CHECK_THROWS_AS(gather(x, 1, ids({0}, {1})), ShapeError);
  CHECK_THROWS_AS(gather(x, 1, ones({2, 1})), DTypeError);
}

TEST_CASE("scatter_add is the transpose of gather") {
  const Tensor x = wave({3, 4, 5});
  for (int64 axis : {0, 1, 2}) {
    Shape shape = x.shape();
    shape[static_cast<int>(axis)] = 6;
    Tensor index = Tensor::empty(shape, DType::i64);
    int64* p = index.writable<int64>();
    for (int64 i = 0; i < index.numel(); ++i) p[i] = (i * 7) % x.size(axis);
    const Tensor source = wave(shape, DType::f64, 2);
    for (const Tensor& view : layouts_of(source))
      CHECK(inner(gather(x, axis, index), source) ==
            doctest::Approx(inner(x, scatter_add(view, axis, index, x.shape()))));
  }
  CHECK(list(scatter_add(ones({2, 3}), 1, ids({0, 0, 1}, {1, 3}), {2, 2})) == List{2, 1, 2, 1});
  CHECK(list(scatter_add(zeros({2, 0}), 1, ids({}, {2, 0}), {2, 1})) == List{0, 0});
  CHECK_THROWS_AS(scatter_add(ones({2, 1}), 1, ids({2, 0}, {2, 1}), {2, 2}), IndexError);
  CHECK_THROWS_AS(scatter_add(ones({2, 1}), 1, ids({0, 0}, {2, 1}), {3, 2}), ShapeError);
  CHECK_THROWS_AS(scatter_add(ones({2, 2}), 1, ids({0, 0}, {2, 1}), {2, 2}), ShapeError);
}

TEST_CASE("concat and stack") {
  const Tensor a = reshape(arange(0, 4), {2, 2}), b = reshape(arange(10, 12), {2, 1});
  for (const Tensor& p : layouts_of(a))
    for (const Tensor& q : layouts_of(b)) {
      const Tensor parts[] = {p, q, zeros({2, 0})};
      CHECK(list(concat(parts, 1)) == List{0, 1, 10, 2, 3, 11});
    }
  const Tensor two[] = {a, transpose(a)};
  CHECK(list(concat(two, 0)) == List{0, 1, 2, 3, 0, 2, 1, 3});
  CHECK(list(stack(two, 0)) == List{0, 1, 2, 3, 0, 2, 1, 3});
  CHECK(list(stack(two, -1)) == List{0, 0, 1, 2, 2, 1, 3, 3});
  CHECK(stack(two, 1).shape() == Shape{2, 2, 2});
  CHECK(concat(two, 0).is_sole_owner());
  const Tensor numbers[] = {scalar(1), scalar(2)};
  CHECK(list(stack(numbers, 0)) == List{1, 2});
  CHECK_THROWS_AS(concat(numbers, 0), ShapeError);
  CHECK_THROWS_AS(concat(std::span<const Tensor>(), 0), ShapeError);
  const Tensor uneven[] = {a, b};
  CHECK(contains(error_of<ShapeError>([&] { concat(uneven, 0); }), "(2, 2) and (2, 1) (number 1)"));
  CHECK_THROWS_AS(stack(uneven, 0), ShapeError);
  const Tensor mixed[] = {a, cast(a, DType::f64)};
  CHECK_THROWS_AS(concat(mixed, 0), DTypeError);
}

TEST_CASE("pad") {
  CHECK(list(pad(arange(1, 3), 0, 1, 2, 9)) == List{9, 1, 2, 9, 9});
  const Tensor x = reshape(arange(0, 4), {2, 2});
  for (const Tensor& view : layouts_of(x))
    CHECK(list(pad(view, 0, 0, 1)) == List{0, 1, 2, 3, 0, 0});
  CHECK(list(pad(zeros({0}), 0, 1, 1, 5)) == List{5, 5});
  CHECK_THROWS_AS(pad(x, 0, -1, 0), ShapeError);
}

TEST_CASE("unslice is the transpose of slice") {
  CHECK(list(unslice(arange(1, 3), 0, 1, 2, 5)) == List{0, 1, 0, 2, 0});
  CHECK(list(unslice(arange(1, 3), 0, -2, 1, 4)) == List{0, 0, 1, 2});
  CHECK(list(unslice(zeros({0}), 0, 3, 1, 3)) == List{0, 0, 0});
  const Tensor x = wave({4, 9}), g = wave({4, 4}, DType::f64, 2);
  CHECK(inner(slice(x, 1, 1, 8, 2), g) == doctest::Approx(inner(x, unslice(g, 1, 1, 2, 9))));
  CHECK_THROWS_AS(unslice(arange(1, 3), 0, 4, 1, 5), IndexError);
  CHECK_THROWS_AS(unslice(arange(1, 3), 0, 0, 0, 5), IndexError);
}

TEST_CASE("triangles") {
  const Tensor x = reshape(arange(1, 7), {2, 3});
  for (const Tensor& view : layouts_of(x)) {
    CHECK(list(tril(view)) == List{1, 0, 0, 4, 5, 0});
    CHECK(list(triu(view)) == List{1, 2, 3, 0, 5, 6});
  }
  CHECK(list(tril(x, 1)) == List{1, 2, 0, 4, 5, 6});
  CHECK(list(triu(x, 1)) == List{0, 2, 3, 0, 0, 6});
  CHECK(list(tril(x, -5)) == List(6, 0));
  CHECK(list(triu(x, -5)) == list(x));
  CHECK(list(tril(x, std::numeric_limits<int64>::max())) == list(x));
  CHECK(list(triu(x, std::numeric_limits<int64>::max())) == List(6, 0));
  CHECK(list(tril(ones({2, 2, 2}))) == List{1, 0, 1, 1, 1, 0, 1, 1});
  CHECK(tril(zeros({2, 0})).shape() == Shape{2, 0});
  CHECK_THROWS_AS(tril(arange(0, 3)), ShapeError);
}
