// softmax, log_softmax and logsumexp over rows: every row's largest element is taken off first, so
// that no exponential overflows.
#include "tensor/kernels/softmax_rows.h"
#include "tensor/reduce.h"
#include "tensor/strided.h"

namespace gradus {
namespace {

/// One of the kernels over the rows of an axis.
template <class Pick>
Tensor map_rows(const Tensor& x, int64 axis, std::string_view what, Pick pick) {
  const int a = normal_axis(axis, x.rank());
  if (a != x.rank() - 1) return contiguous(transpose(map_rows(transpose(x, a), -1, what, pick), a));
  const Tensor rows = contiguous(x);
  Tensor out = Tensor::empty(x.shape(), x.dtype());
  const int64 n = x.shape()[a];
  if (out.numel() == 0) return out;
  dispatch_float(x.dtype(), what, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = rows.data<T>();
    T* to = out.writable<T>();
    const auto rows_of = pick(GRADUS_KERNELS(softmax_kernels).of(T{}));
    parallel_for(0, out.numel() / n, 1 + 4096 / n, [&](int64 begin, int64 end) {
      rows_of(from + begin * n, end - begin, n, to + begin * n);
    });
  });
  return out;
}

}  // namespace

Tensor softmax(const Tensor& x, int64 axis) {
  return map_rows(x, axis, "softmax", [](const auto& k) { return k.softmax; });
}

Tensor log_softmax(const Tensor& x, int64 axis) {
  return map_rows(x, axis, "log_softmax", [](const auto& k) { return k.log_softmax; });
}

Tensor logsumexp(const Tensor& x, const Axes& axes, Keep keep) {
  const std::vector<bool> reduced = reduced_axes(axes, x.rank());
  std::vector<int64> order;
  for (bool wanted : {false, true})
    for (int axis = 0; axis < x.rank(); ++axis)
      if (reduced[static_cast<std::size_t>(axis)] == wanted) order.push_back(axis);
  Tensor out = Tensor::empty(reduced_shape(x.shape(), axes, keep), x.dtype());
  const int64 count = out.numel(), n = count == 0 ? 0 : x.numel() / count;
  return dispatch_float(x.dtype(), "logsumexp", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Tensor rows = contiguous(permute(x, order));
    const T* from = rows.data<T>();
    T* to = out.writable<T>();
    const auto row_of = GRADUS_KERNELS(softmax_kernels).of(T{}).logsumexp;
    parallel_for(0, count, 1 + 4096 / (n + 1), [&](int64 begin, int64 end) {
      for (int64 r = begin; r < end; ++r) to[r] = static_cast<T>(row_of(from + r * n, n));
    });
    return out;
  });
}

}  // namespace gradus
