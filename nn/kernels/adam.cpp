#include "nn/kernels/adam.h"

#include "tensor/kernels/vec_math.h"
#include "tensor/kernels/vec_rows.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

template <class T>
void adam(const AdamStep<T>& s, const T* g, std::int64_t n, T* p, T* m, T* v) {
  const T fresh1 = 1 - s.beta1, fresh2 = 1 - s.beta2;
  each_vector<T>(n, [&](std::int64_t i, auto size) {
    const Vec<T> gi = get(g + i, size), now = get(p + i, size);
    const Vec<T> mi = s.beta1 * get(m + i, size) + fresh1 * gi;
    const Vec<T> vi = s.beta2 * get(v + i, size) + fresh2 * gi * gi;
    put(m + i, mi, size);
    put(v + i, vi, size);
    put(p + i, now - s.rate * mi / (vec_sqrt<T>(vi * s.scale) + s.eps) - s.shrink * now, size);
  });
}

}  // namespace

extern const AdamKernels adam_kernels = {adam<float>, adam<double>};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
