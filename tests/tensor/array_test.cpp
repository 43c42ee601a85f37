#include "tensor/array.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/tensor/layouts.h"

using namespace gradus;
using namespace gradus::testing;

TEST_CASE("a default tensor is undefined and says so") {
  const Tensor t;
  CHECK_FALSE(t.defined());
  CHECK_FALSE(t.is_sole_owner());
  CHECK_THROWS_AS(t.item(), Error);
  CHECK_THROWS_AS(t.raw(), Error);
  CHECK_THROWS_AS(copy(t), Error);
  // The user's fault, not a bug of the library.
  CHECK(error_of<Error>([&] { t.item(); }) ==
        "the elements of an undefined tensor were asked for (Tensor() holds none)");
  CHECK(describe(t) == "undefined tensor");
}

TEST_CASE("storage is aligned, also for tensors without elements") {
  for (int64 n : {0, 1, 3, 1000, 300000}) {
    const Tensor t = Tensor::empty({n}, DType::f32);
    CHECK(reinterpret_cast<std::uintptr_t>(t.raw()) % 64 == 0);
    CHECK(t.numel() == n);
    CHECK(t.bytes() == static_cast<std::size_t>(4 * n));
  }
}

TEST_CASE("impossible sizes are refused before any allocation") {
  CHECK(contains(error_of<ShapeError>([] { zeros({2, -1}); }), "axis 1 is -1"));
  const int64 big = int64{1} << 40;
  CHECK(contains(error_of<ShapeError>([&] { zeros({big, big}); }), "does not fit"));
  CHECK(contains(error_of<ShapeError>([&] { zeros({big, 0, big}); }), "does not fit"));
}

TEST_CASE("handles share storage, and shared storage is not writable") {
  Tensor a = ones({3});
  CHECK(a.is_sole_owner());
  {
    const Tensor b = a;
    CHECK(a.shares_storage(b));
    CHECK(error_of<Error>([&] { a.writable<float>(); }) ==
          "write to f32 (3), whose storage 2 handles share; use copy(x)");
    CHECK_THROWS_AS(a.writable<float>(), Error);
  }
  a.writable<float>()[1] = 5;
  CHECK(a.at({1}) == 5);
  const Tensor moved = std::move(a);
  CHECK(moved.is_sole_owner());
  CHECK(moved.at({1}) == 5);
}

TEST_CASE("a strided view is not writable even by its only owner") {
  Tensor t = transpose(zeros({2, 3}));
  CHECK(t.is_sole_owner());
  CHECK_THROWS_AS(t.writable<float>(), Error);
}

TEST_CASE("borrowed elements are read, never written, and released once") {
  const float values[] = {1, 2, 3};
  int released = 0;
  {
    Tensor t = Tensor::borrow(
        values, {3}, DType::f32, [](void* count) { ++*static_cast<int*>(count); }, &released);
    const Tensor view = slice(t, 0, 1, 3);
    CHECK(t.at({2}) == 3);
    CHECK(t.data<float>() == values);
    CHECK_THROWS_AS(t.writable<float>(), Error);
    t = Tensor();
    CHECK(released == 0);
    CHECK(view.at({0}) == 2);
  }
  CHECK(released == 1);
}

TEST_CASE("elements are read as their own type only") {
  const Tensor t = ones({2}, DType::i64);
  CHECK_THROWS_AS(t.data<float>(), DTypeError);
  CHECK(t.values<int64>()[1] == 1);
  CHECK_THROWS_AS(transpose(ones({2, 3})).values<float>(), ShapeError);
}

TEST_CASE("at and item check their place") {
  const Tensor t = arange(0, 6);
  CHECK(t.at({-1}) == 5);
  CHECK(contains(error_of<IndexError>([&] { t.at({6}); }), "index 6 of axis 0 of f32 (6)"));
  CHECK_THROWS_AS(t.at({0, 0}), IndexError);
  CHECK(contains(error_of<ShapeError>([&] { t.item(); }), "f32 (6)"));
  CHECK(scalar(2.5).item() == 2.5);
  CHECK(ones({1, 1}).item() == 1);
}

TEST_CASE("to_vector is in logical order for every layout") {
  const Tensor t = reshape(arange(0, 24, 1, DType::f64), {2, 3, 4});
  for (const Tensor& view : layouts_of(t)) {
    const auto list = view.to_vector<int64>();
    for (std::size_t i = 0; i < 24; ++i) CHECK(list[i] == static_cast<int64>(i));
  }
  CHECK(zeros({0, 4}).to_vector<double>().empty());
}

TEST_CASE("creation") {
  CHECK(full({2, 2}, 7, DType::u8).to_vector<int64>() == std::vector<int64>{7, 7, 7, 7});
  CHECK(arange(0, 1, 0.25).to_vector<double>() == std::vector<double>{0, 0.25, 0.5, 0.75});
  CHECK(arange(3, 0, -1, DType::i64).to_vector<int64>() == std::vector<int64>{3, 2, 1});
  CHECK(arange(1, 1).numel() == 0);
  CHECK_THROWS_AS(arange(0, 1, 0), ConfigError);
  CHECK_THROWS_AS(arange(0, std::numeric_limits<double>::infinity()), ConfigError);
  CHECK(linspace(0, 1, 3).to_vector<double>() == std::vector<double>{0, 0.5, 1});
  CHECK(linspace(2, 9, 1).to_vector<double>() == std::vector<double>{2});
  CHECK(linspace(0, 0.3, 4, DType::f64).at({3}) == 0.3);
  CHECK(linspace(2, 9, 0).numel() == 0);
  CHECK(eye(2).to_vector<int64>() == std::vector<int64>{1, 0, 0, 1});
  CHECK(eye(0).shape() == Shape{0, 0});
  CHECK(tensor({1, 2}, {2, 1}, DType::i64).at({1, 0}) == 2);
  CHECK(contains(error_of<ShapeError>([] { tensor({1, 2}, {3}); }), "2 values do not fill (3)"));
  CHECK_THROWS_AS(from_values(std::vector<float>{1}, {2}), ShapeError);
  CHECK(zeros_like(ones({2}, DType::f64)).dtype() == DType::f64);
  const Tensor large = full({3, 100000}, 2.5);
  CHECK(large.at({2, 99999}) == 2.5);
}

TEST_CASE("a view may not leave its storage") {
  const Tensor t = zeros({6});
  CHECK_THROWS_AS(t.with_layout({4}, {2}, 0), InternalError);
  CHECK_THROWS_AS(t.with_layout({2}, {1}, 5), InternalError);
  CHECK_THROWS_AS(t.with_layout({2}, {1}, -1), InternalError);
  CHECK(t.with_layout({3}, {2}, 1).numel() == 3);
  CHECK(t.with_layout({0}, {100}, 0).numel() == 0);
}
