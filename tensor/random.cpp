#include "tensor/random.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "tensor/kernels/random_rows.h"
#include "tensor/parallel.h"

namespace gradus {

// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011), section 3.3:
// two products of 32 by 32 bits a round; the halves change places, the key steps by Weyl constants.
std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t counter_low,
                                    std::uint64_t counter_high) {
  auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  auto c0 = static_cast<std::uint32_t>(counter_low);
  auto c1 = static_cast<std::uint32_t>(counter_low >> 32);
  auto c2 = static_cast<std::uint32_t>(counter_high);
  auto c3 = static_cast<std::uint32_t>(counter_high >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0, p1 = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9, k1 += 0xBB67AE85;
  }
  return {c0, c1, c2, c3};
}

namespace {

// Note [What a counter is made of]
// Element i of draw d has word i % 4 of the block with counter (i / 4, d). Where 64 bits are wanted
// the low half comes from the same place with the top bit of d set. So f32 and f64 tensors of the
// same seed hold the same numbers up to rounding.
constexpr std::uint64_t kLowHalf = std::uint64_t{1} << 63;
// Streams are derived with counters that have the next bit set, which no draw reaches.
constexpr std::uint64_t kDerive = std::uint64_t{1} << 62;

constexpr int64 kBlock = 4;
constexpr int64 kGrainBlocks = 2048;

std::uint64_t bits64(std::uint64_t key, std::uint64_t draw, std::uint64_t index) {
  return std::uint64_t{random_bits(key, draw, index)} << 32 |
         random_bits(key, draw | kLowHalf, index);
}
/// [0, n) out of 64 random bits; no value is more likely than another by more than n / 2^64.
std::uint64_t below(std::uint64_t bits, std::uint64_t n) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((Wide{bits} * n) >> 64);
}
/// [0, 1), 53 bits.
double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

/// Calls put(i, x[0..3]) for the blocks of n elements, where x are numbers in [0, 1): 32 bits for
/// f32, 53 for f64.
template <class T, class Put>
void for_blocks(std::uint64_t key, std::uint64_t draw, int64 n, Put&& put) {
  parallel_for(0, (n + kBlock - 1) / kBlock, kGrainBlocks, [&](int64 begin, int64 end) {
    for (int64 block = begin; block < end; ++block) {
      const auto high = philox(key, static_cast<std::uint64_t>(block), draw);
      std::array<double, 4> x;
      if constexpr (std::is_same_v<T, double>) {
        const auto low = philox(key, static_cast<std::uint64_t>(block), draw | kLowHalf);
        for (std::size_t j = 0; j < 4; ++j) x[j] = unit(std::uint64_t{high[j]} << 32 | low[j]);
      } else {
        for (std::size_t j = 0; j < 4; ++j) x[j] = static_cast<double>(high[j]) * 0x1p-32;
      }
      put(block * kBlock, x);
    }
  });
}

/// Elements chosen with probability p: those whose bits are below p 2^32.
std::uint64_t threshold(double p) { return static_cast<std::uint64_t>(std::llround(p * 0x1p32)); }

/// Writes chosen(i) ? yes : no to all elements.
template <class T>
void choose(std::uint64_t key, std::uint64_t draw, double p, T yes, T no, T* out, int64 n) {
  const std::uint64_t limit = threshold(p);
  const auto kernel = GRADUS_KERNELS(random_kernels).of(T{}).choose;
  const int64 whole = n / kBlock;
  parallel_for(0, whole, kGrainBlocks, [=](int64 begin, int64 end) {
    kernel(key, draw, static_cast<std::uint64_t>(begin), end - begin, limit, yes, no,
           out + begin * kBlock);
  });
  if (whole * kBlock == n) return;
  T last[kBlock];
  kernel(key, draw, static_cast<std::uint64_t>(whole), 1, limit, yes, no, last);
  std::copy(last, last + (n - whole * kBlock), out + whole * kBlock);
}

}  // namespace

Rng::Rng(std::uint64_t seed) : state_{seed, 0} {}

Rng Rng::stream(std::string_view name) const {
  // The name goes in eight bytes at a time, each step keyed by the one before; the length keeps
  // "a" and "a\0" apart, the tag keeps names and numbers apart.
  std::uint64_t key = state_.key;
  const auto take = [&key](std::uint64_t word, std::uint64_t tag) {
    const auto bits = philox(key, word, kDerive | tag);
    key = std::uint64_t{bits[0]} << 32 | bits[1];
  };
  for (std::size_t i = 0; i < name.size(); i += 8) {
    std::uint64_t word = 0;
    const std::size_t count = std::min<std::size_t>(8, name.size() - i);
    for (std::size_t j = 0; j < count; ++j)
      word |= std::uint64_t{static_cast<unsigned char>(name[i + j])} << (8 * j);
    take(word, 1);
  }
  take(name.size(), 2);
  return Rng(key);
}

Rng Rng::stream(std::uint64_t number) const {
  const auto bits = philox(state_.key, number, kDerive | 3);
  return Rng(std::uint64_t{bits[0]} << 32 | bits[1]);
}

std::uint32_t random_bits(std::uint64_t key, std::uint64_t draw, std::uint64_t index) {
  return philox(key, index / 4, draw)[index % 4];
}

