// What runs along one axis and is no plain sum: argmax, top-k, cumulative sums, statistics.
#include <cmath>
#include <limits>
#include <numeric>

#include "tensor/reduce.h"
#include "tensor/strided.h"

namespace gradus {
namespace {

/// One axis split off: element (outer, i, inner) of a contiguous tensor is at
/// (outer * size + i) * inner_count + inner.
struct Split {
  int64 outer = 1, size = 1, inner = 1;
};
Split split_at(const Shape& shape, int axis) {
  Split s;
  for (int a = 0; a < shape.rank(); ++a) {
    int64& part = a < axis ? s.outer : a == axis ? s.size : s.inner;
    part *= shape[a];
  }
  return s;
}

/// Larger first; NaN counts as the largest, as in max().
template <class T>
bool before(T a, T b) {
  return a > b || (a != a && b == b);
}

}  // namespace

Tensor argmax(const Tensor& x, int64 axis, Keep keep) {
  const int a = normal_axis(axis, x.rank());
  check_shape(x.shape()[a] > 0, "argmax of {} over axis {}: no elements", x, axis);
  const Tensor rows = contiguous(x);
  const Split s = split_at(x.shape(), a);
  Tensor out = Tensor::empty(reduced_shape(x.shape(), {axis}, keep), DType::i64);
  int64* to = out.writable<int64>();
  dispatch_all(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = rows.data<T>();
    parallel_for(0, s.outer * s.inner, 1 + detail::kGrain / s.size, [&](int64 begin, int64 end) {
      for (int64 k = begin; k < end; ++k) {
        const T* p = from + k / s.inner * s.size * s.inner + k % s.inner;
        int64 best = 0;
        for (int64 i = 1; i < s.size; ++i)
          if (before(p[i * s.inner], p[best * s.inner])) best = i;
        to[k] = best;
      }
    });
  });
  return out;
}

TopK topk(const Tensor& x, int64 k, int64 axis) {
  const int a = normal_axis(axis, x.rank());
  const Split s = split_at(x.shape(), a);
  check_shape(k >= 0 && k <= s.size, "topk of {} elements: axis {} of {} has {}", k, axis, x,
              s.size);
  const Tensor rows = contiguous(x);
  Shape shape = x.shape();
  shape[a] = k;
  TopK top{Tensor::empty(shape, x.dtype()), Tensor::empty(shape, DType::i64)};
  int64* indices = top.indices.writable<int64>();
  dispatch_all(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = rows.data<T>();
    T* values = top.values.writable<T>();
    parallel_for(0, s.outer * s.inner, 1 + 4096 / (s.size + 1), [&](int64 begin, int64 end) {
      std::vector<int64> order(static_cast<std::size_t>(s.size));
      for (int64 row = begin; row < end; ++row) {
        const T* p = from + row / s.inner * s.size * s.inner + row % s.inner;
        std::iota(order.begin(), order.end(), int64{0});
        std::partial_sort(order.begin(), order.begin() + k, order.end(), [&](int64 i, int64 j) {
          const T left = p[i * s.inner], right = p[j * s.inner];
          return before(left, right) || (!before(right, left) && i < j);
        });
        const int64 base = row / s.inner * k * s.inner + row % s.inner;
        for (int64 i = 0; i < k; ++i) {
          const int64 index = order[static_cast<std::size_t>(i)];
          values[base + i * s.inner] = p[index * s.inner];
          indices[base + i * s.inner] = index;
        }
      }
    });
  });
  return top;
}

Tensor cumsum(const Tensor& x, int64 axis, Direction direction) {
  const int a = normal_axis(axis, x.rank());
  if (x.dtype() == DType::u8) return cumsum(cast(x, DType::i64), axis, direction);
  const Tensor rows = contiguous(x);
  const Split s = split_at(x.shape(), a);
  Tensor out = Tensor::empty(x.shape(), x.dtype());
  if (out.numel() == 0) return out;
  dispatch_all(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    // Running sums are long and sequential: f32 is added up in f64. i64 wraps.
    using Acc = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;
    constexpr int64 kTile = 64;
    const T* from = rows.data<T>();
    T* to = out.writable<T>();
    const int64 tiles = (s.inner + kTile - 1) / kTile;
    const int64 work = s.size * std::min(s.inner, kTile);
    parallel_for(0, s.outer * tiles, 1 + detail::kGrain / work, [&](int64 begin, int64 end) {
      for (int64 task = begin; task < end; ++task) {
        const int64 column = task % tiles * kTile, count = std::min(kTile, s.inner - column);
        const int64 base = task / tiles * s.size * s.inner + column;
        Acc total[kTile] = {};
        for (int64 i = 0; i < s.size; ++i) {
          const int64 row = direction == Direction::forward ? i : s.size - 1 - i;
          const T* p = from + base + row * s.inner;
          T* y = to + base + row * s.inner;
          for (int64 c = 0; c < count; ++c) {
            total[c] += static_cast<Acc>(p[c]);
            y[c] = static_cast<T>(total[c]);
          }
        }
      }
    });
  });
  return out;
}

Statistics statistics(const Tensor& x) {
  Statistics s;
  const int64 n = x.numel();
  double sum = 0, squares = 0;
  int64 zero_count = 0, finite = 0;
  dispatch_all(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = x.data<T>();
    const detail::Walk<1> walk(x.shape(), {&x});
    const int64 step = walk.inner_stride(0);
    walk.run(0, n, [&](const int64(&at)[1], int64 first, int64 count) {
      for (int64 i = 0; i < count; ++i) {
        const auto v = static_cast<double>(from[at[0] + i * step]);
        if (!std::isfinite(v)) {
          if (s.non_finite++ == 0) s.first_non_finite = first + i;
          continue;
        }
        s.min = finite == 0 ? v : std::min(s.min, v);
        s.max = finite == 0 ? v : std::max(s.max, v);
        ++finite;
        zero_count += v == 0;
        sum += v;
        squares += v * v;
      }
    });
    s.max_abs = std::max(std::abs(s.min), std::abs(s.max));
    s.norm = std::sqrt(squares);
    if (finite > 0 && s.max_abs > 0 && !(s.norm > 1e-140 && s.norm < 1e150)) {
      // The squares left the range of f64: scaled, they do not.
      squares = 0;
      walk.run(0, n, [&](const int64(&at)[1], int64, int64 count) {
        for (int64 i = 0; i < count; ++i) {
          const double v = static_cast<double>(from[at[0] + i * step]) / s.max_abs;
          if (std::isfinite(v)) squares += v * v;
        }
      });
      s.norm = s.max_abs * std::sqrt(squares);
    }
  });
  if (finite > 0) s.mean = sum / static_cast<double>(finite);
  if (n > 0) s.zero_share = static_cast<double>(zero_count) / static_cast<double>(n);
  return s;
}

}  // namespace gradus
