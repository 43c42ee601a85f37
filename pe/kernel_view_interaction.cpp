#include "pe/kernel_view_interaction.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/matmul.h"
#include "tensor/reduce.h"

namespace gradus {

namespace {

/// x of A x = B for a symmetric, positive definite A [K][K] and B [K][C], by Cholesky.
std::vector<double> solve(std::vector<double> a, std::vector<double> b, std::size_t k) {
  const std::size_t columns = b.size() / k;
  for (std::size_t j = 0; j < k; ++j) {
    for (std::size_t i = 0; i < j; ++i)
      for (std::size_t r = j; r < k; ++r) a[r * k + j] -= a[r * k + i] * a[j * k + i];
    const double pivot = std::sqrt(a[j * k + j]);
    for (std::size_t r = j; r < k; ++r) a[r * k + j] /= pivot;
  }
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < i; ++j)
      for (std::size_t c = 0; c < columns; ++c)
        b[i * columns + c] -= a[i * k + j] * b[j * columns + c];
    for (std::size_t c = 0; c < columns; ++c) b[i * columns + c] /= a[i * k + i];
  }
  for (std::size_t i = k; i-- > 0;) {
    for (std::size_t j = i + 1; j < k; ++j)
      for (std::size_t c = 0; c < columns; ++c)
        b[i * columns + c] -= a[j * k + i] * b[j * columns + c];
    for (std::size_t c = 0; c < columns; ++c) b[i * columns + c] /= a[i * k + i];
  }
  return b;
}

/// [B, d+1]: x and a 1.
Tensor with_one(const Tensor& x) {
  return concat(std::vector<Tensor>{x, ones({x.size(0), 1}, DType::f64)}, 1);
}

struct Regression {
  Tensor m;  // [N, N, d+1, d+1]
  double left = 0, total = 0;
};

Regression regress(const KernelView& view, const Tensor& labels, Rng& rng) {
  const int64 d = view.head_dim(), n = labels.size(0), k = (d + 1) * (d + 1), b = 4 * k;
  const Tensor q = normal(rng, {b, d}, 0, 1, DType::f64),
               key = normal(rng, {b, d}, 0, 1, DType::f64);
  const auto everywhere = [&](const Tensor& x) {
    return contiguous(broadcast_to(reshape(x, {b, 1, d}), {b, n, d}));
  };
  const Tensor a = reshape(view.scores(everywhere(q), everywhere(key), labels), {b, n * n});
  const Tensor x = reshape(mul(unsqueeze(with_one(q), 2), unsqueeze(with_one(key), 1)), {b, k});
  const Tensor left = matmul(transpose(x), x), right = matmul(transpose(x), a);
  const Tensor m = from_values(
      solve(left.to_vector<double>(), right.to_vector<double>(), static_cast<std::size_t>(k)),
      {k, n * n});
  const Tensor rest = sub(a, matmul(x, m));
  return {reshape(contiguous(transpose(m)), {n, n, d + 1, d + 1}),
          gradus::sum(mul(rest, rest)).item(), gradus::sum(mul(a, a)).item()};
}

std::optional<Tensor> closed_form(const KernelView& view, const std::vector<double>& labels) {
  const int64 d = view.head_dim(), n = static_cast<int64>(labels.size());
  const auto width = static_cast<std::size_t>(view.label_width()),
             side = static_cast<std::size_t>(d + 1);
  std::vector<double> out;
  for (double m : labels)
    for (double l : labels) {
      const auto closed =
          view.mean_interaction(std::vector<double>(width, m), std::vector<double>(width, l));
      if (!closed || closed->g.size(1) != d) return std::nullopt;
      std::vector<double> block(side * side, 0.0);
      const auto put = [&](const Tensor& t, auto&& at) {
        if (!t.defined()) return;
        const std::vector<double> v = t.to_vector<double>();
        for (std::size_t i = 0; i < v.size(); ++i) block[at(i)] = v[i];
      };
      const std::size_t inner = side - 1;
      put(closed->g, [&](std::size_t i) { return i / inner * side + i % inner; });
      put(closed->alpha, [&](std::size_t i) { return i * side + inner; });
      put(closed->beta, [&](std::size_t i) { return inner * side + i; });
      put(closed->gamma, [&](std::size_t) { return side * side - 1; });
      out.insert(out.end(), block.begin(), block.end());
    }
  return from_values(out, {n, n, d + 1, d + 1});
}

}  // namespace

double InteractionGrid::apart() const {
  return closed ? max_difference(*closed, measured) : std::numeric_limits<double>::quiet_NaN();
}

double InteractionGrid::apart_in_errors() const {
  if (!closed || standard_error == 0) return std::numeric_limits<double>::quiet_NaN();
  const Tensor away = sub(*closed, measured);
  return std::sqrt(mean(mul(away, away)).item()) / standard_error;
}

InteractionGrid interaction_grid(const KernelView& view, int64 from, int64 to, int64 codes) {
  InteractionGrid grid;
  const Traits t = view.encoding().traits();
  grid.d = view.head_dim();
  grid.later_keys = !t.causal_only;
  std::vector<double> wide;
  for (int64 p = from; p <= to; ++p) {
    grid.labels.push_back(static_cast<double>(p));
    wide.insert(wide.end(), static_cast<std::size_t>(view.label_width()), static_cast<double>(p));
  }
  const Tensor labels =
      from_values(wide, {static_cast<int64>(grid.labels.size()), view.label_width()});
  // Pairs that are never used may hold anything.
  const int64 n = static_cast<int64>(grid.labels.size());
  const Tensor column = arange(0, static_cast<double>(n), 1, DType::f64);
  const Tensor used = grid.later_keys
                          ? ones({n, n, 1, 1}, DType::u8)
                          : reshape(less_equal(column, unsqueeze(column, 1)), {n, n, 1, 1});
  const auto masked = [&](const Tensor& m) { return where(used, m, zeros_like(m)); };

  Rng rng = Rng(1).stream("interaction"), codes_rng = Rng(2).stream("codes");
  grid.codes = t.stochastic ? codes : 1;
  Tensor sum_m, sum_squares;
  double left = 0, total = 0;
  for (int64 i = 0; i < grid.codes; ++i) {
    if (t.stochastic) view.encoding().draw(codes_rng);
    const Regression r = regress(view, labels, rng);
    sum_m = i == 0 ? r.m : add(sum_m, r.m);
    sum_squares = i == 0 ? mul(r.m, r.m) : add(sum_squares, mul(r.m, r.m));
    left += r.left, total += r.total;
  }
  const auto count = static_cast<double>(grid.codes);
  if (const auto closed = closed_form(view, grid.labels)) grid.closed = masked(*closed);
  grid.measured = masked(mul(sum_m, 1 / count));
  grid.not_bilinear = total > 0 ? std::sqrt(left / total) : 0;
  if (grid.codes > 1) {
    const double squares = mean(mul(grid.measured, grid.measured)).item(),
                 variance = mean(masked(mul(sum_squares, 1 / count))).item() - squares;
    // Codes that no draw changes leave rounding.
    if (variance > 1e-12 * squares) grid.standard_error = std::sqrt(variance / (count - 1));
  }
  return grid;
}

}  // namespace gradus
