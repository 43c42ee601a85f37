#include "train/within_step.h"

#include <algorithm>
#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/parallel.h"

namespace gradus {

WithinStep::WithinStep(const Coupling* coupling) {
  if (coupling) weight_ = contiguous(cast((*coupling->weight()).value(), DType::f32));
}

void WithinStep::begin(const float* logits, int64 n) {
  check_shape(!weight_.defined() || weight_.size(0) == n, "{} outputs are coupled, the step has {}",
              weight_.defined() ? weight_.size(0) : 0, n);
  logits_.assign(logits, logits + n);
}

void WithinStep::decide(int64 i) {
  if (!weight_.defined()) return;
  const auto n = static_cast<int64>(logits_.size());
  const float* row = weight_.data<float>() + i * n;
  for (int64 j = i + 1; j < n; ++j) logits_[static_cast<std::size_t>(j)] += row[j];
}

Tensor marginals(const Tensor& logits, const Coupling& coupling, int64 draws, const Rng& rng) {
  check_shape(logits.rank() == 2, "logits of steps are [N, outputs], got {}", logits.shape());
  const Tensor rows = contiguous(cast(logits, DType::f32));
  const int64 n = rows.size(1);
  Tensor mean = zeros(rows.shape());
  float* out = mean.writable<float>();
  constexpr int64 kRows = 64;  // of a thread
  parallel_for(0, rows.size(0), kRows, [&](int64 first, int64 last) {
    WithinStep step(&coupling);
    for (int64 t = first; t < last; ++t)
      for (int64 k = 0; k < draws; ++k) {
        step.begin(rows.data<float>() + t * n, n);
        for (int64 j = 0; j < n; ++j) {
          const double p = 1 / (1 + std::exp(-step.logit(j)));
          out[t * n + j] += static_cast<float>(p / static_cast<double>(draws));
          const std::uint32_t bits = random_bits(rng.key(), static_cast<std::uint64_t>(t),
                                                 static_cast<std::uint64_t>(k * n + j));
          if (static_cast<double>(bits) * 0x1p-32 < p) step.decide(j);
        }
      }
  });
  return mean;
}

}  // namespace gradus
