// The toy study of "Of All StrIPEs" (Figures 2 and 3; SPEC 6.1): points on the unit circle at
// content angles psi, five in each of five contexts xi; the score of one query with every point, by
// frequency f: what an encoding makes of content and context together. RoPE is (24), F-StrIPE1
// unpooled (25), RoPEPool (26).
#pragma once

#include <string>
#include <vector>

#include "pe/kernel_view.h"

namespace gradus {

constexpr int64 kToyContexts = 5, kToyPoints = 25, kToyFrequencies = 41;

/// Angles in radians.
struct ToyPoints {
  std::vector<double> content, context;  ///< of the keys, contexts ascending
  double query_content = 0, query_context = 0;
};
/// The angles read off the paper's figure.
ToyPoints paper_toy_points();
/// psi ~ N(context, (7.8 degrees)^2); the query is the first point of the middle context.
ToyPoints random_toy_points(std::uint64_t seed);

/// f = 0, 1/40, ..., 1.
double toy_frequency(int64 row);
/// Options under which an encoding turns a pair by f: the frequency 1 beside labels f xi (of a
/// random kernel the length 1), not pooled over coordinates, without phases and gains.
std::vector<std::string> toy_settings(const EncodingDef& def);
/// a_qj, f64 [kToyFrequencies, kToyPoints], also of contexts ahead of the query's; of random codes
/// the mean over draws. ConfigError, with the reason, for an encoding whose labels are no real
/// numbers or whose scores are no pair's own.
Tensor toy_scores(const EncodingDef& def, const ToyPoints& points);
/// Mean over the query's context minus mean over the others, of one row.
double toy_gap(const Tensor& scores, const ToyPoints& points, int64 row);

}  // namespace gradus
