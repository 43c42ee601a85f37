#include "pe/kernels/reflect_rows.h"

#include "pe/kernels/pair_lanes.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

using int64 = std::int64_t;

// Rows that are added up in T, before they are added in f64.
constexpr int kRows = 32;

/// Neighbours are added up until every lane holds the sum.
template <int kCount, class T>
GRADUS_INLINE T total(Lanes<T, kCount> v) {
  if constexpr (kCount == 1) {
    return v;
  } else {
    for (int left = kCount; left > 1; left /= 2)
      v = every_second<kCount, 0>(v, v) + every_second<kCount, 1>(v, v);
    return v[0];
  }
}

template <class T>
GRADUS_INLINE T dot(const T* a, const T* b, int64 n) {
  Vec<T> whole{};
  int64 i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) whole += load(a + i) * load(b + i);
  T sum = total<kLanes<T>, T>(whole);
  each_lanes<T, kLanes<T> / 2>(
      n,
      [&](int64 j, auto count) {
        constexpr int k = decltype(count)::value;
        sum += total<k, T>(load_lanes<T, k>(a + j) * load_lanes<T, k>(b + j));
      },
      i);
  return sum;
}

template <class T>
void reflect(const Mirror<T>& m, PairRows<T> x, T* y) {
  for (int64 r = 0; r < m.rows; ++r) {
    const T* const row = x.at + r * x.step;
    const T length = m.factor * dot(m.v, row, m.width);
    each_lanes<T>(m.width, [&](int64 i, auto count) {
      constexpr int n = decltype(count)::value;
      store_lanes<T, n>(y + r * m.width + i,
                        load_lanes<T, n>(row + i) - length * load_lanes<T, n>(m.v + i));
    });
  }
}

template <class T>
void sums(const Mirror<T>& m, PairRows<T> x, PairRows<T> g, double* to) {
  T along_x[kRows], along_g[kRows];
  for (int64 first = 0; first < m.rows; first += kRows) {
    const int64 rows = m.rows - first < kRows ? m.rows - first : kRows;
    const T *const xs = x.at + first * x.step, *const gs = g.at + first * g.step;
    for (int64 r = 0; r < rows; ++r) {
      along_x[r] = dot(m.v, xs + r * x.step, m.width);
      along_g[r] = dot(m.v, gs + r * g.step, m.width);
      to[m.width] += static_cast<double>(along_x[r]) * static_cast<double>(along_g[r]);
    }
    each_lanes<T>(m.width, [&](int64 i, auto count) {
      constexpr int n = decltype(count)::value;
      Lanes<T, n> sum{};
      for (int64 r = 0; r < rows; ++r)
        sum += along_x[r] * load_lanes<T, n>(gs + r * g.step + i) +
               along_g[r] * load_lanes<T, n>(xs + r * x.step + i);
      add_lanes<n, T>(to + i, sum);
    });
  }
}

template <class T>
constexpr ReflectKernels<T> kernels = {reflect<T>, sums<T>};

}  // namespace

extern const ReflectRowKernels reflect_kernels = {kernels<float>, kernels<double>};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
