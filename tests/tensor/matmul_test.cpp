#include "tensor/matmul.h"

#include <doctest/doctest.h>

#include <array>
#include <limits>

#include "tensor/memory.h"
#include "tensor/parallel.h"
#include "tests/tensor/layouts.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

/// The triple loop, for two axes.
Tensor plain_product(const Tensor& a, const Tensor& b) {
  const int64 m = a.size(0), k = a.size(1), n = b.size(1);
  std::vector<double> out;
  for (int64 i = 0; i < m; ++i)
    for (int64 j = 0; j < n; ++j) {
      double total = 0;
      for (int64 l = 0; l < k; ++l) total += a.at({i, l}) * b.at({l, j});
      out.push_back(total);
    }
  return from_values(out, {m, n});
}

}  // namespace

TEST_CASE("products of every small size and layout") {
  for (int64 m : {0, 1, 2, 5})
    for (int64 k : {0, 1, 3})
      for (int64 n : {0, 1, 4}) {
        const Tensor a = wave({m, k}), b = wave({k, n}, DType::f64, 2);
        const Tensor truth = plain_product(a, b);
        for (const Tensor& x : layouts_of(a))
          for (const Tensor& y : layouts_of(b)) {
            CHECK(all_close(matmul(x, y), truth, 1e-13, 1e-13));
            CHECK(all_close(matmul(cast(x, DType::f32), cast(y, DType::f32)),
                            cast(truth, DType::f32), 1e-5, 1e-6));
          }
      }
}

TEST_CASE("an inner size of 0 gives zeros") {
  CHECK(matmul(zeros({2, 0}), zeros({0, 3})).to_vector<double>() == std::vector<double>(6, 0));
}

TEST_CASE("output storage is never read: NaN left in the pool does not leak") {
  for (int i = 0; i < 3; ++i) {
    { const Tensor junk = full({16, 16}, std::numeric_limits<double>::quiet_NaN()); }
    CHECK(all_close(matmul(ones({16, 2}), ones({2, 16})), full({16, 16}, 2)));
  }
}

TEST_CASE("one axis counts as a row on the left, a column on the right") {
  const Tensor v = tensor({1, 2, 3}, {3}), m = reshape(arange(0, 6), {3, 2});
  CHECK(matmul(v, v).shape() == Shape{});
  CHECK(matmul(v, v).item() == 14);
  CHECK(matmul(v, m).to_vector<double>() == std::vector<double>{16, 22});
  CHECK(matmul(transpose(m), v).to_vector<double>() == std::vector<double>{16, 22});
  CHECK(matmul(v, broadcast_to(m, {4, 3, 2})).shape() == Shape{4, 2});
  CHECK(matmul(broadcast_to(m, {4, 3, 2}), tensor({1, 1}, {2})).shape() == Shape{4, 3});
  CHECK(matmul(v, v).is_sole_owner());
}

TEST_CASE("batch axes broadcast") {
  const Tensor a = wave({2, 1, 3, 4}), b = wave({5, 4, 6}, DType::f64, 2);
  const Tensor y = matmul(a, b);
  CHECK(y.shape() == Shape{2, 5, 3, 6});
  for (int64 i = 0; i < 2; ++i)
    for (int64 j = 0; j < 5; ++j)
      CHECK(all_close(select(select(y, 0, i), 0, j),
                      plain_product(select(select(a, 0, i), 0, 0), select(b, 0, j)), 1e-13, 1e-13));
  for (const Tensor& x : layouts_of(a))
    for (const Tensor& z : layouts_of(b)) CHECK(all_close(matmul(x, z), y, 1e-13, 1e-13));
  CHECK(matmul(zeros({0, 3, 4}), zeros({4, 5})).shape() == Shape{0, 3, 5});
  CHECK(matmul(zeros({0, 3, 4}), zeros({1, 4, 5})).shape() == Shape{0, 3, 5});
}

