#include "tools/benchmarks/kernels/limits.h"

#include "tensor/kernels/vec.h"
#include "tensor/kernels/vec_math.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

using V = Vec<float>;
constexpr int kWide = kLanes<float>;

/// Ten chains, which hide the latency of two units; each begins at a number of its own, for equal
/// chains would be computed once. Named, for g++ 12 keeps arrays of vectors in memory.
double multiply_add(std::int64_t steps, float* sink) {
  const V m = all_of(0.999f + *sink), t = all_of(0.001f);
  V a = m * 0.1f, b = m * 0.2f, c = m * 0.3f, d = m * 0.4f, e = m * 0.5f;
  V f = m * 0.6f, g = m * 0.7f, h = m * 0.8f, i = m * 0.9f, j = m;
  for (std::int64_t s = 0; s < steps; ++s) {
    a = a * m + t, b = b * m + t, c = c * m + t, d = d * m + t, e = e * m + t;
    f = f * m + t, g = g * m + t, h = h * m + t, i = i * m + t, j = j * m + t;
  }
  *sink = 1e-30f * sum_lanes<float>(a + b + c + d + e + f + g + h + i + j);
  return 2.0 * 10 * kWide * static_cast<double>(steps);
}

void triad(float* a, const float* b, const float* c, std::int64_t n) {
  const V half = all_of(0.5f);
  for (std::int64_t i = 0; i + kWide <= n; i += kWide)
    store<float>(a + i, load(b + i) + half * load(c + i));
}

void exponentials(float* y, const float* x, std::int64_t n) {
  for (std::int64_t i = 0; i + kWide <= n; i += kWide)
    store<float>(y + i, vec_exp<float>(load(x + i)));
}

}  // namespace

const LimitKernels limit_kernels{multiply_add, triad, exponentials};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
