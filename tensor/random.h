// Counter-based random numbers (Philox4x32-10, Salmon et al. 2011). A random bit is a function of
// the key, the number of the draw and the element's logical index: never of a loop order, a tile or
// a thread.
#pragma once

#include <array>
#include <string_view>

#include "tensor/array.h"

namespace gradus {

/// Philox4x32-10: 128 random bits for a 64-bit key and a 128-bit counter.
std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t counter_low,
                                    std::uint64_t counter_high);

/// A named stream. Copying it copies the state: two copies give the same numbers.
class Rng {
 public:
  struct State {
    std::uint64_t key = 0, draws = 0;
    bool operator==(const State&) const = default;
  };
  explicit Rng(std::uint64_t seed);
  /// A stream of its own, found by name or number; the parent's state does not matter and does not
  /// change.
  Rng stream(std::string_view name) const;
  Rng stream(std::uint64_t number) const;

  State state() const { return state_; }
  void restore(const State& s) { state_ = s; }
  std::uint64_t key() const { return state_.key; }
  /// The number of the next draw; each call of a function below takes one.
  std::uint64_t next_draw() { return state_.draws++; }

 private:
  State state_;
};

/// The random 32 bits of element `index` of draw `draw`: what every function below, and dropout, is
/// made of.
std::uint32_t random_bits(std::uint64_t key, std::uint64_t draw, std::uint64_t index);

Tensor uniform(Rng& rng, const Shape& shape, double low = 0, double high = 1,
               DType dtype = DType::f32);  ///< [low, high)
Tensor normal(Rng& rng, const Shape& shape, double mean = 0, double deviation = 1,
              DType dtype = DType::f32);
/// u8: 1 with probability p.
Tensor bernoulli(Rng& rng, const Shape& shape, double p);
/// i64 [n]: 0 .. n-1 in random order.
Tensor permutation(Rng& rng, int64 n);
/// i64 in [low, high).
Tensor integers(Rng& rng, const Shape& shape, int64 low, int64 high);
/// One number in [0, 1) / one integer in [0, n), as one draw.
double uniform_number(Rng& rng);
int64 integer_number(Rng& rng, int64 n);
/// f32/f64 of 0 and 1/keep, for dropout: element i is kept where its bits of (key, draw) say so.
Tensor dropout_mask(std::uint64_t key, std::uint64_t draw, const Shape& shape,
                    double drop_probability, DType dtype);

}  // namespace gradus
