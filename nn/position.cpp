#include "nn/position.h"

#include <cmath>
#include <unordered_set>

#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/text.h"

namespace gradus {

std::string_view name(TrackKind kind) {
  constexpr std::string_view names[] = {"time", "token", "bit", "real"};
  return names[static_cast<int>(kind)];
}

std::string_view name(Cost c) {
  constexpr std::string_view names[] = {"linear", "n log n", "quadratic"};
  return names[static_cast<int>(c)];
}

std::string_view name(Relative r) {
  constexpr std::string_view names[] = {"exactly", "in the mean", "no"};
  return names[static_cast<int>(r)];
}

QueryKey with_scales(const QueryKey& t) {
  if (!t.query_scale.defined()) return t;
  const auto scaled = [](const Var& x, const Tensor& log) {
    return x * Var(cast(exp(log), x.dtype()));
  };
  return {scaled(t.q, t.query_scale), scaled(t.k, t.key_scale)};
}

namespace {

/// The columns that `name` stands for: the track itself, or name.0, name.1, ...
void add_columns(const std::vector<Track>& tracks, const std::string& name, std::string_view who,
                 std::vector<int64>& columns) {
  const std::size_t before = columns.size();
  const auto find = [&](const std::string& wanted) {
    for (std::size_t i = 0; i < tracks.size(); ++i)
      if (tracks[i].name == wanted) {
        columns.push_back(static_cast<int64>(i));
        return true;
      }
    return false;
  };
  if (find(name)) return;
  for (int part = 0; find(fmt::format("{}.{}", name, part)); ++part) {
  }
  if (columns.size() > before) return;
  std::vector<std::string> known;
  for (const Track& t : tracks) {
    const std::size_t dot = t.name.find('.');
    std::string base = t.name.substr(0, dot);
    if (known.empty() || known.back() != base) known.push_back(std::move(base));
  }
  fail<ConfigError>("'{}' reads the label '{}', which these positions do not have; they have {}{}",
                    who, name, known.empty() ? "none" : join(known), did_you_mean(name, known));
}

/// Every value of a track is one that its kind allows.
void check_track(const Tensor& labels, int64 column, const Track& track) {
  const std::vector<double> values = select(labels, -1, column).to_vector<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = values[i];
    bool ok = std::isfinite(v);
    std::string allowed = "a finite number";
    if (track.kind == TrackKind::bit) {
      ok = v == 0 || v == 1;
      allowed = "0 or 1";
    } else if (track.kind == TrackKind::token) {
      ok = ok && v == std::floor(v) && (track.values == 0 || v < static_cast<double>(track.values));
      allowed = "an integer";
      if (track.values > 0) {
        ok = ok && v >= 0;
        allowed = fmt::format("an integer from 0 to {}", track.values - 1);
      }
    }
    check<IndexError>(ok, "label '{}' of token {} is {}; a {} track allows {}", track.name,
                      static_cast<int64>(i) % labels.size(1), v, name(track.kind), allowed);
  }
}

/// The same step between all neighbours of all sequences, up to rounding.
bool equal_steps(const Tensor& labels) {
  const int64 batch = labels.size(0), n = labels.size(1);
  if (n < 2 || batch == 0) return true;
  const std::vector<double> p = labels.to_vector<double>();
  const double step = p[1] - p[0];
  for (int64 b = 0; b < batch; ++b)
    for (int64 i = 1; i < n; ++i) {
      const std::size_t at = static_cast<std::size_t>(b * n + i);
      const double size = std::max({std::abs(p[at]), std::abs(p[at - 1]), std::abs(step)});
      if (!(std::abs(p[at] - p[at - 1] - step) <= 1e-12 * size)) return false;
    }
  return true;
}

}  // namespace

Tensor Positions::track_labels(const std::vector<std::string>& names, std::string_view who) const {
  std::vector<int64> columns;
  for (const std::string& n : names) add_columns(tracks, n, who, columns);
  const int64 count = static_cast<int64>(columns.size());
  if (count == 0) return slice(labels, -1, 0, 0);
  bool neighbours = true;
  for (std::size_t i = 1; i < columns.size(); ++i) neighbours &= columns[i] == columns[i - 1] + 1;
  if (neighbours) return slice(labels, -1, columns[0], columns[0] + count);
  std::vector<Tensor> parts;
  for (int64 c : columns) parts.push_back(slice(labels, -1, c, c + 1));
  return concat(parts, -1);
}

Tensor Positions::query_labels(const std::vector<std::string>& names, std::string_view who) const {
  return slice(track_labels(names, who), 1, query_begin, query_begin + query_count);
}

Positions Positions::rows(int64 begin, int64 count) const {
  check<IndexError>(begin >= 0 && count >= 0 && begin + count <= keys(),
                    "query rows {} to {} are not among the {} keys", begin, begin + count, keys());
  Positions p = *this;
  p.query_begin = begin;
  p.query_count = count;
  return p;
}

Positions time_positions(int64 n, bool causal) {
  check_shape(n >= 0, "positions of {} tokens: must be 0 or more", n);
  Positions p;
  p.labels = reshape(arange(0, static_cast<double>(n), 1, DType::f64), {1, n, 1});
  p.tracks = {{.name = "time", .kind = TrackKind::time, .values = 0}};
  p.query_count = n;
  p.causal = causal;
  p.uniform = true;
  return p;
}

Positions labelled_positions(Tensor labels, std::vector<Track> tracks, bool causal) {
  check_dtype(labels.dtype() == DType::f64, "labels are f64, got {}", labels);
  check_shape(labels.rank() == 3, "labels are [batch or 1, tokens, tracks], got {}",
              labels.shape());
  check_shape(labels.size(2) == static_cast<int64>(tracks.size()),
              "labels {} have {} tracks, {} are described", labels.shape(), labels.size(2),
              tracks.size());
  std::unordered_set<std::string> seen;
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    check<ConfigError>(!tracks[i].name.empty() && seen.insert(tracks[i].name).second,
                       "track {} has the name '{}': names are different words", i, tracks[i].name);
    check_track(labels, static_cast<int64>(i), tracks[i]);
  }
  Positions p;
  p.query_count = labels.size(1);
  p.causal = causal;
  p.uniform = tracks.size() == 1 && tracks[0].kind == TrackKind::time && equal_steps(labels);
  p.labels = std::move(labels);
  p.tracks = std::move(tracks);
  return p;
}

}  // namespace gradus
