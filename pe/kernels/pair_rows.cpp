#include "pe/kernels/pair_rows.h"

#include "pe/kernels/pair_lanes.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

using int64 = std::int64_t;

/// f(row, i, Count) for the pairs of every row.
template <class T, class F>
GRADUS_INLINE void each_pair(const PairTable<T>& t, F f) {
  for (int64 r = 0; r < t.rows; ++r)
    each_lanes<T>(t.pairs, [&](int64 i, auto count) { f(r, i, count); });
}
template <int kCount, class T>
GRADUS_INLINE Lanes<T, kCount> lanes(const PairRows<T>& rows, int64 r, int64 i) {
  return load_lanes<T, kCount>(rows.at + r * rows.step + i);
}
template <int kCount, bool kHalf, class T>
GRADUS_INLINE PairLanes<T, kCount> pairs_at(const PairTable<T>& t, const PairRows<T>& rows, int64 r,
                                            int64 i) {
  return load_pairs<T, kCount, kHalf>(rows.at + r * rows.step, i, t.pairs);
}

template <class T, bool kHalf, bool kBack>
void turn_rows(const PairTable<T>& t, PairRows<T> x, T* y) {
  each_pair(t, [&](int64 r, int64 i, auto count) {
    constexpr int n = decltype(count)::value;
    const auto c = lanes<n>(t.cos, r, i), s = lanes<n>(t.sin, r, i);
    const auto p = pairs_at<n, kHalf>(t, x, r, i);
    PairLanes<T, n> turned;
    if constexpr (kBack)
      turned = {p.first * c + p.second * s, p.second * c - p.first * s};
    else
      turned = {p.first * c - p.second * s, p.second * c + p.first * s};
    store_pairs<T, n, kHalf>(y + r * 2 * t.pairs, i, t.pairs, turned);
  });
}
template <class T>
void turn(const PairTable<T>& t, PairRows<T> x, bool back, T* y) {
  if (t.half)
    back ? turn_rows<T, true, true>(t, x, y) : turn_rows<T, true, false>(t, x, y);
  else
    back ? turn_rows<T, false, true>(t, x, y) : turn_rows<T, false, false>(t, x, y);
}

template <class T, bool kHalf>
void pool_rows(const PairTable<T>& t, PairRows<T> x, T* y) {
  each_pair(t, [&](int64 r, int64 i, auto count) {
    constexpr int n = decltype(count)::value;
    const auto c = lanes<n>(t.cos, r, i), s = lanes<n>(t.sin, r, i);
    const auto p = pairs_at<n, kHalf>(t, x, r, i);
    store_lanes<T, n>(y + r * t.pairs + i, p.first * (c + s) + p.second * (c - s));
  });
}
template <class T>
void pool(const PairTable<T>& t, PairRows<T> x, T* y) {
  t.half ? pool_rows<T, true>(t, x, y) : pool_rows<T, false>(t, x, y);
}

template <class T, bool kHalf>
void pool_rows_back(const PairTable<T>& t, PairRows<T> g, T* dx) {
  each_pair(t, [&](int64 r, int64 i, auto count) {
    constexpr int n = decltype(count)::value;
    const auto c = lanes<n>(t.cos, r, i), s = lanes<n>(t.sin, r, i), d = lanes<n>(g, r, i);
    store_pairs<T, n, kHalf>(dx + r * 2 * t.pairs, i, t.pairs, {d * (c + s), d * (c - s)});
  });
}
template <class T>
void pool_back(const PairTable<T>& t, PairRows<T> g, T* dx) {
  t.half ? pool_rows_back<T, true>(t, g, dx) : pool_rows_back<T, false>(t, g, dx);
}

template <int kCount, class T>
GRADUS_INLINE void add_turn(const PairTable<T>& t, double* sums, int64 r, int64 i,
                            Lanes<T, kCount> by_cos, Lanes<T, kCount> by_sin) {
  double* to = sums + r * 2 * t.pairs + i;
  add_lanes<kCount, T>(to, by_cos);
  add_lanes<kCount, T>(to + t.pairs, by_sin);
}

template <class T, bool kHalf>
void turn_row_sums(const PairTable<T>& t, PairRows<T> x, PairRows<T> g, double* sums) {
  each_pair(t, [&](int64 r, int64 i, auto count) {
    constexpr int n = decltype(count)::value;
    const auto p = pairs_at<n, kHalf>(t, x, r, i), d = pairs_at<n, kHalf>(t, g, r, i);
    add_turn<n, T>(t, sums, r, i, d.first * p.first + d.second * p.second,
                   d.second * p.first - d.first * p.second);
  });
}
template <class T>
void turn_sums(const PairTable<T>& t, PairRows<T> x, PairRows<T> g, double* sums) {
  t.half ? turn_row_sums<T, true>(t, x, g, sums) : turn_row_sums<T, false>(t, x, g, sums);
}

template <class T, bool kHalf>
void pool_row_sums(const PairTable<T>& t, PairRows<T> x, PairRows<T> g, double* sums) {
  each_pair(t, [&](int64 r, int64 i, auto count) {
    constexpr int n = decltype(count)::value;
    const auto p = pairs_at<n, kHalf>(t, x, r, i);
    const auto d = lanes<n>(g, r, i);
    add_turn<n, T>(t, sums, r, i, d * (p.first + p.second), d * (p.first - p.second));
  });
}
template <class T>
void pool_sums(const PairTable<T>& t, PairRows<T> x, PairRows<T> g, double* sums) {
  t.half ? pool_row_sums<T, true>(t, x, g, sums) : pool_row_sums<T, false>(t, x, g, sums);
}

template <class T>
constexpr PairKernels<T> kernels = {turn<T>, pool<T>, pool_back<T>, turn_sums<T>, pool_sums<T>};

}  // namespace

extern const PairRowKernels pair_kernels = {kernels<float>, kernels<double>};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
