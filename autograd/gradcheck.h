// gradcheck: the gradient of a function against differences of its values, in f64. For each element
// x of each input, with a random cotangent c and phi = <c, f>:
//     n = (phi(x + h) - phi(x - h)) / 2h,   h = 1e-5 max(1, |x|),
//     |a - n| <= 1e-6 max(|n|, s) + 1e-9 max(1, |phi|),   s = the largest |n| of that input.
// An input with s < 1e-3 is refused as too weak: an absolute bound would let an all-zero gradient
// of a mean loss through. Order 2 checks the vjp, a function of the inputs *and* of the cotangent,
// in the same way: its values come from the plain backward pass, its gradient from create_graph.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/functional.h"

namespace gradus {

/// allow: an input with a small derivative is checked all the same. For cases that a stronger one
/// stands beside: next to nothing, a wrong gradient may pass.
enum class Weak { refuse, allow };

struct GradcheckOptions {
  int order = 1;           ///< 1: the vjp; 2: the vjp of the vjp
  std::uint64_t seed = 0;  ///< of the cotangent
  /// Inputs that have no influence on the value, and rightly so: all their derivatives must be 0.
  std::vector<int> without_influence = {};
  Weak weak = Weak::refuse;
  std::string command = {};  ///< what repeats this check; printed where it fails
};

struct [[nodiscard]] GradcheckReport {
  enum class Outcome { passed, wrong, too_weak };
  Outcome outcome = Outcome::passed;
  int order = 1;
  int64 elements = 0;  ///< compared
  /// The element nearest to its bound, or furthest beyond it. At order 2 the last input is the
  /// cotangent. -1 where there was nothing to compare.
  int input = -1;
  int64 element = -1;  ///< row-major
  double at = 0;       ///< its value
  double analytic = 0, numeric = 0, bound = 0;
  std::string where;                 ///< "input 0 (2, 3), element (0, 1)"
  std::string reason;                ///< why it failed; "" where it passed
  std::vector<std::string> details;  ///< inputs, cotangent, command

  bool passed() const { return outcome == Outcome::passed; }
  /// One sentence, and where it failed the inputs, the cotangent and the command that repeats it.
  std::string text() const;
};

/// `inputs`: f64 is checked, f32 refused, i64 and u8 passed on as constants. ShapeError, DTypeError
/// or GraphError where f cannot be checked: another dtype than f64 out, a shape that changes, other
/// values at the second call.
GradcheckReport gradcheck(const VarFunction& f, std::span<const Tensor> inputs,
                          const GradcheckOptions& options = {});
GradcheckReport gradcheck(const SingleVarFunction& f, const Tensor& input,
                          const GradcheckOptions& options = {});

/// Random numbers for a cotangent: of either sign, magnitudes in [0.5, 1.5), so that no element is
/// too weak by chance.
Tensor random_cotangent(std::uint64_t seed, const Shape& shape);

}  // namespace gradus
