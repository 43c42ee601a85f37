// The kernel of small and middle-sized products, at the level in use, and matmul of sizes that run
// on it, against the triple loop.
#include "tensor/kernels/product.h"

#include <doctest/doctest.h>

#include <limits>

#include "tensor/matmul.h"
#include "tensor/parallel.h"
#include "tests/tensor/layouts.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// The triple loop, in f64.
template <class T>
std::vector<double> plain(const std::vector<T>& a, const std::vector<T>& b, int64 m, int64 n,
                          int64 k) {
  std::vector<double> c;
  for (int64 i = 0; i < m; ++i)
    for (int64 j = 0; j < n; ++j) {
      double total = 0;
      for (int64 l = 0; l < k; ++l)
        total += static_cast<double>(a[static_cast<std::size_t>(i * k + l)]) *
                 static_cast<double>(b[static_cast<std::size_t>(l * n + j)]);
      c.push_back(total);
    }
  return c;
}

template <class T>
std::vector<T> numbers(int64 count, double seed) {
  return cast(wave({count}, DType::f64, seed), dtype_of<T>()).template to_vector<T>();
}

/// The kernel on A stored as it is or transposed, with rows `gap` further apart than they are long
/// and what lies between them, and around C, set to a mark that must stay. `biased`: a row is
/// added.
template <class T>
void check_kernel(int64 m, int64 n, int64 k, bool turned, int64 gap, bool biased = false) {
  CAPTURE(biased);
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  CAPTURE(turned);
  CAPTURE(gap);
  const std::vector<T> a = numbers<T>(m * k, 1), b = numbers<T>(k * n, 2);
  const int64 lead_a = (turned ? m : k) + gap, lead_b = n + gap, lead_c = n + gap;
  const std::vector<T> bias = numbers<T>(n, 3);
  const T mark = static_cast<T>(kNaN);
  const auto size = [](int64 count) { return static_cast<std::size_t>(count); };
  // Each ends with its last number: a read beyond it is seen by the address sanitizer.
  std::vector<T> from_a(size(((turned ? k : m) - 1) * lead_a + (turned ? m : k)), mark);
  std::vector<T> from_b(size((k - 1) * lead_b + n), mark);
  std::vector<T> to(size((m - 1) * lead_c + n), T(77));
  for (int64 i = 0; i < m; ++i)
    for (int64 l = 0; l < k; ++l)
      from_a[size(turned ? l * lead_a + i : i * lead_a + l)] = a[size(i * k + l)];
  for (int64 l = 0; l < k; ++l)
    for (int64 j = 0; j < n; ++j) from_b[size(l * lead_b + j)] = b[size(l * n + j)];
  GRADUS_KERNELS(product_kernels)
      .of(T{})
      .multiply({.m = m,
                 .n = n,
                 .k = k,
                 .a = from_a.data(),
                 .row_a = turned ? 1 : lead_a,
                 .column_a = turned ? lead_a : 1,
                 .b = from_b.data(),
                 .lead_b = lead_b,
                 .c = to.data(),
                 .lead_c = lead_c,
                 .bias = biased ? bias.data() : nullptr});
  const std::vector<double> truth = plain(a, b, m, n, k);
  const double tolerance =
      4 * std::numeric_limits<T>::epsilon() * (1 + std::sqrt(static_cast<double>(k)));
  int wrong = 0;
  for (int64 i = 0; i < m; ++i)
    for (int64 j = 0; j < lead_c && i * lead_c + j < static_cast<int64>(to.size()); ++j) {
      const double got = static_cast<double>(to[size(i * lead_c + j)]);
      const double wanted = j < n ? truth[size(i * n + j)] : 77;
      const double error =
          got - wanted - (biased && j < n ? static_cast<double>(bias[size(j)]) : 0);
      wrong += !(std::abs(error) <= (j < n ? tolerance : 0));
    }
  CHECK(wrong == 0);
}

template <class T>
void check_sizes() {
  const auto& kernels = GRADUS_KERNELS(product_kernels).of(T{});
  const int64 rows = kernels.rows, columns = kernels.columns;
  for (const bool turned : {false, true})
    for (const int64 gap : {0, 5}) {
      for (int64 m = 1; m <= rows + 1; ++m)  // each height of a tile
        check_kernel<T>(m, columns + 1, 3, turned, gap);
      for (int64 n = columns; n <= 2 * columns + 1; ++n)  // each width of the last tile
        check_kernel<T>(rows + 2, n, 2, turned, gap);
      for (const int64 k :
           {int64{1}, kProductDepth - 1, kProductDepth, kProductDepth + 1, 2 * kProductDepth + 7})
        for (const bool biased : {false, true})
          check_kernel<T>(rows + 3, columns + 5, k, turned, gap, biased);
      // More than a block of rows.
      check_kernel<T>(21 * rows + 1, columns + 3, kProductDepth + 2, turned, gap);
    }
}

