// NoisyStripes: stripes mixed by Gaussian noise, which is stochastic positional encoding (SPE,
// Liutkus et al. 2021) with sinusoidal covariance. Queries and keys share the noise Z_d, so that
// their products estimate P_d from R realizations (SPEC 4.2; "Of All StrIPEs", eq. 5-7):
//     code_d = [cos, sin] lambda_d Z_d / sqrt(2 N_f),  Z_d [2 N_f, R] of independent N(0, 1)
//     features  sum_d x_d code_d / sqrt(R)
//     E a_mn = sum_d q_d k_d P_d(p_m - p_n) / 2,       for E Z_d Z_e^T = [d = e] R
// The sum over d is one matrix product: features = stripes(x) Z / sqrt(2 R).
#pragma once

#include "pe/stripes.h"

namespace gradus {

class NoisyStripes : public Stripes {
 public:
  void draw(Rng& rng) override;
  QueryKey transform(const Var& q, const Var& k, const Positions& positions,
                     Pass& pass) const override;
  int64 transformed_width(int64) const override { return noise_.value().size(2); }
  /// In the mean over draws.
  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override;

 protected:
  NoisyStripes(const Build& build, EncodingShape shape, StripeConfig config, int64 realizations,
               std::string_view who);

 private:
  Buffer& noise_;  // [H, 2 d N_f, R]
};

/// Option `realizations`.
int64 read_realizations(Options& options);
/// Its description, for tables.
inline constexpr OptionInfo kRealizationsOption{"realizations", "64", "1 to 8192",
                                                "of the noise, R: the width of the features"};

}  // namespace gradus
