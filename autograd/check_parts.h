// The parts of check_op, a file each; for check_op.cpp alone.
#pragma once

#include <optional>

#include "autograd/check_op.h"

namespace gradus::detail {

/// One sample under check. Parts count and report through `expect`.
struct SampleCheck {
  SampleCheck(const OpDef& op, int number, CheckReport& report);

  const OpDef& op;
  const Sample& sample;
  int number;
  CheckReport& report;
  std::vector<Tensor> inputs;
  Tensor cotangent;  ///< of the output's shape and dtype

  bool is_float_input(std::size_t i) const { return is_float(inputs[i].dtype()); }
  /// Counts a check; where it does not hold, notes `what` with the sample's number.
  void expect(bool ok, const std::string& what);
  GradcheckOptions gradcheck_options(int order) const;
};

/// An output and the gradient of each input, undefined for those that have none.
struct Ran {
  Tensor output;
  std::vector<Tensor> grads;
};
/// Runs the op on leaves of these inputs and takes its gradient; `wanted`: of one input only.
Ran run_op(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
           const Tensor& cotangent, std::optional<std::size_t> wanted = {});
/// The op as a function, for gradcheck. Both must outlive it.
VarFunction as_function(const OpDef& op, const Attrs& attrs);

/// Same shape and dtype, and |a - b| <= tolerance times the largest magnitude of the two tensors.
bool close(const Tensor& a, const Tensor& b, double tolerance);
/// f64 rounding, with room for another order of summation.
inline constexpr double kRounding = 1e-12;

void check_values(SampleCheck& c);     // infer, f32 against f64, nothing mutated
void check_vjp(SampleCheck& c);        // linear, repeatable, one as all, reads as declared
void check_kinks(SampleCheck& c);      // at kinks and ties: between the one-sided differences
void check_layouts(SampleCheck& c);    // transposed, sliced, stride 0
void check_sizes(SampleCheck& c);      // axes of size 1 and 0
void check_reference(SampleCheck& c);  // fused against composed
void check_planted(SampleCheck& c);    // wrong gradients must be caught

}  // namespace gradus::detail
