// Rotation of pairs of coordinates, and the sums inside a pair: what RoPE and RoPEPool are made of.
//     y1 = x1 cos - x2 sin,  y2 = x2 cos + x1 sin       (SPEC 4.6, eq. 22; Su et al. 2021, eq. 34)
//     s  = y1 + y2 = x1 (cos + sin) + x2 (cos - sin)    (SPEC 4.7)
#pragma once

#include <string_view>
#include <vector>

#include "nn/position.h"
#include "pe/ops.h"

namespace gradus {

/// Option `pairing`.
Pairing read_pairing(Options& options);
/// The place of part 0 or 1 of a pair.
int64 coordinate(Pairing pairing, int64 pair, int part, int64 pairs);

/// cos and sin of the angles of some rows, [B|1, H|1, N, F].
struct Turn {
  Var cos, sin;
};

/// x [B,H,N,2F]: each pair turned by its angle.
Var rotate(const Var& x, const Turn& turn, Pairing pairing);
/// x [B,H,N,2F] -> [B,H,N,F]: the sum of the two coordinates of each turned pair.
Var pool_pairs(const Var& x, const Turn& turn, Pairing pairing);
/// x [B,H,N,2F] -> [B,H,N,2]: the turned pairs added up, over the pairs.
Var pool_across_pairs(const Var& x, const Turn& turn, Pairing pairing);

/// f64 [H, 2F, 2F] of blocks [[cos, sin], [-sin, cos]]: the closed form of turned pairs whose
/// angles differ by these, [H][F]; each times its factor, where there are factors.
Tensor pair_turns(const std::vector<double>& angles, int64 heads, Pairing pairing,
                  const std::vector<double>& factors = {});

/// ConfigError where a width that is to be paired is odd.
void check_even(int64 width, std::string_view who, std::string_view what);

}  // namespace gradus
