#include "pe/angles.h"

#include <cmath>

#include "tensor/text.h"

namespace gradus {

Tensor for_every_label(const Tensor& frequencies, int64 width) {
  const int64 count = frequencies.size(0);
  return contiguous(broadcast_to(reshape(frequencies, {1, count, 1}), {1, count, width}));
}

LabelConfig read_labels(Options& options, bool vector, const std::vector<std::string>& fallback) {
  LabelConfig c;
  c.tracks = options.words("tracks", fallback);
  const int64 count = static_cast<int64>(c.tracks.size());
  check<ConfigError>(count > 0, "{}: option 'tracks' is empty; name at least one label",
                     options.where());
  if (!vector) {
    check<ConfigError>(count == 1, "{} takes one label of one number, got the {} tracks {}",
                       options.where(), count, join(c.tracks));
    return c;
  }
  c.width = options.integer("width", count, count, 4096);
  return c;
}

FrequencyConfig read_frequencies(Options& options, bool base) {
  FrequencyConfig c;
  if (base) c.base = options.real("base", c.base, 1, 1e12);
  c.deviation = options.real("deviation", c.deviation, 0, 1e6);
  c.given = options.reals("frequencies", {});
  for (double f : c.given)
    check<ConfigError>(std::isfinite(f), "{}: option 'frequencies' holds {}; every one is finite",
                       options.where(), f);
  return c;
}

std::string even_sizes_near(int64 odd) {
  return odd > 1 ? fmt::format("{} or {}", odd - 1, odd + 1) : fmt::format("{}", odd + 1);
}

Tensor exponential_frequencies(int64 heads, int64 count, double base) {
  std::vector<double> f(static_cast<std::size_t>(heads * count));
  for (std::size_t j = 0; j < f.size(); ++j)
    f[j] = std::pow(base, -static_cast<double>(j) / static_cast<double>(f.size()));
  return from_values(f, {heads, count});
}

Tensor initial_frequencies(const FrequencyConfig& config, int64 heads, int64 count, int64 width,
                           Rng rng, std::string_view who) {
  const Shape shape{heads, count, width};
  if (!config.given.empty()) {
    const int64 given = static_cast<int64>(config.given.size()), one_head = count * width;
    check<ConfigError>(
        given == one_head || given == heads * one_head,
        "{}: option 'frequencies' has {} numbers; {} frequencies of {} number{} make {}{}", who,
        given, count, width, width == 1 ? "" : "s", one_head,
        heads == 1 ? std::string() : fmt::format(", or {} for {} heads", heads * one_head, heads));
    const Tensor list = from_values(config.given, {given / one_head, count, width});
    return contiguous(broadcast_to(list, shape));
  }
  if (width == 1) return reshape(exponential_frequencies(heads, count, config.base), shape);
  return normal(rng, shape, 0, config.deviation, DType::f64);
}

Var angles(const Var& frequencies, const Var& labels, DType dtype) {
  const int64 heads = frequencies.size(0), count = frequencies.size(1), width = frequencies.size(2);
  const Var p = unsqueeze(labels, 1);  // [B|1, 1, N, L]
  if (width == 1) return phase(reshape(frequencies, {heads, 1, count}), p, dtype);
  const Var sums = matmul(cast(p, DType::f64), transpose(cast(frequencies, DType::f64)));
  return phase(sums, constant(1, DType::f64), dtype);
}

}  // namespace gradus
