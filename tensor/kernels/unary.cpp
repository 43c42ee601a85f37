#include "tensor/kernels/unary.h"

#include "tensor/kernels/vec_rows.h"
#include "tensor/kernels/vec_trig.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

template <class T, class F>
GRADUS_INLINE void map(const T* x, std::int64_t n, T* y, F f) {
  map_vectors(x, n, y, f, T(1));  // in the domain of every f
}

template <class T>
constexpr UnaryMaps<T> maps() {
  using V = Vec<T>;
  using N = std::int64_t;
  return {
      .exp = [](const T* x, N n, T* y) { map(x, n, y, [](V v) { return vec_exp<T>(v); }); },
      .log = [](const T* x, N n, T* y) { map(x, n, y, [](V v) { return vec_log<T>(v); }); },
      .tanh = [](const T* x, N n, T* y) { map(x, n, y, [](V v) { return vec_tanh<T>(v); }); },
      .sigmoid = [](const T* x, N n, T* y) { map(x, n, y, [](V v) { return vec_sigmoid<T>(v); }); },
      .softplus = [](const T* x, N n,
                     T* y) { map(x, n, y, [](V v) { return vec_softplus<T>(v); }); },
      .erf = [](const T* x, N n, T* y) { map(x, n, y, [](V v) { return vec_erf<T>(v); }); },
      .sin = [](const T* x, N n, T* y) { map(x, n, y, [](V v) { return vec_sin<T>(v); }); },
      .cos = [](const T* x, N n, T* y) { map(x, n, y, [](V v) { return vec_cos<T>(v); }); }};
}

}  // namespace

extern const UnaryKernels unary_kernels = {maps<float>(), maps<double>()};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
