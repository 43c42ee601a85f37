#include "nn/kernels/activations.h"

#include "nn/kernels/element_map.h"
#include "nn/kernels/normal.h"
#include "tensor/kernels/vec_math.h"
#include "tensor/kernels/vec_rows.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

using int64 = std::int64_t;
template <class T>
void gelu(const T* x, int64 n, T* y) {
  map_vectors(x, n, y, [](Vec<T> v) { return vec_gelu<T>(v); });
}
template <class T>
void gelu_back(const T* x, const T* g, int64 n, T* dx) {
  each_vector<T>(n, [&](int64 i, auto size) {
    put(dx + i, get(g + i, size) * vec_gelu_slope<T>(get(x + i, size)), size);
  });
}

template <class T>
void silu(const T* x, int64 n, T* y) {
  map_vectors(x, n, y, [](Vec<T> v) { return v * vec_sigmoid<T>(v); });
}
template <class T>
void silu_back(const T* x, const T* g, int64 n, T* dx) {
  each_vector<T>(n, [&](int64 i, auto size) {
    const Vec<T> v = get(x + i, size), s = vec_sigmoid<T>(v);
    put(dx + i, get(g + i, size) * (s * (T(1) + v * (T(1) - s))), size);
  });
}

template <class T>
void elu1(const T* x, int64 n, T* y) {
  map_vectors(x, n, y, [](Vec<T> v) { return mapped<T, ElementMap::elu1>(v); });
}

/// ln p, ln q, p and q of one logit, p = sigmoid(x), q = 1 - p, all from e = e^-|x|.
template <class T>
struct Odds {
  Vec<T> log_p, log_q, p, q;
};
template <class T>
GRADUS_INLINE Odds<T> odds(Vec<T> x) {
  const Vec<T> e = vec_exp<T>(-absolute<T>(x)), tail = log_one_plus<T>(e);
  const Vec<Word<T>> below = x < T(0);
  const Vec<T> large = T(1) / (T(1) + e), small = e * large;
  return {select<T>(below, x, Vec<T>{}) - tail, select<T>(below, Vec<T>{}, -x) - tail,
          select<T>(below, small, large), select<T>(below, large, small)};
}

/// a = -(1-p)^gamma ln p for a target of 1, b = -p^gamma ln(1-p) for one of 0, and their
/// derivatives by the logit.
template <class T>
struct Halves {
  Vec<T> a, b, da, db;
};
template <class T, bool kFocal>
GRADUS_INLINE Halves<T> halves(Vec<T> x, T gamma) {
  const Odds<T> o = odds<T>(x);
  if (!kFocal) return {-o.log_p, -o.log_q, -o.q, o.p};
  const Vec<T> pg = vec_exp<T>(gamma * o.log_p), qg = vec_exp<T>(gamma * o.log_q);
  return {-qg * o.log_p, -pg * o.log_q, gamma * o.p * qg * o.log_p - qg * o.q,
          pg * o.p - gamma * o.q * pg * o.log_q};
}

template <class T, bool kFocal>
void bce_of(const T* x, const T* target, T weight, T gamma, int64 n, T* y) {
  each_vector<T>(n, [&](int64 i, auto size) {
    const Halves<T> h = halves<T, kFocal>(get(x + i, size), gamma);
    const Vec<T> t = get(target + i, size);
    put(y + i, weight * t * h.a + (T(1) - t) * h.b, size);
  });
}
template <class T>
void bce(const T* x, const T* target, T weight, T gamma, int64 n, T* y) {
  (gamma == 0 ? bce_of<T, false> : bce_of<T, true>)(x, target, weight, gamma, n, y);
}

template <class T, bool kFocal>
void bce_back_of(const T* x, const T* target, const T* g, T weight, T gamma, int64 n, T* dx,
                 T* dtarget) {
  each_vector<T>(n, [&](int64 i, auto size) {
    const Halves<T> h = halves<T, kFocal>(get(x + i, size), gamma);
    const Vec<T> t = get(target + i, size), v = get(g + i, size);
    if (dx) put(dx + i, v * (weight * t * h.da + (T(1) - t) * h.db), size);
    if (dtarget) put(dtarget + i, v * (weight * h.a - h.b), size);
  });
}
template <class T>
void bce_back(const T* x, const T* target, const T* g, T weight, T gamma, int64 n, T* dx,
              T* dtarget) {
  (gamma == 0 ? bce_back_of<T, false> : bce_back_of<T, true>)(x, target, g, weight, gamma, n, dx,
                                                              dtarget);
}

template <class T>
constexpr ActivationMaps<T> maps() {
  return {.gelu = gelu<T>,
          .silu = silu<T>,
          .elu1 = elu1<T>,
          .gelu_back = gelu_back<T>,
          .silu_back = silu_back<T>,
          .bce = bce<T>,
          .bce_back = bce_back<T>};
}

}  // namespace

extern const ActivationKernels activation_kernels = {maps<float>(), maps<double>()};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
