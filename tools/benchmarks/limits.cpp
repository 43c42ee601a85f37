// The machine's limits, measured in the run whose shares they bound.
#include <algorithm>
#include <chrono>
#include <vector>

#include "tensor/array.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tools/benchmarks/cases.h"
#include "tools/benchmarks/kernels/limits.h"

namespace gradus::bench {
namespace {

/// Work per second of the fastest of several runs; `run` returns the work it did on one thread,
/// which all threads do at once.
template <class F>
double best_rate(F&& run) {
  using Clock = std::chrono::steady_clock;
  const int workers = threads();
  std::vector<double> work(static_cast<std::size_t>(workers));
  double best = 0, spent = 0;
  for (int i = 0; i < 5 || spent < 0.2; ++i) {
    const auto start = Clock::now();
    parallel_for(0, workers, 1, [&](int64 begin, int64 end) {
      for (int64 w = begin; w < end; ++w) work[static_cast<std::size_t>(w)] = run(w);
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    double total = 0;
    for (const double w : work) total += w;
    best = std::max(best, total / seconds);
    spent += seconds;
  }
  return best;
}

}  // namespace

double triad_rate(double bytes) {
  const auto n = static_cast<int64>(bytes) / 12 / threads() / 64 * 64;  // numbers of a stream
  check<Error>(n > 0, "the triad needs at least 64 numbers a thread, got {} bytes", bytes);
  const int64 rounds = std::max<int64>(1, (int64{32} << 20) / (12 * n));
  Tensor memory = ones({threads(), 3, n});  // of the pool, as the tensors of the cases are
  float* data = memory.writable<float>();
  const LimitKernels& kernels = GRADUS_KERNELS(limit_kernels);
  return best_rate([&](int64 worker) {
    float* a = data + worker * 3 * n;
    for (int64 r = 0; r < rounds; ++r) kernels.triad(a, a + n, a + 2 * n, n);
    return 12.0 * static_cast<double>(n * rounds);
  });
}

Limits measure_limits() {
  const LimitKernels& kernels = GRADUS_KERNELS(limit_kernels);
  std::vector<float> sinks(static_cast<std::size_t>(threads()) * 16);
  Limits limits;
  limits.flops = best_rate(
      [&](int64 worker) { return kernels.multiply_add(1000000, sinks.data() + worker * 16); });
  limits.triad_small = triad_rate(threads() * 384.0 * 1024);
  limits.triad_large = triad_rate(24.0 * 1024 * 1024);
  constexpr std::int64_t kCount = 4096, kRounds = 500;
  std::vector<float> x(static_cast<std::size_t>(kCount) * 2 * static_cast<std::size_t>(threads()),
                       0.5f);
  limits.exps = best_rate([&](int64 worker) {
    float* mine = x.data() + worker * 2 * kCount;
    for (std::int64_t r = 0; r < kRounds; ++r) kernels.exponentials(mine + kCount, mine, kCount);
    return static_cast<double>(kCount * kRounds);
  });
  return limits;
}

}  // namespace gradus::bench
