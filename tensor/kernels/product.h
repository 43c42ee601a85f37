// C = A B, or C = A B + a row, for row-major B and C, and A of any strides, without copies of the
// operands: a block of C stays in registers while rows of B, times numbers of A, are added to it.
// An element of C is the sum over k from 0 up, in parts of kProductDepth terms that are added in
// order, whatever else is computed with it: its bits do not depend on how C is cut. Blocking: Goto
// and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008.
#pragma once

#include <cstdint>

#include "tensor/level.h"

namespace gradus {

inline constexpr std::int64_t kProductDepth = 256;

template <class T>
struct Product {
  std::int64_t m, n, k;  ///< A is m x k, B k x n; m, k > 0, n at least `columns` below
  const T* a;
  std::int64_t row_a, column_a;
  const T* b;
  std::int64_t lead_b;
  T* c;
  std::int64_t lead_c;
  const T* bias = nullptr;  ///< n numbers that are added to each row of C, last; or null
};

template <class T>
struct ProductsOf {
  std::int64_t rows, columns;  ///< of the block of C that stays in registers
  void (*multiply)(const Product<T>& p);
  /// to [columns, rows] = transpose of from, where rows are `lead_from` apart
  void (*transpose)(T* to, std::int64_t lead_to, const T* from, std::int64_t lead_from,
                    std::int64_t rows, std::int64_t columns);
};
struct ProductKernels {
  ProductsOf<float> f32;
  ProductsOf<double> f64;

  const ProductsOf<float>& of(float) const { return f32; }
  const ProductsOf<double>& of(double) const { return f64; }
};

GRADUS_DECLARE_KERNELS(ProductKernels, product_kernels);

}  // namespace gradus
