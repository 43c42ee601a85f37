// The outputs of one step where they are coupled (nn/coupling.h): decided one after another, each
// given those before it; and the probability of each alone, which then is a mean over such
// decisions.
#pragma once

#include "nn/coupling.h"

namespace gradus {

/// The logits of one step while its outputs are being decided.
class WithinStep {
 public:
  /// `coupling` may be null: then no decision changes anything.
  explicit WithinStep(const Coupling* coupling);
  /// The next step's logits, `n` of them, before any decision.
  void begin(const float* logits, int64 n);
  double logit(int64 i) const { return static_cast<double>(logits_[static_cast<std::size_t>(i)]); }
  /// Output i is 1: moves the logits behind it.
  void decide(int64 i);

 private:
  Tensor weight_;  // f32 [n, n], or undefined
  std::vector<float> logits_;
};

/// P(output = 1) of each row alone, f32 [N, n] like the logits: the mean over `draws` decisions of
/// its probability given those before it.
Tensor marginals(const Tensor& logits, const Coupling& coupling, int64 draws, const Rng& rng);

}  // namespace gradus