template <class T>
void check_transposes() {
  const auto& kernels = GRADUS_KERNELS(product_kernels).of(T{});
  for (const int64 rows : {0, 1, 7, 16, 33})
    for (const int64 columns : {0, 1, 9, 16, 35}) {
      CAPTURE(rows);
      CAPTURE(columns);
      const Tensor from = cast(wave({rows, columns + 3}), dtype_of<T>());
      Tensor to = full({columns, rows + 2}, 77, dtype_of<T>());
      kernels.transpose(to.writable<T>(), rows + 2, from.data<T>(), columns + 3, rows, columns);
      CHECK(same_bits(slice(to, 1, 0, rows), transpose(slice(from, 1, 0, columns))));
      CHECK(same_bits(slice(to, 1, rows, rows + 2), full({columns, 2}, 77, dtype_of<T>())));
    }
}

/// The triple loop over a [m, k] and b [k, n].
Tensor product_of(const Tensor& a, const Tensor& b) {
  return from_values(
      plain(a.to_vector<double>(), b.to_vector<double>(), a.size(0), b.size(1), a.size(1)),
      {a.size(0), b.size(1)});
}

}  // namespace

TEST_CASE("the kernel: every remainder, both layouts of A, rows apart, nothing beyond them") {
  check_sizes<float>();
  check_sizes<double>();
}

TEST_CASE("the kernel's transpose: every remainder") {
  check_transposes<float>();
  check_transposes<double>();
}

TEST_CASE("all four transpositions, views and batches, of sizes for the kernel") {
  for (const int64 m : {1, 33, 70})
    for (const int64 n : {32, 60, 95})
      for (const int64 k : {1, 37, 300}) {
        CAPTURE(m);
        CAPTURE(n);
        CAPTURE(k);
        const Tensor a = wave({m, k}), b = wave({k, n}, DType::f64, 2);
        const Tensor truth = product_of(a, b);
        for (const Tensor& x : layouts_of(a))
          for (const Tensor& y : layouts_of(b)) {
            CHECK(all_close(matmul(x, y), truth, 1e-13, 1e-13));
            CHECK(all_close(cast(matmul(cast(x, DType::f32), cast(y, DType::f32)), DType::f64),
                            truth, 1e-5, 2e-5));
          }
      }
  const Tensor a = wave({3, 1, 40, 20}), b = wave({2, 64, 20}, DType::f64, 2);
  const Tensor y = matmul(a, transpose(b)), z = matmul(a, copy(transpose(b)));
  CHECK(y.shape() == Shape{3, 2, 40, 64});
  CHECK(same_bits(y, z));
  for (int64 i = 0; i < 3; ++i)
    for (int64 j = 0; j < 2; ++j)
      CHECK(all_close(select(select(y, 0, i), 0, j),
                      product_of(select(select(a, 0, i), 0, 0), transpose(select(b, 0, j))), 1e-13,
                      1e-13));
}

TEST_CASE("0 times NaN or infinity is NaN, and stays in its row or column") {
  for (const double odd : {kNaN, kInf}) {
    Tensor a = zeros({40, 70}, DType::f32), b = wave({70, 64}, DType::f32);
    b.writable<float>()[69 * 64 + 63] = static_cast<float>(odd);
    const Tensor y = matmul(a, b);
    for (int64 i = 0; i < 40; ++i) {
      CHECK(std::isnan(y.at({i, 63})));
      CHECK(y.at({i, 62}) == 0);
    }
    Tensor c = wave({40, 70}, DType::f32), d = zeros({70, 64}, DType::f32);
    c.writable<float>()[39 * 70] = static_cast<float>(odd);
    const Tensor z = matmul(c, d);
    CHECK(std::isnan(z.at({39, 0})));
    CHECK(std::isnan(z.at({39, 63})));
    CHECK(z.at({38, 0}) == 0);
  }
}

TEST_CASE("an element has the same bits in a larger product and at any number of threads") {
  const int before = threads();
  for (const DType dtype : {DType::f32, DType::f64})
    for (const int64 m : {350, 60})
      for (const int64 n : {96, 370})
        for (const bool turned_a : {false, true})
          for (const bool turned_b : {false, true}) {
            CAPTURE(m);
            CAPTURE(n);
            CAPTURE(turned_a);
            CAPTURE(turned_b);
            const Tensor a = turned_a ? transpose(wave({70, m}, dtype)) : wave({m, 70}, dtype);
            const Tensor b =
                turned_b ? transpose(wave({n, 70}, dtype, 2)) : wave({70, n}, dtype, 2);
            set_threads(1);
            const Tensor one = matmul(a, b);
            set_threads(3);
            CHECK(same_bits(matmul(a, b), one));
            if (kernel_level() != Level::portable)
              CHECK(same_bits(matmul(slice(a, 0, 10, 55), slice(b, 1, 16, 80)),
                              slice(slice(one, 0, 10, 55), 1, 16, 80)));
          }
  set_threads(before);
}
