// Tensors put together from pieces: concat, stack, pad, unslice, triangles.
#include "tensor/index.h"
#include "tensor/strided.h"

namespace gradus {
namespace {

/// Copies x into a view of a fresh tensor that nobody else has seen yet.
void write_window(const Tensor& window, const Tensor& x) {
  const detail::Walk<2> walk(x.shape(), {&x, &window});
  const int64 step = walk.inner_stride(0), to_step = walk.inner_stride(1);
  dispatch_all(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = x.data<T>();
    T* to = const_cast<T*>(window.data<T>());
    walk.run_parallel([=](const int64(&at)[2], int64, int64 count) {
      const T* __restrict p = from + at[0];
      T* __restrict y = to + at[1];
      if (step == 1 && to_step == 1)
        std::copy_n(p, count, y);
      else
        for (int64 i = 0; i < count; ++i) y[i * to_step] = p[i * step];
    });
  });
}

Tensor triangle(const Tensor& x, int64 k, bool lower) {
  check_shape(x.rank() >= 2, "{} needs two axes, got {}", lower ? "tril" : "triu", x);
  Tensor out = copy(x);
  const int64 rows = x.size(-2), columns = x.size(-1);
  if (out.numel() == 0) return out;
  dispatch_all(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = out.writable<T>();
    for (int64 r = 0; r < out.numel() / columns; ++r) {
      const int64 row = r % rows;
      // Columns up to row + k are the lower part; k may be far outside.
      const int64 diagonal = k > columns ? columns : k < -rows ? -rows : k;
      const int64 kept_until = std::clamp<int64>(row + diagonal + (lower ? 1 : 0), 0, columns);
      T* line = to + r * columns;
      if (lower)
        std::fill(line + kept_until, line + columns, T(0));
      else
        std::fill(line, line + kept_until, T(0));
    }
  });
  return out;
}

}  // namespace

Tensor concat(std::span<const Tensor> parts, int64 axis) {
  check_shape(!parts.empty(), "concat of no tensors");
  const Tensor& head = parts[0];
  check_shape(head.rank() > 0, "concat of {}: a tensor without axes; use stack", head);
  const int a = normal_axis(axis, head.rank());
  Shape shape = head.shape();
  for (std::size_t n = 1; n < parts.size(); ++n) {
    const Tensor& part = parts[n];
    check_dtype(part.dtype() == head.dtype(), "concat of {} and {} (number {}): dtypes differ",
                head, part, n);
    bool fits = part.rank() == head.rank();
    for (int b = 0; fits && b < head.rank(); ++b)
      fits = b == a || part.shape()[b] == head.shape()[b];
    check_shape(fits, "concat along axis {} of {} and {} (number {}): other sizes must be equal", a,
                head.shape(), part.shape(), n);
    shape[a] += part.shape()[a];
  }
  const Tensor out = Tensor::empty(shape, head.dtype());
  int64 begin = 0;
  for (const Tensor& part : parts) {
    const int64 end = begin + part.shape()[a];
    write_window(slice(out, a, begin, end), part);
    begin = end;
  }
  return out;
}

Tensor stack(std::span<const Tensor> parts, int64 axis) {
  check_shape(!parts.empty(), "stack of no tensors");
  const Tensor& head = parts[0];
  const int a = normal_axis(axis, head.rank() + 1);
  Shape shape = head.shape();
  shape.insert(a, static_cast<int64>(parts.size()));
  for (std::size_t n = 1; n < parts.size(); ++n)
    check_shape(parts[n].shape() == head.shape() && parts[n].dtype() == head.dtype(),
                "stack of {} and {} (number {}): shapes and dtypes must be equal", head, parts[n],
                n);
  const Tensor out = Tensor::empty(shape, head.dtype());
  for (std::size_t n = 0; n < parts.size(); ++n)
    write_window(select(out, a, static_cast<int64>(n)), parts[n]);
  return out;
}

Tensor pad(const Tensor& x, int64 axis, int64 before, int64 after, double value) {
  const int a = normal_axis(axis, x.rank());
  check_shape(before >= 0 && after >= 0, "pad of axis {} by {} and {}: must be 0 or more", axis,
              before, after);
  Shape shape = x.shape();
  shape[a] += before + after;
  const Tensor out = full(shape, value, x.dtype());
  write_window(slice(out, a, before, before + x.shape()[a]), x);
  return out;
}

Tensor unslice(const Tensor& x, int64 axis, int64 begin, int64 step, int64 size) {
  const int a = normal_axis(axis, x.rank());
  const int64 n = x.shape()[a];
  if (begin < 0) begin += size;
  check<IndexError>(
      begin >= 0 && begin <= size && step >= 1 && (n == 0 || begin + (n - 1) * step < size),
      "unslice of {} elements from {} by {} does not fit into {}", n, begin, step, size);
  Shape shape = x.shape();
  shape[a] = size;
  const Tensor out = zeros(shape, x.dtype());
  const int64 end = n == 0 ? begin : begin + (n - 1) * step + 1;
  write_window(slice(out, a, begin, end, step), x);
  return out;
}

Tensor tril(const Tensor& x, int64 k) { return triangle(x, k, true); }
Tensor triu(const Tensor& x, int64 k) { return triangle(x, k, false); }

}  // namespace gradus
