#include "tensor/matmul.h"

#include <limits>

#include "tensor/batch_product.h"
#include "tensor/strided.h"

namespace gradus {
namespace {

Layout layout_of(const Tensor& t) {
  const int last = t.rank() - 1;
  const int64 rows = t.shape()[last - 1], columns = t.shape()[last];
  int64 row_step = t.strides()[last - 1], column_step = t.strides()[last];
  // The stride of an axis of size 1 means nothing.
  if (columns == 1) column_step = 1;
  if (rows == 1) row_step = column_step == 1 ? std::max<int64>(columns, 1) : 1;
  if (column_step == 1 && row_step >= columns) return {true, Transposed::no, row_step};
  if (row_step == 1 && column_step >= rows) return {true, Transposed::yes, column_step};
  return {};
}

Shape batch_of(const Shape& s) {
  return Shape(std::span<const int64>(s.begin(), static_cast<std::size_t>(s.rank() - 2)));
}

/// a [..., M, K] times b [..., K, N], both of two axes or more, plus row [N] or nothing, into out.
template <class T>
void multiply_matrices(Tensor a, Tensor b, Tensor row, Tensor& out) {
  const int last = out.rank() - 1;
  int64 m = out.shape()[last - 1];
  const int64 n = out.shape()[last], k = b.shape()[b.rank() - 2];
  T* to = out.writable<T>();
  if (out.numel() == 0) return;
  if (k == 0) {
    for (int64 i = 0; i < out.numel(); ++i) to[i] = row.defined() ? row.data<T>()[i % n] : T(0);
    return;
  }

  Layout layout_a = layout_of(a), layout_b = layout_of(b);
  if (!layout_a.usable) a = contiguous(a), layout_a = layout_of(a);
  if (!layout_b.usable) b = contiguous(b), layout_b = layout_of(b);
  Shape batch = batch_of(out.shape());
  if (b.rank() == 2 && batch.numel() > 1 && a.is_contiguous()) {
    a = reshape(a, {batch.numel() * m, k});
    layout_a = layout_of(a);
    m *= batch.numel();
    batch = {};
  }
  constexpr int64 kMost = std::numeric_limits<std::int32_t>::max();
  for (int64 size : {m, n, k, layout_a.lead, layout_b.lead})
    check_shape(size <= kMost, "product of {} and {}: {} is above {}, the largest size BLAS takes",
                a.shape(), b.shape(), size, kMost);

  multiply<T>({.a = std::move(a),
               .b = std::move(b),
               .row = std::move(row),
               .layout_a = layout_a,
               .layout_b = layout_b,
               .batch = batch,
               .m = m,
               .n = n,
               .k = k},
              to);
}

}  // namespace

Shape matmul_shape(const Shape& a, const Shape& b) {
  check_shape(a.rank() > 0 && b.rank() > 0,
              "matmul needs at least one axis on both sides, got {} and {}", a, b);
  const int64 columns = a.back(), rows = b.rank() == 1 ? b[0] : b[b.rank() - 2];
  if (columns != rows) [[unlikely]] {
    const char* hint = "";
    if (b.rank() > 1 && b.back() == columns)
      hint = "; did you mean matmul(a, transpose(b))?";
    else if (a.rank() > 1 && a[a.rank() - 2] == rows)
      hint = "; did you mean matmul(transpose(a), b)?";
    fail<ShapeError>("inner sizes differ: {} has {} columns, {} has {} rows{}", a, columns, b, rows,
                     hint);
  }
  Shape out;
  if (a.rank() > 2 || b.rank() > 2) {
    const Shape batch_a = a.rank() > 2 ? batch_of(a) : Shape{};
    const Shape batch_b = b.rank() > 2 ? batch_of(b) : Shape{};
    for (int back = 1; back <= std::min(batch_a.rank(), batch_b.rank()); ++back) {
      const int64 p = batch_a[batch_a.rank() - back], q = batch_b[batch_b.rank() - back];
      check_shape(p == q || p == 1 || q == 1,
                  "batch axes differ: {} has {}, {} has {}; sizes must be equal, or one of them 1",
                  a, batch_a, b, batch_b);
    }
    out = broadcast_shapes(batch_a, batch_b);
  }
  if (a.rank() > 1) out.push_back(a[a.rank() - 2]);
  if (b.rank() > 1) out.push_back(b.back());
  return out;
}

namespace {

/// a b + row, or a b where that is no tensor at all.
Tensor product(const Tensor& a, const Tensor& b, const Tensor& row) {
  check_dtype(a.dtype() == b.dtype(), "matmul of {} and {}: both inputs need one dtype", a, b);
  const Shape shape = matmul_shape(a.shape(), b.shape());
  return dispatch_float(a.dtype(), "matmul", [&](auto tag) {
    using T = typename decltype(tag)::type;
    Shape padded = shape;
    if (a.rank() == 1) padded.insert(b.rank() == 1 ? shape.rank() : shape.rank() - 1, 1);
    if (b.rank() == 1) padded.push_back(1);
    Tensor out = Tensor::empty(padded, a.dtype());
    multiply_matrices<T>(a.rank() == 1 ? unsqueeze(a, 0) : a, b.rank() == 1 ? unsqueeze(b, 1) : b,
                         row, out);
    return padded == shape ? out : reshape(out, shape);
  });
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) { return product(a, b, Tensor()); }

Tensor matmul(const Tensor& a, const Tensor& b, const Tensor& row) {
  check_dtype(row.dtype() == b.dtype(), "matmul of {} and {} plus {}: all need one dtype", a, b,
              row);
  check_shape(b.rank() >= 2 && row.shape() == Shape{b.shape().back()},
              "the row that is added to a product of {} and {} must be as long as its rows, got {}",
              a.shape(), b.shape(), row.shape());
  return product(a, b, contiguous(row));
}

}  // namespace gradus
