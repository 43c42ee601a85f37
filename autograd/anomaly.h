// Anomaly detection: after every forward op and every vjp one pass over the result; the first value
// that is not finite is an error that names the node, its source line, its formula and the state of
// its inputs. Forward comes first, so a NaN loss is never silent.
//
// Note [Which infinities pass]
// An op with may_be_infinite (masked_fill with -inf before a softmax) may put out Inf, not NaN.
// That Inf, and one in a constant (an additive mask), may pass on through ops whose output is as
// large as that input: moved, scaled, added to. A reduction must get rid of it.
#pragma once

#include <string>
#include <unordered_set>

#include "autograd/observe.h"

namespace gradus {

/// What AnomalyGuard throws: the text's facts as fields.
class AnomalyError : public NonFiniteError {
 public:
  using NonFiniteError::NonFiniteError;
  bool in_backward = false;
  std::string label;                 ///< of the node whose forward or vjp it is
  int64 node = 0;                    ///< its id
  int64 input = -1;                  ///< backward: whose gradient it is
  int64 element = 0;                 ///< row-major index of the first bad element
  double value = 0;                  ///< NaN or Inf
  bool cotangent_was_finite = true;  ///< backward
  Location where;
};

/// Looks at every result of this thread until it goes out of scope.
class AnomalyGuard final : public Observer {
 public:
  AnomalyGuard() : listening_(*this) {}
  void on_op(const Var& node, std::span<const Var* const> inputs) override;
  void on_vjp(const VjpEvent& event) override;

 private:
  bool lets_infinity_pass(const Var& node, std::span<const Var* const> inputs) const;

  std::unordered_set<int64> infinite_;  // nodes whose Inf was let pass
  ObserverGuard listening_;
};

}  // namespace gradus
