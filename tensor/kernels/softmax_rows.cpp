#include "tensor/kernels/softmax_rows.h"

#include "tensor/kernels/vec_math.h"
#include "tensor/kernels/vec_rows.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

using int64 = std::int64_t;

/// The largest element, or a NaN where there is one; -inf of none.
template <class T>
GRADUS_INLINE T largest(const T* x, int64 n) {
  const T least = -MathOf<T>::kInfinity;
  Vec<T> best = all_of(least);
  Vec<Word<T>> strange = {};
  each_vector<T>(n, [&](int64 i, auto size) {
    const Vec<T> v = get(x + i, size, least);
    best = select<T>(v > best, v, best);
    strange |= v != v;
  });
  return any<T>(strange) ? MathOf<T>::kNan : max_lane<T>(best);
}

/// Sum of e^(x - shift); each one is written to y too, where y is.
template <class T, bool kWrite>
GRADUS_INLINE double exponentials(const T* x, T shift, int64 n, T* y) {
  WideSum<T> sum;
  each_vector<T>(n, [&](int64 i, auto size) {
    const Vec<T> e = vec_exp<T>(get(x + i, size, -MathOf<T>::kInfinity) - shift);
    if (kWrite) put(y + i, e, size);
    sum.add(e);
  });
  return sum.total();
}

template <class T>
void softmax(const T* x, int64 rows, int64 n, T* y) {
  for (int64 r = 0; r < rows; ++r, x += n, y += n) {
    const T inverse = static_cast<T>(1 / exponentials<T, true>(x, largest(x, n), n, y));
    each_vector<T>(n, [&](int64 i, auto size) { put(y + i, get(y + i, size) * inverse, size); });
  }
}

template <class T>
void log_softmax(const T* x, int64 rows, int64 n, T* y) {
  for (int64 r = 0; r < rows; ++r, x += n, y += n) {
    const T shift = largest(x, n);
    const T log_sum = static_cast<T>(__builtin_log(exponentials<T, false>(x, shift, n, nullptr)));
    each_vector<T>(
        n, [&](int64 i, auto size) { put(y + i, (get(x + i, size) - shift) - log_sum, size); });
  }
}

template <class T>
double logsumexp(const T* x, int64 n) {
  const T shift = largest(x, n);
  // -inf: nothing to add; inf and NaN win.
  if (!(shift - shift == 0)) return static_cast<double>(shift);
  return static_cast<double>(shift) + __builtin_log(exponentials<T, false>(x, shift, n, nullptr));
}

template <class T>
void softmax_back(const T* y, const T* g, int64 rows, int64 n, T* dx) {
  for (int64 r = 0; r < rows; ++r, y += n, g += n, dx += n) {
    WideSum<T> dot;
    each_vector<T>(n, [&](int64 i, auto size) { dot.add(get(y + i, size) * get(g + i, size)); });
    const T mean = static_cast<T>(dot.total());
    each_vector<T>(n, [&](int64 i, auto size) {
      put(dx + i, get(y + i, size) * (get(g + i, size) - mean), size);
    });
  }
}

template <class T>
void scaled_exp(const T* x, T shift, T factor, T less, int64 n, T* y) {
  each_vector<T>(n, [&](int64 i, auto size) {
    put(y + i, factor * (vec_exp<T>(get(x + i, size) - shift) - less), size);
  });
}

}  // namespace

extern const SoftmaxKernels softmax_kernels = {
    {softmax<float>, log_softmax<float>, logsumexp<float>, softmax_back<float>, scaled_exp<float>},
    {softmax<double>, log_softmax<double>, logsumexp<double>, softmax_back<double>,
     scaled_exp<double>}};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
