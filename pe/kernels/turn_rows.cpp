#include "pe/kernels/turn_rows.h"

#include "tensor/kernels/vec_trig.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

using int64 = std::int64_t;

GRADUS_INLINE void put_half(float* to, Vec<double> v, Whole) {
  const HalfVector half = __builtin_convertvector(v, HalfVector);
  std::memcpy(to, &half, sizeof half);
}
GRADUS_INLINE void put_half(float* to, Vec<double> v, Tail tail) {
  const HalfVector half = __builtin_convertvector(v, HalfVector);
  std::memcpy(to, &half, static_cast<std::size_t>(tail.count) * sizeof(float));
}

void table(const TurnRows& t, float* y) {
  for (int64 r = 0; r < t.rows; ++r) {
    const double *f = t.f + r * t.f_step, p = t.p[r * t.p_step];
    float *cosines = y + r * 2 * t.count, *sines = cosines + t.count;
    each_vector<double>(t.count, [&](int64 i, auto size) {
      const Vec<double> theta = get(f + i, size) * p;
      const Vec<Word<double>> large = absolute<double>(theta) > 0x1p28;
      put_half(cosines + i, patched<double, true>(sin_cos_short<true>(theta), theta, large), size);
      put_half(sines + i, patched<double, false>(sin_cos_short<false>(theta), theta, large), size);
    });
  }
}

}  // namespace

extern const TurnRowKernels turn_row_kernels = {table};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
