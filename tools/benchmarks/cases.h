// What `tools/bench` measures: each case is a function that makes its tensors once and returns one
// run of it. The names are the peers' too (peer.py), so that a case of one side stands beside the
// same work of the other.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace gradus::bench {

/// The least that a run must do, for the share of the machine's limit.
struct Work {
  double flops = 0;  ///< multiplications and additions of matrix products
  double exps = 0;   ///< exponentials and functions as costly
  double bytes = 0;  ///< read and written, each byte of the fused op once
  double held = 0;   ///< bytes of the tensors that are touched: how fast those are depends on it
};

struct Case {
  std::string name;
  std::string what;  ///< shape and direction, for the table
  Work work;
  double ops = 1;                                  ///< in a run: the table gives the time of one
  std::function<std::function<void()>()> prepare;  ///< makes the tensors; the result is one run
};

std::vector<Case> op_cases();
std::vector<Case> attention_cases();
std::vector<Case> model_cases();

/// GFLOP/s, GB/s and 10^9 exponentials a second that this machine reaches on `threads` threads at
/// the level in use: what shares are measured against.
struct Limits {
  double flops = 0, triad_small = 0, triad_large = 0, exps = 0;
};
Limits measure_limits();

/// Bytes a second of a = b + 0.5 c, where the three together hold `bytes`, shared by all threads.
double triad_rate(double bytes);

}  // namespace gradus::bench
