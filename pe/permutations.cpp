#include "pe/permutations.h"

#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/index.h"

namespace gradus {

Tensor random_permutations(Rng rng, int64 heads, int64 m) {
  std::vector<Tensor> rows;
  for (int64 h = 0; h < heads; ++h) rows.push_back(permutation(rng, m));
  return stack(rows, 0);
}

namespace {

/// The cycles of one permutation: the place of i, and what follows.
struct Cycles {
  std::vector<int64> order;          // the cycles, one behind the other
  std::vector<int64> place;          // of i in `order`
  std::vector<int64> first, length;  // of the cycle that i belongs to

  explicit Cycles(std::span<const int64> next)
      : place(next.size(), -1), first(next.size()), length(next.size()) {
    for (std::size_t start = 0; start < next.size(); ++start) {
      if (place[start] >= 0) continue;
      const auto begin = static_cast<int64>(order.size());
      for (std::size_t i = start; place[i] < 0; i = static_cast<std::size_t>(next[i])) {
        place[i] = static_cast<int64>(order.size());
        order.push_back(static_cast<int64>(i));
      }
      for (auto at = static_cast<std::size_t>(begin); at < order.size(); ++at) {
        first[static_cast<std::size_t>(order[at])] = begin;
        length[static_cast<std::size_t>(order[at])] = static_cast<int64>(order.size()) - begin;
      }
    }
  }
  int64 power(std::size_t i, int64 p) const {
    const int64 turned = ((place[i] - first[i] + p) % length[i] + length[i]) % length[i];
    return order[static_cast<std::size_t>(first[i] + turned)];
  }
};

}  // namespace

Tensor permutation_powers(const Tensor& permutations, const Tensor& labels) {
  const int64 heads = permutations.size(0), m = permutations.size(1), batch = labels.size(0),
              n = labels.size(1);
  const std::vector<int64> next = permutations.to_vector<int64>();
  const std::vector<double> p = labels.to_vector<double>();
  for (double label : p)
    check<IndexError>(std::abs(label) <= 0x1p53,
                      "labels that count permutations go up to 2^53, got {}", label);
  Tensor index = Tensor::empty({batch, heads, n, m}, DType::i64);
  int64* out = index.writable<int64>();
  for (int64 h = 0; h < heads; ++h) {
    const std::span<const int64> all(next);
    const Cycles cycles(all.subspan(static_cast<std::size_t>(h * m), static_cast<std::size_t>(m)));
    for (int64 b = 0; b < batch; ++b)
      for (int64 row = 0; row < n; ++row) {
        const auto label = static_cast<int64>(p[static_cast<std::size_t>(b * n + row)]);
        int64* to = out + ((b * heads + h) * n + row) * m;
        for (int64 i = 0; i < m; ++i) to[i] = cycles.power(static_cast<std::size_t>(i), label);
      }
  }
  return index;
}

Var permuted(const Var& x, const Tensor& index) { return gather(x, -1, Var(index)); }

Tensor permutation_products(const Tensor& permutations, const Tensor& p_m, const Tensor& p_n) {
  const int64 heads = permutations.size(0), m = permutations.size(1);
  const auto row = [&](const Tensor& p) {
    return permutation_powers(permutations, reshape(p, {1, 1, 1})).to_vector<int64>();
  };
  const std::vector<int64> q = row(p_m), k = row(p_n);
  std::vector<double> g(static_cast<std::size_t>(heads * m * m));
  for (int64 h = 0; h < heads; ++h)
    for (int64 i = 0; i < m; ++i) {
      const auto at = static_cast<std::size_t>(h * m + i);
      g[static_cast<std::size_t>((h * m + q[at]) * m + k[at])] = 1;
    }
  return from_values(g, {heads, m, m});
}

}  // namespace gradus
