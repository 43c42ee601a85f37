// What the proofs of own traits (EncodingDef::own_traits) share: the encoding with other options,
// its state by names that a wrapper around it does not change, scores of one pair of tokens.
#pragma once

#include <initializer_list>

#include "pe/suite_parts.h"

namespace gradus::suite {

using Numbers = std::vector<double>;

/// "key=value" settings over these.
Options with_settings(Options options, std::initializer_list<const char*> settings);
/// The subject with other options and sizes, and without own traits.
SuiteSubject variant(const SuiteSubject& s, const Options& options, EncodingShape shape);
std::unique_ptr<PositionalEncoding> build_variant(const SuiteSubject& s,
                                                  std::initializer_list<const char*> settings,
                                                  EncodingShape shape, DType dtype = DType::f64);
/// Another entry of the table, f64, to compare with.
std::unique_ptr<PositionalEncoding> build_other(std::string_view name, const Options& options,
                                                EncodingShape shape);

/// The parameter or buffer of this name, of the outermost module that has one.
Tensor state_of(const PositionalEncoding& e, std::string_view name);
void set_state(PositionalEncoding& e, std::string_view name, const Tensor& value);
/// All that `to` has, from the parameters and buffers of the same names behind `before`: "inside/".
void copy_state(PositionalEncoding& to, const PositionalEncoding& from,
                std::string_view before = "");

Tensor random_normal(std::uint64_t seed, const Shape& shape);
/// Labels [N][L] under the names that the encoding reads.
Positions labels_of(const PositionalEncoding& e, const Numbers& labels, int64 width = 1);
/// b_h of these lags, head by head.
Numbers lag_biases(const PositionalEncoding& e, const Numbers& lags);
Tensor score_biases(const PositionalEncoding& e, const Tensor& q, const Tensor& k,
                    const Positions& p);
/// a_mn of q and k [H, d] for each head.
Numbers raw_scores(const PositionalEncoding& e, const Tensor& q, const Tensor& k,
                   const Numbers& p_m, const Numbers& p_n);

/// The largest difference so far, of the size of what is expected where that is above 1.
class Worst {
 public:
  void include(double got, double expected, std::string_view what = {});
  void include(const Numbers& got, const Numbers& expected, std::string_view what = {});
  void include(const Tensor& got, const Tensor& expected, std::string_view what = {});
  Finding within(double tolerance) const;

 private:
  double error_ = 0;
  std::string what_;
};

/// Scores of the tokens at shifted labels, and without one of them, change by nothing, or by
/// something, as Traits::relative says (suite_declared.cpp).
Finding prove_relative(const SuiteSubject& s);
/// Features of non-negative features are non-negative.
Finding prove_non_negative(const SuiteSubject& s);
/// The smallest pivot of B_ij = b_ij - b_i0 - b_0j + b_00 over n points, relative to its largest
/// entry: below 0 where b is not conditionally positive definite, up to rounding.
double smallest_pivot(const Numbers& b, std::size_t n);

}  // namespace gradus::suite
