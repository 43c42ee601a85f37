// What the checks of the suite share: subjects, positions, all hooks at once, the raw scores.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pe/suite.h"

namespace gradus::suite {

/// What a check found: nothing declared that it could prove; it holds; or what is wrong.
struct Finding {
  enum class Outcome { not_declared, holds, broken } outcome = Outcome::holds;
  std::string text;  ///< what was measured, or what is wrong
};
inline Finding holds(std::string measured) {
  return {Finding::Outcome::holds, std::move(measured)};
}
/// `error` relative to the size of what is compared.
inline Finding holds_within(double error) { return holds(fmt::format("max error {:.1g}", error)); }
inline Finding not_declared() { return {Finding::Outcome::not_declared, {}}; }
inline Finding broken(std::string text) { return {Finding::Outcome::broken, std::move(text)}; }

std::unique_ptr<PositionalEncoding> build(const SuiteSubject& s, std::uint64_t seed = 1,
                                          DType dtype = DType::f64);

/// Random labels f64 [batch, n, L] that the encoding takes: a few turns wide, or whole, or forward.
Tensor random_labels(const SuiteSubject& s, const PositionalEncoding& e, std::uint64_t seed,
                     int64 batch, int64 n);
/// These labels under the names that the encoding reads; time_positions where it wants equal steps.
Positions positions_of(const SuiteSubject& s, const PositionalEncoding& e, const Tensor& labels);

/// Equal steps from 0 on, whatever the label: what the toeplitz core takes.
Positions equal_steps(const PositionalEncoding& e, int64 n);
/// p_m - p_n [B|1, Nq, Nk] of an encoding's one number.
Tensor label_lags(const PositionalEncoding& e, const Positions& p);

/// Inputs of the hooks: x [B,N,D], q [B,H,Nq,d], k [B,H,Nk,d].
struct Inputs {
  Tensor x, q, k;
};
Inputs random_inputs(const SuiteSubject& s, std::uint64_t seed, int64 batch, int64 n);
/// Query rows only, for x and q.
Inputs rows(const Inputs& in, int64 begin, int64 count);

/// Every hook's result, by name.
struct HookOutput {
  std::string_view hook;
  Var value;
  bool by_query;  ///< rows of axis -2 are query rows (else key rows)
};
std::vector<HookOutput> run_hooks(const PositionalEncoding& e, const Var& x, const Var& q,
                                  const Var& k, const Positions& p, Mode mode = Mode::eval);
std::vector<HookOutput> run_hooks(const PositionalEncoding& e, const Inputs& in, const Positions& p,
                                  Mode mode = Mode::eval);
/// The largest difference of two tensors, of the size of the second where that is above 1; infinite
/// where shapes differ.
double error_of(const Tensor& a, const Tensor& b);
struct Comparison {
  double error = 0;
  std::string difference;  ///< "" or which hook differs, and by how much
  bool same() const { return difference.empty(); }
  Finding finding(std::string_view where) const {
    return same() ? holds_within(error) : broken(fmt::format("{}{}", where, difference));
  }
};
/// Whether all hooks agree within `tolerance` of their size.
Comparison compare(const std::vector<HookOutput>& a, const std::vector<HookOutput>& b,
                   double tolerance);

/// a_mn sqrt(d) scaled to the score: (q'.k')/sqrt(d) + biases, and the sum of the terms' sizes.
struct Scores {
  Tensor value, size;  // [B,H,Nq,Nk]
};
Scores scores(const PositionalEncoding& e, const Inputs& in, const Positions& p);

/// Scores of the last of six tokens by the formula of a row's paper, worked out by a script of
/// plain Python (tests/pe/oracle/scores.py). Number i = 0, 1, ... of each parameter is 0.6 sin(1 +
/// i), of the queries too, of the keys 0.6 sin(100 + i); heads have 4 numbers.
struct Golden {
  std::string_view encoding, settings;  // "clip=2 values=false"
  int64 heads;
  std::vector<std::string_view> tracks;
  std::vector<double> labels;  // [6][tracks]
  std::vector<double> scores;  // [heads][6]
};
const std::vector<Golden>& golden_scores();  // golden_scores.cpp

// ---- the checks, by file ------------------------------------------------------------------------

struct Check {
  std::string_view trait;
  Finding (*run)(const SuiteSubject&);
  std::string_view says = {};  ///< of an own trait
};
std::vector<Check> declared_checks();  // suite_declared.cpp: what the traits say
std::vector<Check> cost_checks();      // suite_cost.cpp: memory against length
std::vector<Check> square_checks();    // suite_square.cpp: the fast forms of attention
std::vector<Check> closed_checks();    // suite_closed.cpp: closed forms, means over draws
std::vector<Check> limit_checks();     // suite_limits.cpp: what the traits exclude
std::vector<Check> shared_checks();    // suite_shared.cpp: what every encoding owes

}  // namespace gradus::suite
