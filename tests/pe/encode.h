// What the tests of encodings share: one built from "key=value" settings, and one pair of tokens
// through it.
#pragma once

#include <cmath>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "pe/pe.h"
#include "tensor/elementwise.h"
#include "tensor/matmul.h"
#include "tensor/reduce.h"

namespace gradus {

inline std::unique_ptr<PositionalEncoding> encoding(std::string_view name, EncodingShape shape,
                                                    std::initializer_list<const char*> settings,
                                                    std::uint64_t seed = 1,
                                                    DType dtype = DType::f64) {
  Options options;
  for (const char* s : settings) options.set(s);
  return make_encoding(name, options)(Build("pe", Rng(seed), dtype), shape);
}

/// Labels [N][L] under the names that the encoding reads.
inline Positions labels(const PositionalEncoding& e, const std::vector<double>& p,
                        int64 width = 1) {
  std::vector<Track> tracks;
  for (int64 i = 0; i < width; ++i)
    tracks.push_back({.name = width == 1 ? e.tracks()[0] : fmt::format("{}.{}", e.tracks()[0], i),
                      .kind = TrackKind::real});
  return labelled_positions(from_values(p, {1, static_cast<int64>(p.size()) / width, width}),
                            tracks);
}

inline QueryKey transformed(const PositionalEncoding& e, const Tensor& q, const Tensor& k,
                            const Positions& p) {
  Pass pass = Pass::eval();
  return e.transform(Var(q), Var(k), p, pass);
}

/// The features of q at p_m and of k at p_n, [H][r].
struct PairFeatures {
  Tensor q, k;  // [H, r]
};
inline PairFeatures pair_features(const PositionalEncoding& e, const Tensor& q, const Tensor& k,
                                  const std::vector<double>& p_m, const std::vector<double>& p_n) {
  std::vector<double> both = p_m;
  both.insert(both.end(), p_n.begin(), p_n.end());
  const int64 h = e.shape().heads, d = e.shape().head_dim();
  const auto twice = [&](const Tensor& x) {
    return broadcast_to(reshape(x, {1, h, 1, d}), {1, h, 2, d});
  };
  const QueryKey t =
      transformed(e, twice(q), twice(k), labels(e, both, static_cast<int64>(p_m.size())));
  return {select(select(t.q.value(), 0, 0), 1, 0), select(select(t.k.value(), 0, 0), 1, 1)};
}

/// a_mn for each head.
inline std::vector<double> raw_score(const PositionalEncoding& e, const Tensor& q, const Tensor& k,
                                     const std::vector<double>& p_m,
                                     const std::vector<double>& p_n) {
  const PairFeatures f = pair_features(e, q, k, p_m, p_n);
  return sum(mul(f.q, f.k), {-1}).to_vector<double>();
}

/// q [H, d] as numbers.
inline Tensor head(const std::vector<double>& x, int64 heads = 1) {
  return from_values(x, {heads, static_cast<int64>(x.size()) / heads});
}

}  // namespace gradus
