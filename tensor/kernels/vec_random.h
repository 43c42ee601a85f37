// Philox4x32-10 (Salmon et al. 2011), many blocks of four numbers at once: the same bits as
// philox() of tensor/random.h gives one block at a time; for .cpp files in a kernels folder.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "tensor/kernels/vec.h"

namespace gradus {
namespace GRADUS_LEVEL {

// One block's words stand in the low halves of 64-bit lanes, so that their products have room; what
// is in the high halves does not matter.
typedef std::uint64_t RandomWords __attribute__((vector_size(GRADUS_VECTOR_BYTES)));
constexpr int kPhiloxBlocks = kVectorBytes / 8;
constexpr std::uint64_t kLowHalf = 0xffffffffu;

/// The 64-bit products of the low halves of the lanes.
GRADUS_INLINE RandomWords low_product(RandomWords a, std::uint64_t b) {
#if defined(__AVX512F__)
  // Not the plain form: g++ 12 warns of what its own header leaves undefined there.
  return reinterpret_cast<RandomWords>(_mm512_maskz_mul_epu32(
      0xff, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(RandomWords{} + b)));
#elif defined(__AVX2__)
  return reinterpret_cast<RandomWords>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(RandomWords{} + b)));
#elif defined(__SSE2__)
  return reinterpret_cast<RandomWords>(
      _mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(RandomWords{} + b)));
#else
  return (a & kLowHalf) * b;
#endif
}

typedef std::uint32_t RandomBits __attribute__((vector_size(GRADUS_VECTOR_BYTES)));
/// The random bits of kPhiloxBlocks blocks, in the order of their elements.
struct RandomElements {
  RandomBits low, high;
};
/// From words 0 and 1 of each block in one lane, words 2 and 3 in the other.
GRADUS_INLINE RandomElements in_order(RandomWords first, RandomWords second) {
#if GRADUS_VECTOR_BYTES == 64
  const RandomWords low = __builtin_shufflevector(first, second, 0, 8, 1, 9, 2, 10, 3, 11);
  const RandomWords high = __builtin_shufflevector(first, second, 4, 12, 5, 13, 6, 14, 7, 15);
#elif GRADUS_VECTOR_BYTES == 32
  const RandomWords low = __builtin_shufflevector(first, second, 0, 4, 1, 5);
  const RandomWords high = __builtin_shufflevector(first, second, 2, 6, 3, 7);
#else
  const RandomWords low = __builtin_shufflevector(first, second, 0, 2);
  const RandomWords high = __builtin_shufflevector(first, second, 1, 3);
#endif
  return {reinterpret_cast<RandomBits>(low), reinterpret_cast<RandomBits>(high)};
}

/// philox() of tensor/random.cpp for the counters first, first + 1, ...
GRADUS_INLINE RandomElements philox_blocks(std::uint64_t key, std::uint64_t first,
                                           std::uint64_t draw) {
  std::uint64_t lanes[kPhiloxBlocks];
  for (int i = 0; i < kPhiloxBlocks; ++i) lanes[i] = first + static_cast<std::uint64_t>(i);
  RandomWords counter;
  std::memcpy(&counter, lanes, sizeof counter);
  RandomWords c0 = counter, c1 = counter >> 32, c2 = RandomWords{} + (draw & kLowHalf),
              c3 = RandomWords{} + (draw >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const RandomWords p0 = low_product(c0, 0xD2511F53u), p1 = low_product(c2, 0xCD9E8D57u);
    c0 = (p1 >> 32) ^ c1 ^ std::uint64_t{k0};
    c1 = p1;
    c2 = (p0 >> 32) ^ c3 ^ std::uint64_t{k1};
    c3 = p0;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return in_order((c0 & kLowHalf) | (c1 << 32), (c2 & kLowHalf) | (c3 << 32));
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus
