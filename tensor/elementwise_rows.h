// Loops behind the elementwise kernels: a function of one, two or three elements over strided
// inputs. Rows of unit stride and rows against one number (stride 0) have loops of their own, which
// the compiler vectorises.
#pragma once

#include <string_view>

#include "tensor/strided.h"

namespace gradus::detail {

/// Grain of kernels that spend tens of cycles on an element.
inline constexpr int64 kCostlyGrain = 4096;

/// out[i] = f(x[i])
template <class T, class R, class F>
Tensor map(const Tensor& x, DType result, F f, int64 grain = kGrain) {
  Tensor out = Tensor::empty(x.shape(), result);
  const T* from = x.data<T>();
  R* to = out.writable<R>();
  const Walk<1> walk(x.shape(), {&x});
  const int64 step = walk.inner_stride(0);
  walk.run_parallel(
      [=](const int64(&at)[1], int64 first, int64 count) {
        const T* __restrict p = from + at[0];
        R* __restrict y = to + first;
        if (step == 1)
          for (int64 i = 0; i < count; ++i) y[i] = f(p[i]);
        else
          for (int64 i = 0; i < count; ++i) y[i] = f(p[i * step]);
      },
      grain);
  return out;
}

/// out[i] = f(a[i], b[i]), broadcast
template <class A, class B, class R, class F>
Tensor map2(const Tensor& a, const Tensor& b, DType result, F f, int64 grain = kGrain) {
  const Shape shape = broadcast_shapes(a.shape(), b.shape());
  const A* from_a = a.data<A>();
  const B* from_b = b.data<B>();
  Tensor out = Tensor::empty(shape, result);
  R* to = out.writable<R>();
  const Walk<2> walk(shape, {&a, &b});
  const int64 step_a = walk.inner_stride(0), step_b = walk.inner_stride(1);
  walk.run_parallel(
      [=](const int64(&at)[2], int64 first, int64 count) {
        const A* __restrict p = from_a + at[0];
        const B* __restrict q = from_b + at[1];
        R* __restrict y = to + first;
        if (step_a == 1 && step_b == 1) {
          for (int64 i = 0; i < count; ++i) y[i] = f(p[i], q[i]);
        } else if (step_a == 1 && step_b == 0) {
          const B one = *q;
          for (int64 i = 0; i < count; ++i) y[i] = f(p[i], one);
        } else if (step_a == 0 && step_b == 1) {
          const A one = *p;
          for (int64 i = 0; i < count; ++i) y[i] = f(one, q[i]);
        } else {
          for (int64 i = 0; i < count; ++i) y[i] = f(p[i * step_a], q[i * step_b]);
        }
      },
      grain);
  return out;
}

/// Nothing is promoted: both inputs of a kernel have one dtype.
inline void check_same_dtype(const Tensor& a, const Tensor& b, std::string_view what) {
  check_dtype(a.dtype() == b.dtype(),
              "{} of {} and {}: both inputs need one dtype; use cast(x, DType::{})", what, a, b,
              name(is_float(b.dtype()) ? b.dtype() : a.dtype()));
}

}  // namespace gradus::detail
