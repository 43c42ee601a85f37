// softmax, log_softmax and logsumexp over rows: every row's largest element is taken off first, so
// that no exponential overflows.
#include <cmath>
#include <limits>

#include "tensor/float_math.h"
#include "tensor/reduce.h"
#include "tensor/strided.h"

namespace gradus {
namespace {

/// The largest element, or a NaN where there is one.
template <class T>
T largest(const T* x, int64 n) {
  constexpr int kLanes = 16;
  const auto larger = [](T a, T b) { return ((a > b) | (a != a)) ? a : b; };
  T best = -std::numeric_limits<T>::infinity();
  int64 i = 0;
  if (n >= kLanes) {
    T lane[kLanes];
    for (auto& l : lane) l = best;
    for (; i + kLanes <= n; i += kLanes)
      for (int j = 0; j < kLanes; ++j) lane[j] = larger(lane[j], x[i + j]);
    for (T l : lane) best = larger(best, l);
  }
  for (; i < n; ++i) best = larger(best, x[i]);
  return best;
}

/// Sum of e^(x - shift), written to y as well. Blocks of fixed size keep the order, and the error,
/// of the sum the same for every caller.
template <class T>
T exponentials(const T* __restrict x, T shift, int64 n, T* __restrict y) {
  constexpr int64 kLanes = 16, kBlock = 512;
  T total = 0;
  for (int64 begin = 0; begin < n; begin += kBlock) {
    const int64 end = std::min(n, begin + kBlock);
    T lane[kLanes] = {};
    int64 i = begin;
    for (; i + kLanes <= end; i += kLanes)
      for (int64 j = 0; j < kLanes; ++j) {
        const T e = detail::exp_of(x[i + j] - shift);
        y[i + j] = e;
        lane[j] += e;
      }
    T rest = 0;
    for (; i < end; ++i) rest += y[i] = detail::exp_of(x[i] - shift);
    for (int64 half = kLanes / 2; half > 0; half /= 2)
      for (int64 j = 0; j < half; ++j) lane[j] += lane[j + half];
    total += lane[0] + rest;
  }
  return total;
}

template <class T>
void softmax_row(const T* x, int64 n, T* y) {
  const T inverse = 1 / exponentials(x, largest(x, n), n, y);
  for (int64 i = 0; i < n; ++i) y[i] *= inverse;
}

template <class T>
T log_sum_exp(const T* x, int64 n, T* scratch) {
  const T shift = largest(x, n);
  if (!std::isfinite(shift)) return shift;  // -inf: nothing to add; inf and NaN win
  return shift + std::log(exponentials(x, shift, n, scratch));
}

template <class T>
void log_softmax_row(const T* x, int64 n, T* y) {
  const T shift = largest(x, n);
  const T log_sum = std::log(exponentials(x, shift, n, y));
  for (int64 i = 0; i < n; ++i) y[i] = (x[i] - shift) - log_sum;
}

/// row(x, n, y) for each row of the last axis.
template <class F>
Tensor map_rows(const Tensor& x, int64 axis, std::string_view what, F row) {
  const int a = normal_axis(axis, x.rank());
  if (a != x.rank() - 1) return contiguous(transpose(map_rows(transpose(x, a), -1, what, row), a));
  const Tensor rows = contiguous(x);
  Tensor out = Tensor::empty(x.shape(), x.dtype());
  const int64 n = x.shape()[a];
  if (out.numel() == 0) return out;
  dispatch_float(x.dtype(), what, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = rows.data<T>();
    T* to = out.writable<T>();
    parallel_for(0, out.numel() / n, 1 + 4096 / n, [&](int64 begin, int64 end) {
      for (int64 r = begin; r < end; ++r) row(from + r * n, n, to + r * n);
    });
  });
  return out;
}

}  // namespace

Tensor softmax(const Tensor& x, int64 axis) {
  return map_rows(x, axis, "softmax",
                  [](const auto* p, int64 n, auto* y) { softmax_row(p, n, y); });
}

Tensor log_softmax(const Tensor& x, int64 axis) {
  return map_rows(x, axis, "log_softmax",
                  [](const auto* p, int64 n, auto* y) { log_softmax_row(p, n, y); });
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
    parallel_for(0, count, 1 + 4096 / (n + 1), [&](int64 begin, int64 end) {
      std::vector<T> scratch(static_cast<std::size_t>(n));
      for (int64 r = begin; r < end; ++r) to[r] = log_sum_exp(from + r * n, n, scratch.data());
    });
    return out;
  });
}

}  // namespace gradus
