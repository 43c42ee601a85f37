#include "pe/kernels/stripe_rows.h"

#include "pe/kernels/pair_lanes.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

using int64 = std::int64_t;

/// Each coordinate beside all of its stripes, in the room or, one each, where it is; in whole
/// vectors: what one writes too many the next one overwrites, the last ones fall behind.
template <class T>
GRADUS_INLINE const T* spread(const StripeRows<T>& s, const T* x) {
  if (s.stripes == s.coordinates) return x;
  const int64 each = s.stripes / s.coordinates;
  for (int64 d = 0; d < s.coordinates; ++d) {
    const Vec<T> v = all_of(x[d]);
    for (int64 w = 0; w < each; w += kLanes<T>) store(s.room + d * each + w, v);
  }
  return s.room;
}

/// t w, complex: the stripes of a row, weighed.
template <class T, int kCount>
struct Stripe {
  Lanes<T, kCount> cos, sin;
};
template <int kCount, class T>
GRADUS_INLINE Stripe<T, kCount> stripe(const T* pair, int64 i, int64 stripes) {
  return {load_lanes<T, kCount>(pair + i), load_lanes<T, kCount>(pair + stripes + i)};
}

template <class T>
GRADUS_INLINE void modulate_row(const StripeRows<T>& s, const T* x, const T* table, T* y) {
  const T* const copies = spread(s, x);
  each_lanes<T>(s.stripes, [&](int64 i, auto count) {
    constexpr int n = decltype(count)::value;
    const auto v = load_lanes<T, n>(copies + i);
    const auto t = stripe<n>(table, i, s.stripes), w = stripe<n>(s.weights, i, s.stripes);
    store_pairs<T, n, false>(
        y, i, s.stripes,
        {v * (t.cos * w.cos - t.sin * w.sin), v * (t.sin * w.cos + t.cos * w.sin)});
  });
}

template <class T>
void modulate(const StripeRows<T>& s, PairRows<T> x, T* y) {
  for (int64 r = 0; r < s.rows; ++r)
    modulate_row(s, x.at + r * x.step, s.table.at + r * s.table.step, y + r * 2 * s.stripes);
}

template <class T>
void pool(const StripeRows<T>& s, PairRows<T> x, T* y) {
  const int64 width = s.coordinates == 0 ? 0 : 2 * s.stripes / s.coordinates;
  T* const row = s.room + s.stripes + kLanes<T>;
  for (int64 r = 0; r < s.rows; ++r) {
    modulate_row(s, x.at + r * x.step, s.table.at + r * s.table.step, row);
    each_lanes<T>(width, [&](int64 i, auto count) {
      constexpr int n = decltype(count)::value;
      Lanes<T, n> total{};
      for (int64 d = 0; d < s.coordinates; ++d) total += load_lanes<T, n>(row + d * width + i);
      store_lanes<T, n>(y + r * width + i, total);
    });
  }
}

/// to += v in f64.
template <int kCount, class T>
GRADUS_INLINE void add_stripe(double* to, int64 i, int64 stripes, Stripe<T, kCount> v) {
  add_lanes<kCount, T>(to + i, v.cos);
  add_lanes<kCount, T>(to + stripes + i, v.sin);
}

template <class T>
GRADUS_INLINE void row_back(const StripeRows<T>& s, int64 r, const T* x, const T* g,
                            const StripeGradients<T>& to) {
  const T* const table = s.table.at + r * s.table.step;
  const bool by_stripes = to.table || to.own_table || to.weights;
  const T* const copies = by_stripes ? spread(s, x) : nullptr;
  T* const products = s.room;  // over the copies: what is added up to dx
  each_lanes<T>(s.stripes, [&](int64 i, auto count) {
    constexpr int n = decltype(count)::value;
    const auto t = stripe<n>(table, i, s.stripes), w = stripe<n>(s.weights, i, s.stripes);
    const auto d = load_pairs<T, n, false>(g, i, s.stripes);
    if (by_stripes) {
      const auto v = load_lanes<T, n>(copies + i);
      const Lanes<T, n> u = v * d.first, q = v * d.second;
      const Lanes<T, n> by_cos = u * w.cos + q * w.sin, by_sin = q * w.cos - u * w.sin;
      if (to.table) add_stripe<n, T>(to.table + r * 2 * s.stripes, i, s.stripes, {by_cos, by_sin});
      if (to.own_table) {
        T* const row = to.own_table + r * 2 * s.stripes;
        store_lanes<T, n>(row + i, by_cos);
        store_lanes<T, n>(row + s.stripes + i, by_sin);
      }
      if (to.weights)
        add_stripe<n, T>(to.weights, i, s.stripes, {u * t.cos + q * t.sin, q * t.cos - u * t.sin});
    }
    if (to.x)
      store_lanes<T, n>(products + i, d.first * (t.cos * w.cos - t.sin * w.sin) +
                                          d.second * (t.sin * w.cos + t.cos * w.sin));
  });
  if (!to.x) return;
  const int64 each = s.coordinates == 0 ? 0 : s.stripes / s.coordinates;
  for (int64 d = 0; d < s.coordinates; ++d) {
    T total = 0;
    for (int64 i = d * each; i < (d + 1) * each; ++i) total += products[i];
    to.x[r * s.coordinates + d] = total;
  }
}

template <class T>
void modulate_back(const StripeRows<T>& s, PairRows<T> x, PairRows<T> g,
                   const StripeGradients<T>& to) {
  for (int64 r = 0; r < s.rows; ++r) row_back(s, r, x.at + r * x.step, g.at + r * g.step, to);
}

template <class T>
void pool_back(const StripeRows<T>& s, PairRows<T> x, PairRows<T> g, const StripeGradients<T>& to) {
  const int64 width = s.coordinates == 0 ? 0 : 2 * s.stripes / s.coordinates;
  T* const row = s.room + s.stripes + kLanes<T>;
  for (int64 r = 0; r < s.rows; ++r) {
    each_lanes<T>(width, [&](int64 i, auto count) {
      constexpr int n = decltype(count)::value;
      const auto v = load_lanes<T, n>(g.at + r * g.step + i);
      for (int64 d = 0; d < s.coordinates; ++d) store_lanes<T, n>(row + d * width + i, v);
    });
    row_back(s, r, x.at + r * x.step, row, to);
  }
}

template <class T>
constexpr StripeKernels<T> kernels = {modulate<T>, pool<T>, modulate_back<T>, pool_back<T>};

}  // namespace

extern const StripeRowKernels stripe_kernels = {kernels<float>, kernels<double>};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
