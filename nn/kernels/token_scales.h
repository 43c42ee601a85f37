// Scales of tokens in linear attention: key n counts e^(s_m + t_n) times for query m, where s and t
// are any f64 and their powers alone need not be numbers. Inside a chunk the weight is taken from
// the sum. What is summed over other chunks, S = sum e^t_n h_n v_n^T, is kept as e^-c S, where c
// (`edge`) is the largest scale in it: rows that join have factors e^(t_n - c) <= 1, and those that
// meet it e^(s_m + c), the largest weight that they have there. For .cpp files in a kernels folder.
#pragma once

#include <limits>

#include "nn/kernels/linear_rows.h"
#include "tensor/kernels/vec_math.h"

namespace gradus {
namespace GRADUS_LEVEL {

/// An exponent as a T; beyond these the power is 0 or inf already.
template <class T>
GRADUS_INLINE T exponent(double x) {
  constexpr double kFar = 1000;
  return static_cast<T>(x < -kFar ? -kFar : x > kFar ? kFar : x);
}

/// x *= factor
template <class T>
void scale(T* x, Count n, T factor) {
  for (Count j = 0; j < n; j += kLanes<T>) store(x + j, load(x + j) * factor);
}

/// The scales of a chunk and the edge of a run over chunks.
template <class T>
class TokenScales {
 public:
  enum class Side { query, key };

  /// Of a run that begins; `weights`: memory for a square.
  void begin(T* weights) {
    weights_ = weights;
    edge_ = std::numeric_limits<double>::lowest();
  }
  /// Keys that are not kept weigh e^-inf: theirs is no scale to count from.
  void load_chunk(const LinearHead<T>& h, Chunk<T> c) {
    count_ = c.count;
    for (Count i = 0; i < c.count; ++i) {
      const bool kept = !h.kept.first || h.kept.first[(c.first + i) * h.kept.lead];
      query_[i] = h.q_scale.first[(c.first + i) * h.q_scale.lead];
      key_[i] = kept ? h.k_scale.first[(c.first + i) * h.k_scale.lead]
                     : -std::numeric_limits<double>::infinity();
    }
    for (Count i = c.count; i < kChunk; ++i) key_[i] = 0;
    for (Count m = 0; m < c.count; ++m) {
      T* row = weights_ + m * kChunk;
      const Count end = padded<T>(m + 1);
      for (Count n = 0; n < end; ++n) row[n] = exponent<T>(query_[m] + key_[n]);
      for (Count n = 0; n < end; n += kLanes<T>) store(row + n, vec_exp<T>(load(row + n)));
    }
  }
  /// square_mn *= e^(s_m + t_n) up to the diagonal; a little to its right is spoiled.
  void weigh(T* square) const {
    for (Count m = 0; m < count_; ++m) {
      const T* by = weights_ + m * kChunk;
      T* row = square + m * kChunk;
      for (Count n = 0; n <= m; n += kLanes<T>) store(row + n, load(row + n) * load(by + n));
    }
  }
  /// Rows that meet what was summed: times e^(scale + edge).
  void meet(Side side, T* rows, Count lead) {
    make_factors(side, edge_);
    scale_rows(rows, lead);
  }
  /// Rows that join it: times e^(scale - edge) with the edge moved on to their largest scale.
  /// Returns e^(old edge - new edge), for what was summed before.
  T join(Side side, T* rows, Count lead) {
    const double before = edge_;
    for (Count i = 0; i < count_; ++i)
      if (of(side)[i] > edge_) edge_ = of(side)[i];
    make_factors(side, -edge_);
    scale_rows(rows, lead);
    return before == edge_ ? T(1) : power(before - edge_);
  }
  /// Of the rows that joined last.
  const T* factors() const { return factors_; }

 private:
  const double* of(Side side) const { return side == Side::query ? query_ : key_; }
  static T power(double x) { return vec_exp<T>(all_of(exponent<T>(x)))[0]; }
  void make_factors(Side side, double more) {
    const double* x = of(side);
    for (Count i = 0; i < kChunk; ++i) factors_[i] = i < count_ ? exponent<T>(x[i] + more) : T(0);
    for (Count i = 0; i < kChunk; i += kLanes<T>)
      store(factors_ + i, vec_exp<T>(load(factors_ + i)));
  }
  void scale_rows(T* rows, Count lead) const {
    for (Count i = 0; i < count_; ++i) scale(rows + i * lead, lead, factors_[i]);
  }

  double query_[kChunk], key_[kChunk], edge_;
  T factors_[kChunk];
  T* weights_;  // e^(s_m + t_n), [chunk, chunk]
  Count count_;
};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
