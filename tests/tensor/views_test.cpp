#include <doctest/doctest.h>

#include "tests/tensor/layouts.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
std::vector<int64> list(const Tensor& t) { return t.to_vector<int64>(); }
using List = std::vector<int64>;
const Tensor kBox = reshape(arange(0, 24), {2, 3, 4});
}  // namespace

TEST_CASE("reshape works out one size") {
  CHECK(reshape(kBox, {-1}).shape() == Shape{24});
  CHECK(reshape(kBox, {4, -1, 2}).shape() == Shape{4, 3, 2});
  CHECK(reshape(scalar(1), {}).shape() == Shape{});
  CHECK(reshape(scalar(1), {1, 1}).shape() == Shape{1, 1});
  CHECK(reshape(zeros({0, 3}), {3, 0}).shape() == Shape{3, 0});
  CHECK(reshape(zeros({0, 3}), {-1, 3}).shape() == Shape{0, 3});
  CHECK(contains(error_of<ShapeError>([] { reshape(kBox, {5, -1}); }), "multiple of 5"));
  CHECK(contains(error_of<ShapeError>([] { reshape(kBox, {5}); }), "24 elements do not fill 5"));
  CHECK_THROWS_AS(reshape(kBox, {-1, -1}), ShapeError);
  CHECK_THROWS_AS(reshape(kBox, {-2, 12}), ShapeError);
  CHECK_THROWS_AS(reshape(zeros({0, 3}), {-1, 0}), ShapeError);
}

TEST_CASE("reshape is a view where strides allow, else a copy, with the same elements") {
  CHECK(reshape(kBox, {6, 4}).shares_storage(kBox));
  const Tensor t = transpose(kBox, 0, 1);  // (3, 2, 4)
  CHECK(reshape(t, {3, 2, 2, 2}).shares_storage(kBox));
  CHECK(reshape(t, {3, 1, 2, 4, 1}).shares_storage(kBox));
  CHECK_FALSE(reshape(t, {6, 4}).shares_storage(kBox));
  CHECK(list(reshape(t, {6, 4})) == list(t));
  const Tensor inside = slice(kBox, 2, 1, 3);
  CHECK(reshape(inside, {6, 2}).shares_storage(kBox));
  CHECK(list(reshape(inside, {6, 2})) == list(inside));
  CHECK(list(reshape(inside, {12})) == list(inside));
  CHECK(list(reshape(broadcast_to(tensor({1, 2}, {2, 1}), {2, 3}), {6})) == List{1, 1, 1, 2, 2, 2});
  for (const Tensor& view : layouts_of(kBox))
    for (const Shape& shape : {Shape{24}, Shape{2, 12}, Shape{6, 4}, Shape{3, 8}, Shape{2, 1, 12}})
      CHECK(list(reshape(view, shape)) == list(kBox));
}

TEST_CASE("transpose and permute move axes without a copy") {
  CHECK(transpose(kBox).shape() == Shape{2, 4, 3});
  CHECK(transpose(kBox).shares_storage(kBox));
  CHECK(transpose(kBox).at({1, 3, 2}) == kBox.at({1, 2, 3}));
  const Tensor p = permute(kBox, {2, 0, -2});
  CHECK(p.shape() == Shape{4, 2, 3});
  CHECK(p.at({3, 1, 2}) == kBox.at({1, 2, 3}));
  CHECK(contains(error_of<ShapeError>([] { permute(kBox, {0, 0, 1}); }), "axis 0 twice"));
  CHECK_THROWS_AS(permute(kBox, {0, 1}), ShapeError);
  CHECK_THROWS_AS(transpose(arange(0, 3)), IndexError);
}

TEST_CASE("slices") {
  const Tensor t = arange(0, 6);
  CHECK(list(slice(t, 0, 1, 4)) == List{1, 2, 3});
  CHECK(list(slice(t, 0, -2, 6)) == List{4, 5});
  CHECK(list(slice(t, 0, 0, -1, 2)) == List{0, 2, 4});
  CHECK(list(slice(t, 0, 5, 6, 100)) == List{5});
  CHECK(slice(t, 0, 6, 6).numel() == 0);
  CHECK(slice(t, 0, 4, 2).numel() == 0);
  CHECK(list(slice(slice(t, 0, 1, 6, 2), 0, 1, 3)) == List{3, 5});
  CHECK(slice(zeros({0}), 0, 0, 0).numel() == 0);
  CHECK(contains(error_of<IndexError>([&] { slice(t, 0, 3, 9); }), "slice 3:9 of axis 0 of (6)"));
  CHECK_THROWS_AS(slice(t, 0, 0, 6, 0), IndexError);
  CHECK_THROWS_AS(slice(scalar(1), 0, 0, 0), IndexError);
}

TEST_CASE("select takes one index and drops the axis") {
  CHECK(list(select(kBox, 1, -1)) == List{8, 9, 10, 11, 20, 21, 22, 23});
  CHECK(select(arange(0, 3), 0, 1).item() == 1);
  CHECK(contains(error_of<IndexError>([] { select(kBox, 1, 3); }), "allowed are -3 to 2"));
  CHECK(contains(error_of<IndexError>([] { select(zeros({0}), 0, 0); }), "empty"));
}

TEST_CASE("axes of size 1 come and go") {
  CHECK(unsqueeze(kBox, 0).shape() == Shape{1, 2, 3, 4});
  CHECK(unsqueeze(kBox, -1).shape() == Shape{2, 3, 4, 1});
  CHECK(unsqueeze(scalar(1), 0).shape() == Shape{1});
  CHECK(squeeze(unsqueeze(kBox, 1), 1).shape() == kBox.shape());
  CHECK(unsqueeze(kBox, 3).is_contiguous());
  CHECK(contains(error_of<ShapeError>([] { squeeze(kBox, 1); }), "size is 3, not 1"));
}

TEST_CASE("broadcast views have stride 0") {
  const Tensor t = broadcast_to(tensor({1, 2}, {2, 1}), {3, 2, 2});
  CHECK(t.strides()[0] == 0);
  CHECK(list(t) == List{1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2});
  CHECK(broadcast_to(scalar(1), {0, 2}).numel() == 0);
  const auto text = error_of<ShapeError>([] { broadcast_to(kBox, {3, 4}); });
  CHECK(contains(text, "(2, 3, 4) does not broadcast to (3, 4)"));
}
