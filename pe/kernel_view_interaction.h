// What meets what (SPEC 4.1): the interaction of content and context of an encoding over a grid of
// labels,
//     a_mn = [q; 1]^T M(p_m, p_n) [k; 1],   M = [[G, alpha], [beta^T, gamma]],
// in closed form and measured (scores of random q and k, regressed on all products q_i k_j, q_i,
// k_j, 1), and what it is made of: which products meet which function of the labels, of what rank,
// and what these functions depend on: D- = p_m - p_n, D+ = p_m + p_n, or neither alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pe/kernel_view.h"

namespace gradus {

struct InteractionGrid {
  std::vector<double> labels;    ///< N of them; every number of a wider label is the same
  int64 d = 0;                   ///< head size
  bool later_keys = true;        ///< false: pairs with n > m are never used
  std::optional<Tensor> closed;  ///< f64 [N, N, d+1, d+1]; of the mean over codes
  Tensor measured;               ///< likewise; the mean over codes where these are random
  int64 codes = 1;               ///< how many draws were averaged
  double standard_error = 0;     ///< of a measured number, over codes; 0: not random
  double not_bilinear = 0;       ///< RMS of what the regression leaves, as a share of the scores'

  /// The closed form, or else what was measured.
  const Tensor& best() const { return closed ? *closed : measured; }
  /// Largest difference of the two; not-a-number without a closed form.
  double apart() const;
  /// RMS difference in standard errors: about 1 for random codes; else not-a-number.
  double apart_in_errors() const;
};
/// Labels from, from + 1, ..., to. `codes`: how many draws of a random encoding are averaged.
InteractionGrid interaction_grid(const KernelView& view, int64 from, int64 to, int64 codes = 100);

/// Products that meet one function of the labels: "q1 k1 + q2 k2" with cos-like values.
struct Encounter {
  enum class Depends { constant, difference, sum, both } on = Depends::constant;
  std::string products;
  double size = 0;             ///< RMS of the function over the grid
  std::vector<double> values;  ///< of the function, by lag, sum or (both) by p_m at the least p_n
  bool up_to_a_constant = false;
};

struct InteractionAnatomy {
  int64 products = 0;   ///< of q_i k_j that are met at all
  int64 functions = 0;  ///< linearly independent functions of the labels among their factors
  int64 rank = 0;       ///< the largest rank of G at one pair of labels
  bool single = false;  ///< q alone, k alone or neither have terms
  /// Shares of the sum of squares of M, swapping the labels of fixed q and k.
  double symmetric = 0, antisymmetric = 0;
  double constant = 0;  ///< share of what no label changes
  /// Of the rest: the share that a function of D-, of D+, or the sum of two such explains.
  double difference = 0, sum = 0, together = 0;
  /// RMS change of a when the key is reflected about the query, in content and in label, as a share
  /// of the RMS of a (SPEC 4.8).
  double reflection = 0;
  std::vector<Encounter> encounters;
};
InteractionAnatomy interaction_anatomy(const InteractionGrid& grid);

}  // namespace gradus
