// Structural labels as StructurePE codes them ("Structure-informed positional encoding for music
// generation", 2024; SPEC 3): sinusoids with a base for each structure, learned tables, and scores
// q_m . E_s(p_m - p_n) by lag, summed over the structures s.
#pragma once

#include <memory>

#include "nn/linear.h"
#include "pe/label_encoding.h"

namespace gradus {

enum class StructureCodes { learned, sine };

/// Frequencies of the columns of a sinusoidal code, f64 [width]: base^(-2 floor((c + 1) / 2) /
/// width). Columns count from 1 in the exponents, as in the authors' code, so that they run 0, 2,
/// 2, 4, 4, ... and sin and cos of one frequency are not neighbours from an even column on.
Tensor structural_frequencies(int64 width, double base);
/// The code of these values f64 [U], f64 [U, width]: column c is sin (c even) or cos (c odd) of f_c
/// v.
Var structural_code(const Tensor& values, const Var& frequencies);
/// Those of several structures, f64 [1, width, structures].
Tensor structural_frequencies(int64 width, const std::vector<double>& bases);

/// Options of several structures: one number for each number of the labels, or one for all, or by
/// the tracks' names. ConfigError for another count.
std::vector<double> per_structure(Options& options, const std::string& key,
                                  const LabelConfig& labels,
                                  double (*by_name)(std::string_view track), double low,
                                  double high);
/// melody 7920, tempo 9919, chord 10001, section 11339; others 10000.
double structural_base(std::string_view track);

struct StructuralConfig {
  LabelConfig labels;
  StructureCodes codes = StructureCodes::sine;
  std::vector<double> bases;  ///< sine
  std::vector<double> clips;  ///< learned: rows for lags -clip .. clip
};

/// Rows E_s(lag) = layer(structure_s(code_s(lag))), split over the heads, and their scores.
class StructuralScores : public LabelEncoding, public HasFrequencies {
 public:
  /// Of the sinusoids, one a column; none where codes are learned.
  Tensor own_frequencies() const override;

 protected:
  StructuralScores(const Build& build, EncodingShape shape, StructuralConfig config,
                   LabelValues values);
  /// sum_s scaled q_m . E_s(p_m - p_n), [B,H,Nq,Nk].
  Var structure_scores(const Var& scaled, const Tensor& labels, const Positions& positions,
                       Pass& pass) const;
  /// E_s of label number `column` for these lags f64 [U], [H, U, d].
  Var structure_rows(const Tensor& lags, int64 column, Pass& pass) const;
  /// layer(part(code)) for codes [U, D_model], [H, U, d].
  Var project(const Linear& part, const Var& code, Pass& pass) const;
  /// q / sqrt(d).
  Var scaled_queries(const Var& q) const;

 private:
  StructuralConfig config_;
  std::vector<Parameter*> tables_;
  std::vector<std::unique_ptr<Linear>> structures_;
  Linear layer_;
};

}  // namespace gradus
