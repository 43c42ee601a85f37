#include "tensor/kernels/random_rows.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "tensor/kernels/vec.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

// One block's words stand in the low halves of 64-bit lanes, so that their products have room; what
// is in the high halves does not matter.
typedef std::uint64_t Words __attribute__((vector_size(GRADUS_VECTOR_BYTES)));
constexpr int kBlocks = kVectorBytes / 8;
constexpr std::uint64_t kLow = 0xffffffffu;

/// The 64-bit products of the low halves of the lanes.
GRADUS_INLINE Words product(Words a, std::uint64_t b) {
#if defined(__AVX512F__)
  // Not the plain form: g++ 12 warns of what its own header leaves undefined there.
  return reinterpret_cast<Words>(_mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a),
                                                        reinterpret_cast<__m512i>(Words{} + b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Words>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(Words{} + b)));
#elif defined(__SSE2__)
  return reinterpret_cast<Words>(
      _mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(Words{} + b)));
#else
  return (a & kLow) * b;
#endif
}

/// Words 0 and 1 of a block in one lane, words 2 and 3 in the other.
struct Pairs {
  Words first, second;
};

/// philox() of tensor/random.cpp for the counters first, first + 1, ...
GRADUS_INLINE Pairs philox_lanes(std::uint64_t key, std::uint64_t first, std::uint64_t draw) {
  std::uint64_t lanes[kBlocks];
  for (int i = 0; i < kBlocks; ++i) lanes[i] = first + static_cast<std::uint64_t>(i);
  Words counter;
  std::memcpy(&counter, lanes, sizeof counter);
  Words c0 = counter, c1 = counter >> 32, c2 = Words{} + (draw & kLow), c3 = Words{} + (draw >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const Words p0 = product(c0, 0xD2511F53u), p1 = product(c2, 0xCD9E8D57u);
    c0 = (p1 >> 32) ^ c1 ^ std::uint64_t{k0};
    c1 = p1;
    c2 = (p0 >> 32) ^ c3 ^ std::uint64_t{k1};
    c3 = p0;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return {(c0 & kLow) | (c1 << 32), (c2 & kLow) | (c3 << 32)};
}

template <class T>
void choose(std::uint64_t key, std::uint64_t draw, std::uint64_t first, std::int64_t blocks,
            std::uint64_t limit, T yes, T no, T* y) {
  if (limit == 0) yes = no;
  const auto last = static_cast<std::uint32_t>(limit - 1);
  for (std::int64_t b = 0; b < blocks; b += kBlocks) {
    const Pairs pairs = philox_lanes(key, first + static_cast<std::uint64_t>(b), draw);
    std::uint64_t word[2 * kBlocks];
#pragma GCC unroll 8
    for (int i = 0; i < kBlocks; ++i) {
      word[2 * i] = pairs.first[i];
      word[2 * i + 1] = pairs.second[i];
    }
    std::uint32_t bits[4 * kBlocks];
    std::memcpy(bits, word, sizeof bits);
    T chosen[4 * kBlocks];
    for (int i = 0; i < 4 * kBlocks; ++i) chosen[i] = bits[i] <= last ? yes : no;
    const std::int64_t count = blocks - b < kBlocks ? blocks - b : kBlocks;
    if (count == kBlocks)
      std::memcpy(y + 4 * b, chosen, sizeof chosen);
    else
      for (std::int64_t i = 0; i < 4 * count; ++i) y[4 * b + i] = chosen[i];
  }
}

}  // namespace

extern const RandomKernels random_kernels = {
    {choose<float>}, {choose<double>}, {choose<std::uint8_t>}};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
