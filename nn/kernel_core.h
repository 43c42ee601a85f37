// What the cores with a feature map share: the map and its sign, the normaliser, and eps beside
// features that a factor was taken out of. Internal to nn/.
//
// Note [eps and log_scale]
// A feature map may take factors e^c out of its features (Features::log_scale). They cancel in the
// fraction but for eps, which would then depend on the largest key, the last one as well as the
// first. So eps is divided by the same factors: the result is that of the true features, for a
// prefix, step by step, or at once. Factors below 1 are left alone (eps must not outgrow the sums
// of tiny features), and above e^60 eps stays e^-60 eps, which keeps 0 / 0 away.
#pragma once

#include "nn/cores.h"

namespace gradus::detail {

/// What the core divides by: as the encoding says, or nothing.
Normaliser effective_normaliser(const CoreConfig& config, const PositionalEncoding& encoding);
/// The config's feature map for the encoding's width. ConfigError for dropout of weights, and where
/// features that can be negative would be divided by their sum.
std::unique_ptr<FeatureMap> make_core_map(const Build& build, const CoreConfig& config,
                                          const PositionalEncoding& encoding, int64 head_dim);

/// Ones [B,H,N,1] beside v.
Var ones_beside(const Var& v);
/// [v, 1], whose sum holds the numerator and the denominator at once.
Var with_ones(const Var& v);
/// A sum of features + eps. See note [eps and log_scale].
Var with_eps(const Var& total, const Tensor& log_scale);
/// The eps of a sum of features, [B,H,rows,1] beside x [B,H,rows,w]. See note [eps and log_scale].
Var eps_beside(const Var& x, const Tensor& log_scale);
/// y e^log_scale.
Var rescale(const Var& y, const Tensor& log_scale);
/// Of a sum of [v, 1]: the first columns by the last one.
Var divide_by_last(const Var& y, const Tensor& log_scale);
/// a + b, either of which may be undefined.
Tensor sum_of_logs(const Tensor& a, const Tensor& b);

}  // namespace gradus::detail
