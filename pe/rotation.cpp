#include "pe/rotation.h"

#include <array>
#include <cmath>

#include "pe/angles.h"

namespace gradus {

Pairing read_pairing(Options& options) {
  return options.choice("pairing", "interleaved", {"interleaved", "half"}) == "half"
             ? Pairing::half
             : Pairing::interleaved;
}

int64 coordinate(Pairing pairing, int64 pair, int part, int64 pairs) {
  return pairing == Pairing::interleaved ? 2 * pair + part : pair + part * pairs;
}

Var rotate(const Var& x, const Turn& turn, Pairing pairing) {
  return turn_pairs(x, turn.cos, turn.sin, pairing);
}

Var pool_pairs(const Var& x, const Turn& turn, Pairing pairing) {
  return pool_pairs(x, turn.cos, turn.sin, pairing);
}

Var pool_across_pairs(const Var& x, const Turn& turn, Pairing pairing) {
  const Var y = rotate(x, turn, pairing);
  const Shape& s = y.shape();
  if (pairing == Pairing::half) return sum(reshape(y, {s[0], s[1], s[2], 2, s[3] / 2}), {-1});
  return sum(reshape(y, {s[0], s[1], s[2], s[3] / 2, 2}), {-2});
}

Tensor pair_turns(const std::vector<double>& angles, int64 heads, Pairing pairing,
                  const std::vector<double>& factors) {
  const int64 pairs = static_cast<int64>(angles.size()) / heads, d = 2 * pairs;
  std::vector<double> g(static_cast<std::size_t>(heads * d * d));
  for (int64 h = 0; h < heads; ++h)
    for (int64 i = 0; i < pairs; ++i) {
      const auto at = static_cast<std::size_t>(h * pairs + i);
      const double factor = factors.empty() ? 1 : factors[at];
      const double c = factor * std::cos(angles[at]), s = factor * std::sin(angles[at]);
      const double block[2][2] = {{c, s}, {-s, c}};
      for (int a = 0; a < 2; ++a)
        for (int b = 0; b < 2; ++b)
          g[static_cast<std::size_t>((h * d + coordinate(pairing, i, a, pairs)) * d +
                                     coordinate(pairing, i, b, pairs))] = block[a][b];
    }
  return from_values(g, {heads, d, d});
}

void check_even(int64 width, std::string_view who, std::string_view what) {
  check<ConfigError>(width % 2 == 0,
                     "{} rotates pairs: {} must be even, got {}; make it {}, or take an "
                     "encoding that does not pair (none, alibi, f_stripe1)",
                     who, what, width, even_sizes_near(width));
}

}  // namespace gradus
