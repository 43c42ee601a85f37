#include "pe/structure.h"

#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/index.h"

namespace gradus {

Tensor structural_frequencies(int64 width, double base) {
  std::vector<double> f;
  for (int64 c = 0; c < width; ++c)
    f.push_back(
        std::pow(base, -2.0 * static_cast<double>((c + 1) / 2) / static_cast<double>(width)));
  return from_values(f, {width});
}

Tensor structural_frequencies(int64 width, const std::vector<double>& bases) {
  std::vector<Tensor> columns;
  for (double base : bases) columns.push_back(structural_frequencies(width, base));
  return unsqueeze(stack(columns, 1), 0);
}

Var structural_code(const Tensor& values, const Var& frequencies) {
  const int64 width = frequencies.size(0);
  std::vector<double> odd;
  for (int64 c = 0; c < width; ++c) odd.push_back(static_cast<double>(c % 2));
  const Var theta = phase(frequencies, Var(unsqueeze(values, 1)), DType::f64);
  return where(Var(cast(from_values(odd, {width}), DType::u8)), cos(theta), sin(theta));
}

std::vector<double> per_structure(Options& options, const std::string& key,
                                  const LabelConfig& labels,
                                  double (*by_name)(std::string_view track), double low,
                                  double high) {
  const std::vector<double> given = options.reals(key, {});
  const auto count = static_cast<std::size_t>(labels.width);
  check<ConfigError>(given.size() <= 1 || given.size() == count,
                     "{}: option '{}' has {} numbers; give one for all, or {}: one for each number "
                     "of the labels",
                     options.where(), key, given.size(), count);
  for (double x : given)
    check<ConfigError>(x >= low && x <= high, "{}: option '{}' holds {}; allowed are {} to {}",
                       options.where(), key, x, low, high);
  std::vector<double> list;
  for (std::size_t i = 0; i < count; ++i)
    list.push_back(given.empty() ? by_name(labels.tracks[labels.tracks.size() == count ? i : 0])
                                 : given[i % given.size()]);
  return list;
}

double structural_base(std::string_view track) {
  if (track == "melody") return 7920;
  if (track == "tempo") return 9919;
  if (track == "chord") return 10001;
  return track == "section" ? 11339 : 10000;
}

StructuralScores::StructuralScores(const Build& build, EncodingShape shape, StructuralConfig config,
                                   LabelValues values)
    : LabelEncoding(build, shape, config.labels, values),
      config_(std::move(config)),
      layer_(child("layer"), shape.d_model, shape.d_model) {
  for (int64 c = 0; c < label_width(); ++c) {
    const std::string name = fmt::format("table{}", c);
    if (config_.codes == StructureCodes::learned) {
      const auto clip = static_cast<int64>(config_.clips[static_cast<std::size_t>(c)]);
      tables_.push_back(&parameter(
          name, init::normal_values(rng(name), {2 * clip + 1, shape.d_model},
                                    1 / std::sqrt(static_cast<double>(shape.d_model)), dtype())));
    }
    structures_.push_back(std::make_unique<Linear>(child(fmt::format("structure{}", c)),
                                                   shape.d_model, shape.d_model));
  }
}

Tensor StructuralScores::own_frequencies() const {
  if (config_.codes == StructureCodes::learned) return {};
  return structural_frequencies(shape().d_model, config_.bases);
}

Var StructuralScores::scaled_queries(const Var& q) const {
  return q * (1 / std::sqrt(static_cast<double>(shape().head_dim())));
}

Var StructuralScores::project(const Linear& part, const Var& code, Pass& pass) const {
  return split_rows(layer_(part(code, pass), pass), shape().heads);
}

Var StructuralScores::structure_rows(const Tensor& lags, int64 column, Pass& pass) const {
  const auto c = static_cast<std::size_t>(column);
  if (config_.codes == StructureCodes::sine) {
    const Var f =
        frequencies_of_label(column, structural_frequencies(shape().d_model, config_.bases[c]));
    return project(*structures_[c], cast(structural_code(lags, f), dtype()).named("code"), pass);
  }
  const auto clip = static_cast<int64>(config_.clips[c]);
  return project(*structures_[c], take_rows(**tables_[c], Var(clipped(lags, -clip, clip))), pass);
}

Var StructuralScores::structure_scores(const Var& scaled, const Tensor& labels,
                                       const Positions& positions, Pass& pass) const {
  Var total;
  for (int64 c = 0; c < label_width(); ++c) {
    const DistinctLags distinct = distinct_lags(lags(labels, positions, c));
    const Var s = row_scores(scaled, structure_rows(distinct.lags, c, pass), distinct.index);
    total = c == 0 ? s : total + s;
  }
  return total;
}

}  // namespace gradus
