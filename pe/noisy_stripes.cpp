#include "pe/noisy_stripes.h"

#include <cmath>

namespace gradus {

int64 read_realizations(Options& options) { return options.integer("realizations", 64, 1, 8192); }

NoisyStripes::NoisyStripes(const Build& build, EncodingShape shape, StripeConfig config,
                           int64 realizations, std::string_view who)
    : Stripes(build, shape, std::move(config), who),
      noise_(buffer("noise",
                    zeros({shape.heads, 2 * shape.head_dim() * sines(), realizations}, dtype()))) {
  Rng first = rng("noise");
  draw(first);
}

void NoisyStripes::draw(Rng& rng) {
  noise_.set(normal(rng, noise_.value().shape(), 0, 1, noise_.value().dtype()));
}

QueryKey NoisyStripes::transform(const Var& q, const Var& k, const Positions& positions,
                                 Pass& pass) const {
  const ScopeGuard scope = enter(pass);
  const TablePair t = tables(q, k, positions, shape().head_dim());
  const Weights w = weights(k.dtype());
  const Var noise(noise_.value());
  const Var shares = noise * (1 / std::sqrt(2 * static_cast<double>(noise.size(2))));
  return {modulate_and_mix(q, t.q, w.q, shares).named("q"),
          modulate_and_mix(k, t.k, w.k, shares).named("k")};
}

std::optional<Interaction> NoisyStripes::interaction(const Tensor& p_m, const Tensor& p_n) const {
  std::vector<double> halved = context(p_m, p_n);
  for (double& p : halved) p /= 2;
  return Interaction{.g = diagonals(halved, shape().heads), .alpha = {}, .beta = {}, .gamma = {}};
}

}  // namespace gradus
