#include <doctest/doctest.h>

#include <limits>

#include "tests/tensor/layouts.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0, start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i)
    if (i == text.size() || text[i] == '\n') {
      longest = std::max(longest, i - start);
      start = i + 1;
    }
  return longest;
}
}  // namespace

TEST_CASE("scalars and empty tensors") {
  CHECK(to_string(scalar(3.14159265)) == "f32 ()\n3.142");
  CHECK(to_string(zeros({0, 3})) == "f32 (0, 3)\n[]");
  CHECK(to_string(Tensor()) == "undefined tensor");
  CHECK(describe(ones({2, 3}, DType::i64)) == "i64 (2, 3)");
}

TEST_CASE("columns are aligned") {
  CHECK(to_string(tensor({1, 2, 3, 4, 5, 6}, {2, 3})) == "f32 (2, 3)\n[[1, 2, 3],\n [4, 5, 6]]");
  CHECK(to_string(tensor({1, -10, 3, 4}, {2, 2}, DType::i64)) ==
        "i64 (2, 2)\n[[  1, -10],\n [  3,   4]]");
  CHECK(to_string(tensor({1, 2.5}, {2})) == "f32 (2)\n[1.0, 2.5]");
  CHECK(to_string(tensor({0, 255}, {2}, DType::u8)) == "u8 (2)\n[  0, 255]");
}

TEST_CASE("matrices of a deeper tensor are set apart") {
  CHECK(to_string(reshape(arange(0, 4), {2, 1, 2})) == "f32 (2, 1, 2)\n[[[0, 1]],\n\n [[2, 3]]]");
}

TEST_CASE("numbers that are not finite, very large and very small") {
  CHECK(to_string(tensor({kNan, kInf, -kInf, 1}, {4})) == "f32 (4)\n[ nan,  inf, -inf,    1]");
  CHECK(to_string(tensor({1e-30, 1e30}, {2}, DType::f64)) == "f64 (2)\n[1.000e-30, 1.000e+30]");
  CHECK(to_string(tensor({0.001234, 12.5}, {2})) == "f32 (2)\n[ 0.0012, 12.5000]");
  CHECK(to_string(tensor({kNan, kNan}, {2})) == "f32 (2)\n[nan, nan]");
  CHECK(to_string(scalar(0.1, DType::f64), {.digits = 8}) == "f64 ()\n0.1");
  CHECK(to_string(scalar(9007199254740993.0, DType::i64)) == "i64 ()\n9007199254740992");
}

TEST_CASE("long axes are abridged") {
  CHECK(to_string(arange(0, 2000)) == "f32 (2000)\n[   0,    1,    2, ..., 1997, 1998, 1999]");
  CHECK(to_string(arange(0, 8), {.edge_items = 1, .threshold = 4}) == "f32 (8)\n[0, ..., 7]");
  const std::string wide = to_string(zeros({300, 400}));
  CHECK(contains(wide, "...,\n"));
  CHECK(wide.size() < 400);
}

TEST_CASE("a row that is long but not abridged is wrapped") {
  const std::string text = to_string(linspace(0, 1, 200));
  CHECK(longest_line(text) <= 100);
  CHECK_FALSE(contains(text, "..."));
}

TEST_CASE("eight long axes still give a page, not a book") {
  const std::string text = to_string(broadcast_to(scalar(1), {9, 9, 9, 9, 9, 9, 9, 9}));
  CHECK(text.size() < 10000);
}

TEST_CASE("views print their own elements") {
  const Tensor t = reshape(arange(0, 6), {2, 3});
  for (const Tensor& view : layouts_of(t)) CHECK(to_string(view) == to_string(t));
}
