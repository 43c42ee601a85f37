#include "nn/kernels/norm_rows.h"

#include "tensor/kernels/vec_rows.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

using int64 = std::int64_t;

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
  for (int64 r = 0; r < rows; ++r, x += n, y += n) {
    WideSum<T> sum;
    each_vector<T>(n, [&](int64 i, auto size) { sum.add(get(x + i, size)); });
    const double exact = sum.total() / static_cast<double>(n);
    const T m = static_cast<T>(exact);
    // The squares are taken about the rounded mean.
    const double off = exact - static_cast<double>(m);
    double variance = mean_of_squares(x, m, n) - off * off;
    if (variance < 0) variance = 0;
    const T s = static_cast<T>(1 / __builtin_sqrt(variance + eps));
    mean[r] = m;
    rstd[r] = s;
    each_vector<T>(n, [&](int64 i, auto size) {
      const Vec<T> xhat = (get(x + i, size) - m) * s;
      put(y + i, xhat * get(gain + i, size) + get(bias + i, size), size);
    });
  }
}

template <class T>
void rms(const T* x, const T* gain, double eps, int64 rows, int64 n, T* y, T* rstd) {
  for (int64 r = 0; r < rows; ++r, x += n, y += n) {
    const T s = static_cast<T>(1 / __builtin_sqrt(mean_of_squares(x, T(0), n) + eps));
    rstd[r] = s;
    each_vector<T>(n, [&](int64 i, auto size) {
      put(y + i, get(x + i, size) * s * get(gain + i, size), size);
    });
  }
}

template <class T, bool kCentred>
GRADUS_INLINE void back_row(const T* x, const T* gain, const T* g, T mean, T rstd, int64 n, T* dx) {
  WideSum<T> sum_h, sum_hx;
  each_vector<T>(n, [&](int64 i, auto size) {
    const Vec<T> h = get(g + i, size) * get(gain + i, size);
    if (kCentred) sum_h.add(h);
    sum_hx.add(h * ((get(x + i, size, mean) - mean) * rstd));
  });
  const T mean_h = kCentred ? static_cast<T>(sum_h.total() / static_cast<double>(n)) : T(0);
  const T mean_hx = static_cast<T>(sum_hx.total() / static_cast<double>(n));
  each_vector<T>(n, [&](int64 i, auto size) {
    const Vec<T> h = get(g + i, size) * get(gain + i, size);
    const Vec<T> xhat = (get(x + i, size) - mean) * rstd;
    put(dx + i, rstd * ((kCentred ? h - mean_h : h) - xhat * mean_hx), size);
  });
}

template <class T>
void back(const T* x, const T* gain, const T* g, const T* mean, const T* rstd, int64 rows, int64 n,
          T* dx, double* dgain, double* dbias) {
  for (int64 r = 0; r < rows; ++r, x += n, g += n) {
    const T m = mean ? mean[r] : T(0), s = rstd[r];
    if (dx) {
      if (mean)
        back_row<T, true>(x, gain, g, m, s, n, dx + r * n);
      else
        back_row<T, false>(x, gain, g, m, s, n, dx + r * n);
    }
    if (dgain)
      each_vector<T>(n, [&](int64 i, auto size) {
        add_wide<T>(dgain + i, get(g + i, size) * ((get(x + i, size) - m) * s), size);
      });
    if (dbias)
      each_vector<T>(n,
                     [&](int64 i, auto size) { add_wide<T>(dbias + i, get(g + i, size), size); });
  }
}

}  // namespace

extern const NormKernels norm_kernels = {{layer<float>, rms<float>, back<float>},
                                         {layer<double>, rms<double>, back<double>}};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