Tensor uniform(Rng& rng, const Shape& shape, double low, double high, DType dtype) {
  check<ConfigError>(low < high && std::isfinite(high - low),
                     "uniform takes finite bounds with low < high, got low {} and high {}", low,
                     high);
  return dispatch_float(dtype, "uniform", [&](auto tag) {
    using T = typename decltype(tag)::type;
    // Rounding must not lead out of [low, high).
    constexpr T infinity = std::numeric_limits<T>::infinity();
    T least = static_cast<T>(low), most = static_cast<T>(high);
    if (static_cast<double>(least) < low) least = std::nextafter(least, infinity);
    if (static_cast<double>(most) >= high) most = std::nextafter(most, -infinity);
    check<ConfigError>(least <= most, "no number of dtype {} lies in [{}, {})", name(dtype), low,
                       high);
    Tensor t = Tensor::empty(shape, dtype);
    T* out = t.writable<T>();
    const int64 n = t.numel();
    for_blocks<T>(rng.key(), rng.next_draw(), n, [=](int64 first, const auto& x) {
      for (int64 j = 0; j < std::min(kBlock, n - first); ++j) {
        const T y = static_cast<T>(low + (high - low) * x[static_cast<std::size_t>(j)]);
        out[first + j] = std::min(std::max(y, least), most);
      }
    });
    return t;
  });
}

Tensor normal(Rng& rng, const Shape& shape, double mean, double deviation, DType dtype) {
  check<ConfigError>(
      std::isfinite(mean) && deviation >= 0 && std::isfinite(deviation),
      "normal takes a finite mean and a finite deviation of 0 or more, got {} and {}", mean,
      deviation);
  return dispatch_float(dtype, "normal", [&](auto tag) {
    using T = typename decltype(tag)::type;
    Tensor t = Tensor::empty(shape, dtype);
    T* out = t.writable<T>();
    const int64 n = t.numel();
    for_blocks<T>(rng.key(), rng.next_draw(), n, [=](int64 first, const auto& x) {
      // Box and Muller 1958; half a step keeps the logarithm's argument above 0.
      constexpr double half = std::is_same_v<T, float> ? 0x1p-33 : 0x1p-54;
      std::array<double, 4> z;
      for (std::size_t j = 0; j < 4; j += 2) {
        const double radius = std::sqrt(-2 * std::log(x[j] + half));
        const double angle = 2 * std::numbers::pi * x[j + 1];
        z[j] = radius * std::cos(angle), z[j + 1] = radius * std::sin(angle);
      }
      for (int64 j = 0; j < std::min(kBlock, n - first); ++j)
        out[first + j] = static_cast<T>(mean + deviation * z[static_cast<std::size_t>(j)]);
    });
    return t;
  });
}

Tensor bernoulli(Rng& rng, const Shape& shape, double p) {
  check<ConfigError>(p >= 0 && p <= 1, "bernoulli takes a probability from 0 to 1, got {}", p);
  Tensor t = Tensor::empty(shape, DType::u8);
  choose<std::uint8_t>(rng.key(), rng.next_draw(), p, 1, 0, t.writable<std::uint8_t>(), t.numel());
  return t;
}

Tensor permutation(Rng& rng, int64 n) {
  check<ConfigError>(n >= 0, "permutation takes a length of 0 or more, got {}", n);
  Tensor t = Tensor::empty({n}, DType::i64);
  int64* out = t.writable<int64>();
  const std::uint64_t draw = rng.next_draw();
  // Fisher and Yates, built from the front: element i takes the place of a random earlier one.
  for (int64 i = 0; i < n; ++i) {
    const auto u = static_cast<std::uint64_t>(i);
    const auto j = static_cast<int64>(below(bits64(rng.key(), draw, u), u + 1));
    out[i] = out[j];
    out[j] = i;
  }
  return t;
}

Tensor integers(Rng& rng, const Shape& shape, int64 low, int64 high) {
  check<ConfigError>(low < high, "integers takes low < high, got low {} and high {}", low, high);
  const auto base = static_cast<std::uint64_t>(low);
  const std::uint64_t range = static_cast<std::uint64_t>(high) - base;
  Tensor t = Tensor::empty(shape, DType::i64);
  int64* out = t.writable<int64>();
  const std::uint64_t key = rng.key(), draw = rng.next_draw();
  parallel_for(0, t.numel(), kBlock * kGrainBlocks, [=](int64 begin, int64 end) {
    for (int64 i = begin; i < end; ++i) {
      const std::uint64_t bits = bits64(key, draw, static_cast<std::uint64_t>(i));
      out[i] = static_cast<int64>(base + below(bits, range));
    }
  });
  return t;
}

double uniform_number(Rng& rng) { return unit(bits64(rng.key(), rng.next_draw(), 0)); }

int64 integer_number(Rng& rng, int64 n) {
  check<ConfigError>(n >= 1, "integer_number takes n of 1 or more, got {}", n);
  const std::uint64_t bits = bits64(rng.key(), rng.next_draw(), 0);
  return static_cast<int64>(below(bits, static_cast<std::uint64_t>(n)));
}

Tensor dropout_mask(std::uint64_t key, std::uint64_t draw, const Shape& shape,
                    double drop_probability, DType dtype) {
  check<ConfigError>(drop_probability >= 0 && drop_probability < 1,
                     "the probability to drop is at least 0 and below 1, got {}", drop_probability);
  return dispatch_float(dtype, "dropout_mask", [&](auto tag) {
    using T = typename decltype(tag)::type;
    Tensor t = Tensor::empty(shape, dtype);
    const T kept = static_cast<T>(1 / (1 - drop_probability));
    choose<T>(key, draw, drop_probability, T{0}, kept, t.writable<T>(), t.numel());
    return t;
  });
}

}  // namespace gradus
