// Angles: theta_d = f_d . p for a pair d of a head, with p the label of a token (a number or a
// vector of L numbers) and f_d an angular frequency of the same size (SPEC 1; Su et al. 2021). What
// rotates or modulates in this folder starts from these angles.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nn/position.h"
#include "pe/frequencies.h"

namespace gradus {

/// Which tracks an encoding reads, and how many numbers these make together.
struct LabelConfig {
  std::vector<std::string> tracks = {"time"};
  int64 width = 1;
};
/// Options `tracks` and `width`. `vector`: false where the encoding takes one number only.
LabelConfig read_labels(Options& options, bool vector,
                        const std::vector<std::string>& fallback = {"time"});

/// Where frequencies start.
struct FrequencyConfig {
  double base = 10000;     ///< scalar labels: an exponential sequence from 1 down to about 1/base
  double deviation = 0.5;  ///< vector labels: independent normal numbers
  std::vector<double> given;  ///< or these, in the order [head][pair][label] or [pair][label]
};
/// Options `base` (where there is an exponential start), `deviation` and `frequencies`.
FrequencyConfig read_frequencies(Options& options, bool base = true);

/// "6 or 8" for 7, "2" for 1: what a message tells who gave an odd size.
std::string even_sizes_near(int64 odd);

/// f64 [heads, count]: base^(-j / (heads count)), j = 0, 1, ...: one sequence over all heads, so
/// that head 0 turns fastest. heads = 1: RoPE's own, for every head.
Tensor exponential_frequencies(int64 heads, int64 count, double base);

/// f64 [heads, count, width]: the given ones, else exponential (width 1), else normal: one number
/// for all bits of a chroma vector would only count them. ConfigError for a list of another length.
Tensor initial_frequencies(const FrequencyConfig& config, int64 heads, int64 count, int64 width,
                           Rng rng, std::string_view who);

/// theta [B|1, H|1, N, F] = f p modulo 2 pi, for f [H|1, F, L] and labels f64 [B|1, N, L]; products
/// and their sum are f64, and so are their gradients.
Var angles(const Var& frequencies, const Var& labels, DType dtype);

}  // namespace gradus
