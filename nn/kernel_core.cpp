#include "nn/kernel_core.h"

#include <array>

#include "tensor/elementwise.h"
#include "tensor/text.h"

namespace gradus::detail {

namespace {

constexpr double kEps = 1e-6;

}  // namespace

Normaliser effective_normaliser(const CoreConfig& config, const PositionalEncoding& encoding) {
  return config.normaliser == Normaliser::none ? Normaliser::none : encoding.traits().normaliser;
}

std::unique_ptr<FeatureMap> make_core_map(const Build& build, const CoreConfig& config,
                                          const PositionalEncoding& encoding, int64 head_dim) {
  check<ConfigError>(config.dropout == 0,
                     "the {} core forms no weights that dropout {} could drop; set it to 0, or "
                     "use attention = softmax",
                     name(config.kind), config.dropout);
  const int64 width = encoding.transformed_width(head_dim);
  auto map = build_feature_map(find_feature_map(config.feature_map), build, width, head_dim,
                               config.feature_options);
  // An encoding of features says here that it was built for another number of them.
  encoding.transformed_features(map->features(width));
  if (effective_normaliser(config, encoding) == Normaliser::none || map->non_negative()) return map;
  std::vector<std::string> fitting;
  for (const FeatureMapDef* def : feature_maps())
    if (def->non_negative) fitting.emplace_back(def->name);
  fail<ConfigError>(
      "the features of '{}' can be negative, and with '{}' {} attention divides by their sum, "
      "which nothing then keeps away from 0; use one of {}, or normaliser = none",
      config.feature_map, encoding.kind(), name(config.kind), join(fitting));
}

Var ones_beside(const Var& v) {
  return Var(broadcast_to(full({1, 1, 1, 1}, 1, v.dtype()), {v.size(0), v.size(1), v.size(2), 1}));
}

Var with_ones(const Var& v) {
  const std::array<Var, 2> parts{v, ones_beside(v)};
  return concat(parts, -1);
}

Var with_eps(const Var& total, const Tensor& log_scale) {
  if (!log_scale.defined()) return total + kEps;
  return total + Var(mul(exp(neg(clamp(log_scale, 0, 60))), kEps));
}

Var eps_beside(const Var& x, const Tensor& log_scale) {
  const Tensor eps = log_scale.defined() ? mul(exp(neg(clamp(log_scale, 0, 60))), kEps)
                                         : full({1, 1, 1, 1}, kEps, x.dtype());
  return Var(broadcast_to(eps, {x.size(0), x.size(1), x.size(2), 1}));
}

Var rescale(const Var& y, const Tensor& log_scale) {
  return log_scale.defined() ? y * Var(exp(log_scale)) : y;
}

Var divide_by_last(const Var& y, const Tensor& log_scale) {
  const int64 width = y.size(-1) - 1;
  return slice(y, -1, 0, width) / with_eps(slice(y, -1, width, width + 1), log_scale);
}

Tensor sum_of_logs(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() ? a : b;
  return add(a, b);
}

}  // namespace gradus::detail
