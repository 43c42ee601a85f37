#include "pe/lag_bias.h"

#include <cmath>

#include "tensor/elementwise.h"

namespace gradus {

Traits LagBias::traits() const {
  Traits t = traits_;
  if (label_width() > 1) t.hooks = kScoreBias;
  return t;
}

std::optional<Var> LagBias::lag_bias(const Tensor& delta, Pass& pass) const {
  if (label_width() > 1) return std::nullopt;
  const ScopeGuard scope = enter(pass);
  return bias(0, delta).named("lag_bias");
}

std::optional<Var> LagBias::score_bias(const Var&, const Var&, const Positions& positions,
                                       Pass& pass) const {
  if (label_width() == 1) return std::nullopt;
  const ScopeGuard scope = enter(pass);
  const Tensor labels = checked_labels(positions);
  Var total = bias(0, lags(labels, positions, 0));
  for (int64 c = 1; c < label_width(); ++c) total = total + bias(c, lags(labels, positions, c));
  return transpose(total, 0, 1).named("score_bias");  // [H,B|1,Nq,Nk] -> [B|1,H,Nq,Nk]
}

std::optional<Interaction> LagBias::interaction(const Tensor& p_m, const Tensor& p_n) const {
  const Tensor lag = sub(p_m, p_n);
  Tensor gamma = zeros({shape().heads}, DType::f64);
  for (int64 c = 0; c < label_width(); ++c)
    gamma = add(gamma, cast(bias(c, select(lag, 0, c)).value(), DType::f64));
  return Interaction{.g = mul(unit_products(), content_factor()),
                     .alpha = {},
                     .beta = {},
                     .gamma = mul(gamma, std::sqrt(static_cast<double>(shape().head_dim())))};
}

Var LagBias::per_head(const Var& of_heads, const Tensor& delta) {
  Shape shape = Shape::of_rank(delta.rank() + 1, 1);
  shape[0] = of_heads.size(0);
  return reshape(of_heads, shape);
}

}  // namespace gradus
