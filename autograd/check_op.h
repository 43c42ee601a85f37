// check_op: everything that must hold for every op, checked on the op's own samples, which come
// from its block (autograd/op.h). An op defined in a user's program is checked in the same way as
// ours: `CHECK(check_op(kMine).passed())`. The random numbers depend on the op's name and the
// sample alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/gradcheck.h"
#include "autograd/op.h"

namespace gradus {

struct CheckOptions {
  int sample = -1;  ///< -1: all
  int order = 0;    ///< 1: gradcheck and planted bugs; 2: second order; 0: the whole suite
};

struct [[nodiscard]] CheckReport {
  std::string op;
  int samples = 0;
  int64 first_order = 0;   ///< elements compared with differences
  int64 second_order = 0;  ///< elements, by the inputs and by the cotangent
  int64 others = 0;        ///< further checks
  /// Wrong gradients made of the op's own (times 1.001, sign, one element 0, two swapped; for every
  /// sample and input), and how many the first-order check refused. All must be caught.
  int64 planted = 0, caught = 0;
  std::vector<std::string> failures;

  bool passed() const { return failures.empty() && caught == planted; }
  /// "tanh: 3 samples, 11 + 33 elements, 120 further checks, bugs 10 of 10: ok", then the failures.
  std::string text() const;
};

/// ConfigError where the sample or the order does not exist.
CheckReport check_op(const OpDef& op, const CheckOptions& options = {});

/// The seed of a sample: a hash of the op's name and the sample's number.
std::uint64_t sample_seed(std::string_view op, int sample);
/// The inputs of a sample, as its specs say.
std::vector<Tensor> sample_inputs(std::span<const InputSpec> specs, std::uint64_t seed);

/// Gradcheck of one sample, as check_op runs it.
GradcheckReport gradcheck_op(const OpDef& op, int sample, int order);

}  // namespace gradus
