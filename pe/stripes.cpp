#include "pe/stripes.h"

#include <array>
#include <cmath>
#include <numbers>

#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"

namespace gradus {

Parametrisation read_parametrisation(Options& options, int64 label_width) {
  return options.choice("parametrisation", label_width == 1 ? "sigmoid" : "free",
                        {"sigmoid", "free"}) == "sigmoid"
             ? Parametrisation::squashed
             : Parametrisation::free;
}

Tensor first_frequencies(const FrequencyConfig& config, Parametrisation parametrisation,
                         int64 heads, int64 count, int64 width, Rng rng, std::string_view who) {
  const Shape shape{heads, count, width};
  const bool squashed = parametrisation == Parametrisation::squashed;
  if (config.given.empty())
    return squashed ? normal(rng, shape, -4, 1, DType::f64)
                    : normal(rng, shape, 0, config.deviation, DType::f64);
  const Tensor f = initial_frequencies(config, heads, count, width, rng, who);
  if (!squashed) return f;
  std::vector<double> w = f.to_vector<double>();
  for (double& x : w) {
    check<ConfigError>(x > 0 && x < std::numbers::pi,
                       "{}: option 'frequencies' holds {}; with parametrisation = sigmoid they are "
                       "between 0 and pi, with free any number",
                       who, x);
    x = std::log(x / (std::numbers::pi - x));
  }
  return from_values(w, shape);
}

Var frequencies_of(const Var& stored, Parametrisation parametrisation) {
  if (parametrisation == Parametrisation::free) return stored;
  // In f64: at label 10^4 the rounding of an f32 frequency alone is a thousandth of a turn.
  return scale(sigmoid(cast(stored, DType::f64)), std::numbers::pi);
}

Var even_weights(const Var& table) {
  const int64 count = table.size(-1) / 2;
  const std::vector<Tensor> halves{ones({1, count}, table.dtype()),
                                   zeros({1, count}, table.dtype())};
  return Var(concat(halves, -1));
}

Tensor diagonals(const std::vector<double>& values, int64 heads) {
  const int64 d = static_cast<int64>(values.size()) / heads;
  return mul(from_values(values, {heads, 1, d}), eye(d, DType::f64));
}

StripeConfig StripeConfig::read(Options& o, bool vector) {
  StripeConfig c;
  c.labels = read_labels(o, vector);
  c.frequencies = read_frequencies(o, false);
  c.parametrisation = read_parametrisation(o, c.labels.width);
  c.sines = o.integer("sines", c.sines, 1, 4096);
  c.phases = o.flag("phases", c.phases);
  c.gains = o.flag("gains", c.gains);
  return c;
}

Stripes::Stripes(const Build& build, EncodingShape shape, StripeConfig config, std::string_view who)
    : AngleEncoding(build, shape, config.labels), config_(std::move(config)) {
  const int64 heads = shape.heads, d = shape.head_dim(), count = d * config_.sines;
  set_frequencies(first_frequencies(config_.frequencies, config_.parametrisation, heads, count,
                                    label_width(), rng("frequencies"), who),
                  Frequencies::learned);
  if (config_.phases) {
    Rng random = rng("phases");
    phases_ = &parameter("phases", normal(random, {heads, 1, count}, 0, 1, dtype()));
  }
  if (config_.gains) {
    Rng random = rng("gains");
    const Tensor w = normal(random, {heads, d, config_.sines}, 0, 1, DType::f64);
    const Tensor size = sqrt(norm(w, {-1}, Keep::yes));
    gains_ = &parameter("gains", cast(reshape(mul(div(w, size), 2), {heads, 1, count}), dtype()));
  }
}

Var Stripes::frequencies() const {
  return frequencies_of(stored_frequencies(), config_.parametrisation);
}

Var Stripes::gains() const { return softplus(**gains_); }

Stripes::Weights Stripes::weights(DType dtype) const {
  const int64 count = shape().head_dim() * config_.sines;
  const double share = 1 / std::sqrt(static_cast<double>(config_.sines));
  const Shape one{1, count}, all{shape().heads, count};
  const Var size = gains_ ? reshape(gains() * share, all) : Var(full(one, share, dtype));
  const auto joined = [](const Var& c, const Var& s) {
    return concat(std::array<Var, 2>{c, s}, -1);
  };
  Weights w;
  w.k = joined(size, Var(zeros(size.shape(), dtype)));
  if (!phases_) return {w.k, w.k};
  const Var theta = reshape(**phases_, all);
  w.q = joined(size * cos(theta), size * sin(theta));
  return w;
}

Stripes::Numbers Stripes::numbers() const {
  const auto count = static_cast<std::size_t>(shape().heads * shape().head_dim() * config_.sines);
  Numbers n{std::vector<double>(count, 1.0), std::vector<double>(count, 0.0)};
  if (gains_) n.gains = cast(gains().value(), DType::f64).to_vector<double>();
  if (phases_) n.phases = cast(phases_->value(), DType::f64).to_vector<double>();
  return n;
}

std::vector<double> Stripes::context(const Tensor& p_m, const Tensor& p_n) const {
  const std::vector<double> angle = angles_at(sub(p_m, p_n));
  const Numbers own = numbers();
  const auto sines = static_cast<std::size_t>(config_.sines);
  std::vector<double> p(angle.size() / sines, 0.0);
  for (std::size_t i = 0; i < angle.size(); ++i)
    p[i / sines] += own.gains[i] * own.gains[i] * std::cos(angle[i] + own.phases[i]) /
                    static_cast<double>(sines);
  return p;
}

Tensor Stripes::pooled_context(const Tensor& p_m, const Tensor& p_n) const {
  const std::vector<double> m = angles_at(p_m), n = angles_at(p_n);
  const Numbers own = numbers();
  const auto sines = static_cast<std::size_t>(config_.sines),
             d = static_cast<std::size_t>(shape().head_dim()),
             heads = static_cast<std::size_t>(shape().heads);
  std::vector<double> g(heads * d * d, 0.0);
  for (std::size_t row = 0; row < heads * d; ++row)
    for (std::size_t j = 0; j < d; ++j)
      for (std::size_t w = 0; w < sines; ++w) {
        const std::size_t a = row * sines + w, b = (row / d * d + j) * sines + w;
        g[row * d + j] += own.gains[a] * own.gains[b] * std::cos(m[a] + own.phases[a] - n[b]) /
                          static_cast<double>(sines);
      }
  return from_values(g, {shape().heads, shape().head_dim(), shape().head_dim()});
}

std::vector<OptionInfo> stripe_options(bool vector, const OptionInfo& more) {
  std::vector<OptionInfo> list{
      {"tracks", "time", vector ? "tracks" : "one track", "the labels that modulate"}};
  if (vector)
    list.push_back(
        {"width", "number of tracks", "1 to 4096", "numbers per label: 12 for a chroma vector"});
  for (const OptionInfo& o :
       {OptionInfo{"sines", "5", "1 to 4096", "frequencies a coordinate, N_f"},
        OptionInfo{"phases", "true", "true, false", "learned phases of the queries, or 0"},
        OptionInfo{"gains", "true", "true, false", "learned gains, or 1"},
        OptionInfo{"parametrisation", "sigmoid; free for vectors", "sigmoid, free",
                   "f = pi sigmoid(w), or f itself"},
        OptionInfo{"deviation", "0.5", "0 to 1e6", "of the first frequencies where they are free"},
        OptionInfo{"frequencies", "none", "list [d][w][label] or [head][d][w][label]",
                   "where the frequencies start"},
        more})
    list.push_back(o);
  return list;
}

}  // namespace gradus
