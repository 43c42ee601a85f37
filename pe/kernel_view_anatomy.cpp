// The anatomy of an interaction: how many functions of the labels, of what rank, of which symmetry.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "pe/kernel_view_interaction.h"

namespace gradus {

namespace {

constexpr double kNothing = 1e-8;       // of the largest: rounding
constexpr double kProportional = 1e-5;  // what a multiple may leave: parts by lag and sum are
                                        // found by rounds, to some 1e-7

using Row = std::vector<double>;

/// The number of rows that no others combine to.
int64 rank_of(std::vector<Row> rows) {
  const auto size = [](const Row& r) {
    double s = 0;
    for (double x : r) s += x * x;
    return s;
  };
  double largest = 0;
  for (const Row& r : rows) largest = std::max(largest, size(r));
  int64 rank = 0;
  while (!rows.empty()) {
    const auto pivot = std::max_element(
        rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return size(a) < size(b); });
    const double s = size(*pivot);
    if (!(s > largest * kNothing * kNothing)) break;
    ++rank;
    const Row p = *pivot;
    rows.erase(pivot);
    for (Row& r : rows) {
      double dot = 0;
      for (std::size_t i = 0; i < r.size(); ++i) dot += r[i] * p[i];
      for (std::size_t i = 0; i < r.size(); ++i) r[i] -= dot / s * p[i];
    }
  }
  return rank;
}

struct Cells {
  std::size_t n = 0;
  bool later_keys = true;
  bool used(std::size_t cell) const { return later_keys || cell % n <= cell / n; }
  std::size_t lag(std::size_t cell) const { return cell / n + n - 1 - cell % n; }
  std::size_t sum(std::size_t cell) const { return cell / n + cell % n; }
};

/// x averaged over the used cells of each class.
template <class ClassOf>
Row class_means(const Row& x, const Cells& cells, ClassOf class_of) {
  std::map<std::size_t, std::pair<double, int>> sums;
  for (std::size_t c = 0; c < x.size(); ++c)
    if (cells.used(c)) sums[class_of(c)].first += x[c], ++sums[class_of(c)].second;
  Row out(x.size(), 0.0);
  for (std::size_t c = 0; c < x.size(); ++c)
    if (cells.used(c)) out[c] = sums[class_of(c)].first / sums[class_of(c)].second;
  return out;
}

double energy(const Row& x, const Cells& cells) {
  double s = 0;
  for (std::size_t c = 0; c < x.size(); ++c)
    if (cells.used(c)) s += x[c] * x[c];
  return s;
}

Row minus(Row a, const Row& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

/// x = u(lag) + v(sum) + rest, u and v of mean 0 over cells of either parity of the lag: what they
/// could exchange.
struct Split {
  Row mean, u, v;
  double of_lag = 0, of_sum = 0, left = 0;  // energies
};

Split split_of(const Row& x, const Cells& cells) {
  const auto lag = [&](std::size_t c) { return cells.lag(c); };
  const auto sum = [&](std::size_t c) { return cells.sum(c); };
  const auto parity = [&](std::size_t c) { return (cells.lag(c) + cells.n - 1) % 2; };
  Split s;
  s.mean = class_means(x, cells, [](std::size_t) { return std::size_t{0}; });
  const Row away = minus(x, s.mean);
  s.of_lag = energy(class_means(away, cells, lag), cells);
  s.of_sum = energy(class_means(away, cells, sum), cells);
  Row u(x.size(), 0.0), v(x.size(), 0.0);
  const double whole = energy(away, cells);
  double before = whole;
  for (int round = 0; round < 2000; ++round) {
    u = class_means(minus(away, v), cells, lag);
    v = class_means(minus(away, u), cells, sum);
    s.left = energy(minus(minus(away, u), v), cells);
    if (before - s.left <= 1e-18 * whole) break;
    before = s.left;
  }
  s.u = minus(u, class_means(u, cells, parity));
  s.v = minus(v, class_means(v, cells, parity));
  return s;
}

// ---- which products meet which function ---------------------------------------------------------

struct Cluster {
  Encounter shown;
  Row function;
};

std::string product_name(std::size_t i, std::size_t j, std::size_t d) {
  if (i == d && j == d) return "1";
  if (j == d) return fmt::format("q{}", i + 1);
  if (i == d) return fmt::format("k{}", j + 1);
  return fmt::format("q{} k{}", i + 1, j + 1);
}

/// b as a multiple of a, or 0.
double multiple(const Row& a, const Row& b, const Cells& cells) {
  double dot = 0;
  for (std::size_t c = 0; c < a.size(); ++c)
    if (cells.used(c)) dot += a[c] * b[c];
  const double factor = dot / energy(a, cells);
  Row rest = b;
  for (std::size_t c = 0; c < a.size(); ++c) rest[c] -= factor * a[c];
  return energy(rest, cells) <= kProportional * kProportional * energy(b, cells) ? factor : 0;
}

/// "0.5 " before a product; nothing for 1, as near as functions of one kind are told apart.
std::string factor_text(double size) {
  if (std::abs(size - 1) <= kProportional) return "";
  const std::string text = fmt::format("{:.3g} ", size);
  return text == "1 " ? fmt::format("{:.6g} ", size) : text;
}

void meet(std::vector<Cluster>& clusters, Encounter::Depends on, const Row& function,
          const std::string& product, bool up_to_a_constant, const Cells& cells) {
  for (Cluster& c : clusters) {
    if (c.shown.on != on || c.shown.up_to_a_constant != up_to_a_constant) continue;
    const double factor = multiple(c.function, function, cells);
    if (factor == 0) continue;
    c.shown.products += (factor < 0 ? " - " : " + ") + factor_text(std::abs(factor)) + product;
    return;
  }
  clusters.push_back({{on, product, 0, {}, up_to_a_constant}, function});
}

void finish(Cluster& c, const Cells& cells) {
  const std::size_t n = cells.n;
  double count = 0;
  for (std::size_t i = 0; i < c.function.size(); ++i) count += cells.used(i);
  c.shown.size = std::sqrt(energy(c.function, cells) / count);
  for (std::size_t i = 0; i < std::min<std::size_t>(n, 6); ++i) {
    // By lag: the first key. By sum: rows i of the first key. Otherwise: likewise.
    c.shown.values.push_back(c.function[i * n]);
    if (c.shown.on == Encounter::Depends::constant) break;
  }
}

}  // namespace

InteractionAnatomy interaction_anatomy(const InteractionGrid& grid) {
  InteractionAnatomy a;
  const Cells cells{grid.labels.size(), grid.later_keys};
  const std::size_t n = cells.n, d = static_cast<std::size_t>(grid.d), side = d + 1;
  const std::vector<double> m = grid.best().to_vector<double>();
  const auto entry = [&](std::size_t i, std::size_t j) {
    Row x(n * n);
    for (std::size_t c = 0; c < n * n; ++c) x[c] = m[(c * side + i) * side + j];
    return x;
  };
  double largest = 0, all = 0, asymmetric = 0, constant = 0, of_lag = 0, of_sum = 0, left = 0;
  std::vector<Row> functions;
  for (std::size_t i = 0; i < side; ++i)
    for (std::size_t j = 0; j < side; ++j) largest = std::max(largest, energy(entry(i, j), cells));
  std::vector<Cluster> clusters;
  for (std::size_t i = 0; i < side; ++i)
    for (std::size_t j = 0; j < side; ++j) {
      const Row x = entry(i, j);
      const double e = energy(x, cells);
      if (!(e > largest * kNothing * kNothing)) continue;
      (i < d && j < d ? void(++a.products) : void(a.single = true));
      if (i < d && j < d) {
        Row seen;
        for (std::size_t c = 0; c < x.size(); ++c)
          if (cells.used(c)) seen.push_back(x[c]);
        functions.push_back(std::move(seen));
      }
      const Split s = split_of(x, cells);
      const double mean = energy(s.mean, cells), varying = e - mean;
      all += e, constant += mean, of_lag += s.of_lag, of_sum += s.of_sum, left += s.left;
      for (std::size_t c = 0; c < x.size(); ++c) {
        const double swapped = x[c % n * n + c / n];
        asymmetric += (x[c] - swapped) * (x[c] - swapped) / 4;
      }
      using Depends = Encounter::Depends;
      const std::string name = product_name(i, j, d);
      constexpr double kExact = 1e-10;
      if (varying <= kExact * e) {
        meet(clusters, Depends::constant, s.mean, name, false, cells);
      } else if (varying - s.of_lag <= kExact * varying) {
        meet(clusters, Depends::difference, x, name, false, cells);
      } else if (varying - s.of_sum <= kExact * varying) {
        meet(clusters, Depends::sum, x, name, false, cells);
      } else if (s.left <= kExact * varying) {
        meet(clusters, Depends::difference, s.u, name, true, cells);
        meet(clusters, Depends::sum, s.v, name, true, cells);
      } else {
        meet(clusters, Depends::both, x, name, false, cells);
      }
    }
  a.functions = rank_of(functions);
  for (std::size_t c = 0; c < n * n; ++c) {
    if (!cells.used(c)) continue;
    std::vector<Row> g;
    for (std::size_t i = 0; i < d; ++i) {
      const double* row = &m[(c * side + i) * side];
      g.emplace_back(row, row + d);
    }
    a.rank = std::max(a.rank, rank_of(std::move(g)));
  }
  const double nan = std::numeric_limits<double>::quiet_NaN();
  a.antisymmetric = !grid.later_keys ? nan : all > 0 ? asymmetric / all : 0;
  a.symmetric = 1 - a.antisymmetric;
  a.constant = all > 0 ? constant / all : 1;
  const double varying = all - constant;
  const bool varies = varying > 1e-12 * all;
  a.difference = varies ? of_lag / varying : nan;
  a.sum = varies ? of_sum / varying : nan;
  a.together = varies ? 1 - left / varying : nan;
  for (Cluster& c : clusters) finish(c, cells), a.encounters.push_back(c.shown);
  std::stable_sort(a.encounters.begin(), a.encounters.end(),
                   [](const Encounter& x, const Encounter& y) { return x.on < y.on; });

  // Reflection: pair by pair of coordinates, k about q; the label n about m.
  if (!grid.later_keys) {
    a.reflection = nan;
    return a;
  }
  Rng rng = Rng(1).stream("reflection");
  double change = 0, size = 0;
  for (int draw = 0; draw < 64; ++draw) {
    Row q = normal(rng, {grid.d}, 0, 1, DType::f64).to_vector<double>(),
        k = normal(rng, {grid.d}, 0, 1, DType::f64).to_vector<double>();
    q.push_back(1), k.push_back(1);
    Row mirrored = k;
    for (std::size_t i = 0; i + 1 < d; i += 2) {
      const double scale =
          2 * (q[i] * k[i] + q[i + 1] * k[i + 1]) / (q[i] * q[i] + q[i + 1] * q[i + 1]);
      mirrored[i] = scale * q[i] - k[i], mirrored[i + 1] = scale * q[i + 1] - k[i + 1];
    }
    const auto score = [&](std::size_t row, std::size_t column, const Row& key) {
      double s = 0;
      for (std::size_t i = 0; i < side; ++i)
        for (std::size_t j = 0; j < side; ++j)
          s += q[i] * m[((row * n + column) * side + i) * side + j] * key[j];
      return s;
    };
    for (std::size_t c = 0; c < n; ++c)
      for (std::size_t e = 0; e <= std::min(c, n - 1 - c); ++e) {
        const double x = score(c, c + e, k), y = score(c, c - e, mirrored);
        change += (x - y) * (x - y), size += x * x;
      }
  }
  a.reflection = size > 0 ? std::sqrt(change / size) : 0;
  return a;
}

}  // namespace gradus
