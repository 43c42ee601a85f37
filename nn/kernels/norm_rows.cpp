#include "nn/kernels/norm_rows.h"

#include "tensor/kernels/vec_rows.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

using int64 = std::int64_t;

// A row's sums end in a chain of dependent steps (lanes, square root, division). Rows go through
// each step together, so that the chains of several overlap, and sums over rows stay in registers.
constexpr int64 kTogether = 4;

template <class T>
GRADUS_INLINE double mean_of_squares(const T* x, T shift, int64 n) {
  WideSum<T> sum;
  each_vector<T>(n, [&](int64 i, auto size) {
    const Vec<T> d = get(x + i, size, shift) - shift;
    sum.add(d * d);
  });
  return sum.total() / static_cast<double>(n);
}

template <class T>
void layer(const T* x, const T* gain, const T* bias, double eps, int64 rows, int64 n, T* y, T* mean,
           T* rstd) {
  for (int64 first = 0; first < rows; first += kTogether) {
    const int64 end = rows - first < kTogether ? rows : first + kTogether;
    double exact[kTogether];
    for (int64 r = first; r < end; ++r) {
      WideSum<T> sum;
      each_vector<T>(n, [&](int64 i, auto size) { sum.add(get(x + r * n + i, size)); });
      exact[r - first] = sum.total() / static_cast<double>(n);
      mean[r] = static_cast<T>(exact[r - first]);
    }
    for (int64 r = first; r < end; ++r) {
      // The squares are taken about the rounded mean.
      const double off = exact[r - first] - static_cast<double>(mean[r]);
      double variance = mean_of_squares(x + r * n, mean[r], n) - off * off;
      if (variance < 0) variance = 0;
      rstd[r] = static_cast<T>(1 / __builtin_sqrt(variance + eps));
    }
    for (int64 r = first; r < end; ++r) {
      const T m = mean[r], s = rstd[r];
      each_vector<T>(n, [&](int64 i, auto size) {
        const Vec<T> xhat = (get(x + r * n + i, size) - m) * s;
        put(y + r * n + i, xhat * get(gain + i, size) + get(bias + i, size), size);
      });
    }
  }
}

template <class T>
void rms(const T* x, const T* gain, double eps, int64 rows, int64 n, T* y, T* rstd) {
  for (int64 first = 0; first < rows; first += kTogether) {
    const int64 end = rows - first < kTogether ? rows : first + kTogether;
    for (int64 r = first; r < end; ++r)
      rstd[r] = static_cast<T>(1 / __builtin_sqrt(mean_of_squares(x + r * n, T(0), n) + eps));
    for (int64 r = first; r < end; ++r) {
      const T s = rstd[r];
      each_vector<T>(n, [&](int64 i, auto size) {
        put(y + r * n + i, get(x + r * n + i, size) * s * get(gain + i, size), size);
      });
    }
  }
}

/// What the way back needs to know of a row: means of h and of h xhat, h = g gain.
template <class T>
struct BackRow {
  T mean, rstd, mean_h, mean_hx;
};

template <class T, bool kCentred>
GRADUS_INLINE void find_means(const T* x, const T* gain, const T* g, int64 n, BackRow<T>& row) {
  const T mean = row.mean, rstd = row.rstd;
  WideSum<T> sum_h, sum_hx;
  each_vector<T>(n, [&](int64 i, auto size) {
    const Vec<T> h = get(g + i, size) * get(gain + i, size);
    if (kCentred) sum_h.add(h);
    sum_hx.add(h * ((get(x + i, size, mean) - mean) * rstd));
  });
  row.mean_h = kCentred ? static_cast<T>(sum_h.total() / static_cast<double>(n)) : T(0);
  row.mean_hx = static_cast<T>(sum_hx.total() / static_cast<double>(n));
}

/// A few rows: kCentred for layer_norm, kInput where dx is wanted, kSums where the sums are.
template <class T, bool kCentred, bool kInput, bool kSums>
GRADUS_INLINE void back_rows(const T* x, const T* gain, const T* g, const T* mean, const T* rstd,
                             int64 rows, int64 n, T* dx, double* dgain, double* dbias) {
  BackRow<T> of[kTogether];
  for (int64 r = 0; r < rows; ++r) {
    of[r] = {kCentred ? mean[r] : T(0), rstd[r], T(0), T(0)};
    if (kInput) find_means<T, kCentred>(x + r * n, gain, g + r * n, n, of[r]);
  }
  each_vector<T>(n, [&](int64 i, auto size) {
    const Vec<T> weight = get(gain + i, size);
    WideSum<T> gains, biases;
    if (kSums) gains = WideSum<T>::from(dgain + i, size);
    if (kSums && kCentred) biases = WideSum<T>::from(dbias + i, size);
    for (int64 r = 0; r < rows; ++r) {
      const BackRow<T> row = of[r];
      const Vec<T> cotangent = get(g + r * n + i, size);
      const Vec<T> xhat = (get(x + r * n + i, size) - row.mean) * row.rstd;
      if (kInput) {
        const Vec<T> h = cotangent * weight;
        put(dx + r * n + i, row.rstd * ((kCentred ? h - row.mean_h : h) - xhat * row.mean_hx),
            size);
      }
      if (kSums) gains.add(cotangent * xhat);
      if (kSums && kCentred) biases.add(cotangent);
    }
    if (kSums) gains.keep(dgain + i, size);
    if (kSums && kCentred) biases.keep(dbias + i, size);
  });
}

template <class T, bool kCentred>
void back(const T* x, const T* gain, const T* g, const T* mean, const T* rstd, int64 rows, int64 n,
          T* dx, double* dgain, double* dbias) {
  for (int64 r = 0; r < rows; r += kTogether) {
    const int64 count = rows - r < kTogether ? rows - r : kTogether, at = r * n;
    const T* m = kCentred ? mean + r : nullptr;
    T* to = dx ? dx + at : nullptr;
    if (dx && dgain)
      back_rows<T, kCentred, true, true>(x + at, gain, g + at, m, rstd + r, count, n, to, dgain,
                                         dbias);
    else if (dx)
      back_rows<T, kCentred, true, false>(x + at, gain, g + at, m, rstd + r, count, n, to, dgain,
                                          dbias);
    else if (dgain)
      back_rows<T, kCentred, false, true>(x + at, gain, g + at, m, rstd + r, count, n, to, dgain,
                                          dbias);
  }
}

template <class T>
constexpr NormRows<T> rows_of() {
  return {
      .layer = layer<T>, .rms = rms<T>, .layer_back = back<T, true>, .rms_back = back<T, false>};
}

}  // namespace

extern const NormKernels norm_kernels = {rows_of<float>(), rows_of<double>()};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
