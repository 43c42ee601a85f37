// Stripes: coordinate d of a head times N_f sinusoids of f_dw . p each, which F-StrIPE keeps as
// they are and stochastic encodings mix with noise (SPEC 4.2-4.5; Liutkus et al. 2021; Agarwal et
// al. 2025):
//     u_dw(x, p) = x_d lambda_dw [cos(f_dw . p + theta_dw), sin(f_dw . p + theta_dw)] / sqrt(N_f)
// Only queries carry phases theta, so that the products of features make P_d(p_m - p_n) with
//     P_d(D) = 1/N_f sum_w lambda_dw^2 cos(f_dw . D + theta_dw).
#pragma once

#include "pe/angle_encoding.h"
#include "pe/table.h"

namespace gradus {

/// squashed: f = pi sigmoid(w), w ~ N(-4, 1). free: f itself.
enum class Parametrisation { squashed, free };
/// Option `parametrisation`: sigmoid (for one number) or free (for vectors).
Parametrisation read_parametrisation(Options& options, int64 label_width);
/// What is learned, [heads, count, width]: random numbers, or those that give the wanted
/// frequencies.
Tensor first_frequencies(const FrequencyConfig& config, Parametrisation parametrisation,
                         int64 heads, int64 count, int64 width, Rng rng, std::string_view who);
/// Angular frequencies for what is learned.
Var frequencies_of(const Var& stored, Parametrisation parametrisation);

/// Weights of 1, for a table of [cos | sin] as it is.
Var even_weights(const Var& table);
/// f64 [H, d, d]: a diagonal matrix for each head, from [H][d].
Tensor diagonals(const std::vector<double>& values, int64 heads);

struct StripeConfig {
  LabelConfig labels;
  FrequencyConfig frequencies;
  Parametrisation parametrisation = Parametrisation::squashed;
  int64 sines = 5;
  bool phases = true, gains = true;

  static StripeConfig read(Options& options, bool vector);
};

class Stripes : public AngleEncoding {
 protected:
  Stripes(const Build& build, EncodingShape shape, StripeConfig config, std::string_view who);

  int64 sines() const { return config_.sines; }
  /// Neither gains nor phases: one frequency a coordinate, or several, keeps norms.
  bool plain() const { return !config_.gains && !config_.phases; }
  /// lambda [cos theta | sin theta] / sqrt(N_f), [H|1, 2 d N_f], of the queries, and of the keys,
  /// which have no phases.
  struct Weights {
    Var q, k;
  };
  Weights weights(DType dtype) const;
  /// P_d of a pair of labels, [H][d].
  std::vector<double> context(const Tensor& p_m, const Tensor& p_n) const;
  /// [H, d, d] with cross terms: G_de = 1/N_f sum_w lambda_dw lambda_ew cos(angle of d - of e).
  Tensor pooled_context(const Tensor& p_m, const Tensor& p_n) const;
  Var frequencies() const override;

 private:
  struct Numbers {
    std::vector<double> gains, phases;  // [H][d][w]
  };
  Numbers numbers() const;
  Var gains() const;

  StripeConfig config_;
  const Parameter* phases_ = nullptr;
  const Parameter* gains_ = nullptr;
};

/// The options of `StripeConfig::read` and one more, for tables.
std::vector<OptionInfo> stripe_options(bool vector, const OptionInfo& more);

}  // namespace gradus
