#include "pe/kernel_view_toy.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tensor/index.h"

namespace gradus {

namespace {

constexpr double kDegree = std::numbers::pi / 180;
constexpr double kDeviation = 7.8;  // degrees

double context_degrees(std::size_t point) {
  return 30.0 * static_cast<double>(1 + point / static_cast<std::size_t>(kToyContexts));
}

std::vector<double> all_contexts() {
  std::vector<double> xi;
  for (std::size_t j = 0; j < kToyPoints; ++j) xi.push_back(context_degrees(j) * kDegree);
  return xi;
}

}  // namespace

ToyPoints paper_toy_points() {
  ToyPoints p;
  for (double psi : {36.68,  25.14,  11.32,  29.61,  34.50,  55.52,  57.49,  53.82,  64.50,
                     49.75,  102.15, 95.89,  91.51,  89.70,  104.21, 123.63, 113.58, 120.65,
                     125.61, 111.37, 157.87, 148.00, 153.13, 151.36, 133.79})
    p.content.push_back(psi * kDegree);
  p.context = all_contexts();
  p.query_content = 95 * kDegree;
  p.query_context = 90 * kDegree;
  return p;
}

ToyPoints random_toy_points(std::uint64_t seed) {
  Rng rng = Rng(seed).stream("toy");
  const std::vector<double> away =
      normal(rng, {kToyPoints}, 0, kDeviation, DType::f64).to_vector<double>();
  ToyPoints p;
  for (std::size_t j = 0; j < away.size(); ++j)
    p.content.push_back((context_degrees(j) + away[j]) * kDegree);
  p.context = all_contexts();
  const auto query = static_cast<std::size_t>(kToyContexts / 2 * kToyContexts);
  p.query_content = p.content[query];
  p.query_context = p.context[query];
  return p;
}

double toy_frequency(int64 row) {
  return static_cast<double>(row) / static_cast<double>(kToyFrequencies - 1);
}

std::vector<std::string> toy_settings(const EncodingDef& def) {
  // A kernel of random frequencies has a length in their place.
  const auto has = [&def](std::string_view option) {
    return std::any_of(def.options.begin(), def.options.end(),
                       [option](const OptionInfo& o) { return o.name == option; });
  };
  if (has("length") && has("samples")) return {"length=1"};
  std::vector<std::string> set;
  for (const char* option : {"pooled", "phases", "gains"})
    if (has(option)) set.push_back(std::string(option) + "=false");
  if (has("codes")) set.emplace_back("codes=sine");
  std::vector<std::string> turning = set;
  turning.emplace_back("frequencies=1");
  const KernelView view(def, {.head_dim = 2, .set = set, .label_width = 1});
  return view.frequencies().defined() ? turning : set;
}

namespace {

/// Of random codes the mean over draws: q^T G k of its closed form.
Tensor mean_scores(const KernelView& view, const ToyPoints& points, double f) {
  const std::vector<double> q = {std::cos(points.query_content), std::sin(points.query_content)};
  std::vector<double> scores;
  for (std::size_t j = 0; j < kToyPoints; ++j) {
    const std::vector<double> k = {std::cos(points.content[j]), std::sin(points.content[j])};
    const std::vector<double> g =
        view.mean_interaction({f * points.query_context}, {f * points.context[j]})
            ->g.to_vector<double>();
    scores.push_back(q[0] * (g[0] * k[0] + g[1] * k[1]) + q[1] * (g[2] * k[0] + g[3] * k[1]));
  }
  return from_values(scores, {kToyPoints});
}

}  // namespace

Tensor toy_scores(const EncodingDef& def, const ToyPoints& points) {
  const KernelView view(def, {.head_dim = 2, .set = toy_settings(def), .label_width = 1});
  const Traits t = view.encoding().traits();
  const char* why =
      t.uniform_only || !t.takes_any_label ? "it takes time only"
      : t.whole_labels ? "it has a number for each whole label or lag, and none between"
      : !view.interaction({0}, {0}) ? "its scores depend on the tokens between the two"
                                    : nullptr;
  check<ConfigError>(!why, "{}: {}; the toy study has pairs with labels f xi, any real numbers",
                     def.name, why ? why : "");
  const int64 n = kToyPoints + 1;  // the query comes last
  std::vector<double> q, k;
  for (std::size_t j = 0; j < static_cast<std::size_t>(n); ++j) {
    const double psi = j < kToyPoints ? points.content[j] : points.query_content;
    q.push_back(std::cos(points.query_content)), q.push_back(std::sin(points.query_content));
    k.push_back(std::cos(psi)), k.push_back(std::sin(psi));
  }
  const Tensor queries = from_values(q, {1, n, 2}), keys = from_values(k, {1, n, 2});
  std::vector<Tensor> rows;
  for (int64 row = 0; row < kToyFrequencies; ++row) {
    if (t.stochastic) {
      rows.push_back(mean_scores(view, points, toy_frequency(row)));
      continue;
    }
    std::vector<double> labels;
    for (double xi : points.context) labels.push_back(toy_frequency(row) * xi);
    labels.push_back(toy_frequency(row) * points.query_context);
    const Tensor a = view.scores(queries, keys, from_values(labels, {n, 1}));
    rows.push_back(contiguous(slice(select(select(a, 0, 0), 0, kToyPoints), 0, 0, kToyPoints)));
  }
  return stack(rows, 0);
}

double toy_gap(const Tensor& scores, const ToyPoints& points, int64 row) {
  const std::vector<double> a = select(scores, 0, row).to_vector<double>();
  double same = 0, other = 0;
  int same_count = 0, other_count = 0;
  for (std::size_t j = 0; j < a.size(); ++j)
    if (points.context[j] == points.query_context)
      same += a[j], ++same_count;
    else
      other += a[j], ++other_count;
  return same / same_count - other / other_count;
}

}  // namespace gradus