TEST_CASE("rows of a batch are folded for a right side of two axes") {
  const Tensor a = wave({3, 5, 4}), b = wave({4, 2}, DType::f64, 2);
  const Tensor folded = plain_product(reshape(a, {15, 4}), b);
  for (const Tensor& x : layouts_of(a))
    CHECK(all_close(reshape(matmul(x, b), {15, 2}), folded, 1e-13, 1e-13));
}

TEST_CASE("stride 0 in a matrix is copied, not misread") {
  const Tensor row = broadcast_to(tensor({1, 2, 3}, {3}), {4, 3});
  const Tensor column = broadcast_to(tensor({1, 2, 3}, {3, 1}), {3, 5});
  CHECK(all_close(matmul(row, column), full({4, 5}, 14)));
  CHECK(all_close(matmul(broadcast_to(scalar(2), {3, 3}), eye(3)), full({3, 3}, 2)));
}

TEST_CASE("large products: blocks of rows and of columns, same bits at any number of threads") {
  const int before = threads();
  for (const auto& [m, k, n] :
       {std::array<int64, 3>{700, 40, 30}, std::array<int64, 3>{30, 40, 700},
        std::array<int64, 3>{513, 200, 514}}) {
    const Tensor a = wave({m, k}, DType::f32), b = wave({k, n}, DType::f32, 2);
    set_threads(1);
    const Tensor one = matmul(a, b);
    const Tensor truth = matmul(cast(a, DType::f64), cast(b, DType::f64));
    CHECK(all_close(cast(one, DType::f64), truth, 1e-5, 1e-5));
    CHECK(truth.at({m - 1, n - 1}) ==
          doctest::Approx(plain_product(slice(cast(a, DType::f64), 0, m - 1, m),
                                        slice(cast(b, DType::f64), 1, n - 1, n))
                              .item()));
    set_threads(4);
    CHECK(same_bits(matmul(a, b), one));
  }
  const Tensor a = wave({40, 64, 32}, DType::f32), b = wave({40, 32, 64}, DType::f32, 2);
  set_threads(1);
  const Tensor one = matmul(a, b);
  set_threads(4);
  CHECK(same_bits(matmul(a, b), one));
  set_threads(before);
}

TEST_CASE("transposed views are multiplied without a copy") {
  const Tensor a = wave({300, 200}, DType::f32), b = wave({300, 100}, DType::f32);
  pool_reset_peak();
  const auto live = pool_stats().live_bytes;
  const Tensor y = matmul(transpose(a), b);
  CHECK(pool_stats().peak_live_bytes - live < 2 * y.bytes());
}

TEST_CASE("errors name both shapes and hint at a missing transpose") {
  CHECK(error_of<ShapeError>([] {
          matmul(zeros({4, 8}), zeros({4, 8}));
        }) ==
        "inner sizes differ: (4, 8) has 8 columns, (4, 8) has 4 rows; did you mean matmul(a, "
        "transpose(b))?");
  CHECK(contains(error_of<ShapeError>([] {
                   matmul(zeros({4, 8}), zeros({4, 2}));
                 }),
                 "did you mean matmul(transpose(a), b)?"));
  CHECK_FALSE(contains(error_of<ShapeError>([] {
                         matmul(zeros({4, 8}), zeros({3, 2}));
                       }),
                       "did you"));
  CHECK(contains(error_of<ShapeError>([] {
                   matmul(zeros({2, 4, 8}), zeros({3, 8, 4}));
                 }),
                 "batch axes differ: (2, 4, 8) has (2), (3, 8, 4) has (3)"));
  CHECK(contains(error_of<ShapeError>([] { matmul(scalar(1), zeros({3})); }), "at least one axis"));
  CHECK(contains(error_of<DTypeError>([] { matmul(zeros({2}), zeros({2}, DType::f64)); }),
                 "f32 (2) and f64 (2)"));
  CHECK_THROWS_AS(matmul(ones({2}, DType::i64), ones({2}, DType::i64)), DTypeError);
}
