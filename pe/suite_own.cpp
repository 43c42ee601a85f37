#include "pe/suite_own.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"

namespace gradus::suite {

// ---- other options ------------------------------------------------------------------------------

Options with_settings(Options options, std::initializer_list<const char*> settings) {
  for (const char* s : settings) options.set(s);
  return options;
}

SuiteSubject variant(const SuiteSubject& s, const Options& options, EncodingShape shape) {
  SuiteSubject v;
  v.name = s.name;
  v.options = options;
  v.with = s.with;
  v.make = s.with(options);
  v.shape = shape;
  v.any_size = s.any_size;
  Options read = options;
  const auto tracks = static_cast<int64>(build(v)->tracks().size());
  v.label_width = read.integer("width", std::max<int64>(tracks, 1), 1, 4096);
  return v;
}

std::unique_ptr<PositionalEncoding> build_variant(const SuiteSubject& s,
                                                  std::initializer_list<const char*> settings,
                                                  EncodingShape shape, DType dtype) {
  return s.with(with_settings({}, settings))(Build("pe", Rng(1), dtype), shape);
}

std::unique_ptr<PositionalEncoding> build_other(std::string_view name, const Options& options,
                                                EncodingShape shape) {
  return make_encoding(name, options)(Build("other", Rng(2), DType::f64), shape);
}

// ---- state --------------------------------------------------------------------------------------

namespace {

std::string path_of(const StateDict& state, std::string_view name) {
  std::string found;
  const std::string ending = fmt::format("/{}", name);
  for (const auto& [path, value] : state)
    if (path.ends_with(ending) && (found.empty() || path.size() < found.size())) found = path;
  check<ConfigError>(!found.empty(), "no parameter or buffer '{}'", name);
  return found;
}

}  // namespace

Tensor state_of(const PositionalEncoding& e, std::string_view name) {
  const StateDict state = e.state();
  return state.at(path_of(state, name));
}

void set_state(PositionalEncoding& e, std::string_view name, const Tensor& value) {
  StateDict state = e.state();
  state.at(path_of(state, name)) = value;
  e.load(state);
}

void copy_state(PositionalEncoding& to, const PositionalEncoding& from, std::string_view before) {
  StateDict state = to.state();
  for (auto& [path, value] : state)
    value = state_of(from, fmt::format("{}{}", before, path.substr(path.find('/') + 1)));
  to.load(state);
}

// ---- tokens -------------------------------------------------------------------------------------

Tensor random_normal(std::uint64_t seed, const Shape& shape) {
  Rng rng = Rng(seed).stream("own");
  return normal(rng, shape, 0, 1, DType::f64);
}

Positions labels_of(const PositionalEncoding& e, const Numbers& labels, int64 width) {
  const auto n = static_cast<int64>(labels.size()) / width;
  return positions_for(e, from_values(labels, {1, n, width}), e.kind());
}

Numbers lag_biases(const PositionalEncoding& e, const Numbers& lags) {
  Pass pass = Pass::eval();
  const auto b = e.lag_bias(from_values(lags, {static_cast<int64>(lags.size())}), pass);
  check<ConfigError>(b.has_value(), "there is no bias by lag");
  return cast(b->value(), DType::f64).to_vector<double>();
}

Tensor score_biases(const PositionalEncoding& e, const Tensor& q, const Tensor& k,
                    const Positions& p) {
  Pass pass = Pass::eval();
  const auto b = e.score_bias(Var(q), Var(k), p, pass);
  check<ConfigError>(b.has_value(), "there is no bias of scores");
  return b->value();
}

Numbers raw_scores(const PositionalEncoding& e, const Tensor& q, const Tensor& k,
                   const Numbers& p_m, const Numbers& p_n) {
  Numbers both = p_m;
  both.insert(both.end(), p_n.begin(), p_n.end());
  const int64 h = e.shape().heads, d = e.shape().head_dim();
  const auto twice = [&](const Tensor& x) {
    return contiguous(broadcast_to(reshape(x, {1, h, 1, d}), {1, h, 2, d}));
  };
  const Tensor all =
      scores(e, {{}, twice(q), twice(k)}, labels_of(e, both, static_cast<int64>(p_m.size()))).value;
  return mul(contiguous(select(select(select(all, 0, 0), 1, 0), 1, 1)),
             std::sqrt(static_cast<double>(d)))
      .to_vector<double>();
}

// ---- comparing ----------------------------------------------------------------------------------

void Worst::include(double got, double expected, std::string_view what) {
  const double error = std::abs(got - expected) / std::max(1.0, std::abs(expected));
  if (!(error <= error_)) {
    error_ = std::isnan(error) ? HUGE_VAL : error;
    what_ =
        fmt::format("{}{}{:.6g} in place of {:.6g}", what, what.empty() ? "" : ": ", got, expected);
  }
}

void Worst::include(const Numbers& got, const Numbers& expected, std::string_view what) {
  if (got.size() != expected.size())
    return include(static_cast<double>(got.size()), HUGE_VAL,
                   fmt::format("{}: {} numbers in place of {}", what, got.size(), expected.size()));
  for (std::size_t i = 0; i < got.size(); ++i) include(got[i], expected[i], what);
}

void Worst::include(const Tensor& got, const Tensor& expected, std::string_view what) {
  const double error = error_of(got, expected);
  if (!(error <= error_)) {
    error_ = std::isnan(error) ? HUGE_VAL : error;
    what_ = fmt::format("{}{}differs by {:.3g}", what, what.empty() ? "" : ": ", error);
  }
}

Finding Worst::within(double tolerance) const {
  return error_ <= tolerance ? holds_within(error_) : broken(what_);
}

Finding prove_non_negative(const SuiteSubject& s) {
  const auto e = build(s);
  const Inputs in = random_inputs(s, 41, 1, 6);
  Pass pass = Pass::eval();
  const Positions p = positions_of(s, *e, random_labels(s, *e, 41, 1, 6));
  const QueryKey t = with_scales(e->transform_features(Var(abs(in.q)), Var(abs(in.k)), p, pass));
  const double smallest = std::min(min(t.q.value()).item(), min(t.k.value()).item());
  if (smallest >= 0) return holds(fmt::format("the smallest is {:.1g}", smallest));
  return broken(fmt::format("non-negative features become {:.3g}", smallest));
}

double smallest_pivot(const Numbers& b, std::size_t n) {
  const auto at = [&](std::size_t i, std::size_t j) { return b[i * n + j]; };
  std::vector<Numbers> m(n - 1, Numbers(n - 1));
  double size = 0, smallest = 1;
  for (std::size_t i = 1; i < n; ++i)
    for (std::size_t j = 1; j < n; ++j) {
      m[i - 1][j - 1] = at(i, j) - at(i, 0) - at(0, j) + at(0, 0);
      size = std::max(size, std::abs(m[i - 1][j - 1]));
    }
  for (std::size_t i = 0; i < m.size(); ++i) m[i][i] += 1e-9 * size;
  for (std::size_t i = 0; i < m.size(); ++i) {  // Gauss: m = L D L^T
    if (!(m[i][i] > 0)) return m[i][i] / size;
    smallest = std::min(smallest, m[i][i] / size);
    for (std::size_t j = i + 1; j < m.size(); ++j) {
      const double factor = m[j][i] / m[i][i];
      for (std::size_t l = i; l < m.size(); ++l) m[j][l] -= factor * m[i][l];
    }
  }
  return smallest;
}

}  // namespace gradus::suite
