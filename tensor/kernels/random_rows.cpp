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

typedef std::uint32_t Bits __attribute__((vector_size(GRADUS_VECTOR_BYTES)));
/// The random bits of kBlocks blocks, in the order of their elements.
struct Elements {
  Bits low, high;
};
/// From words 0 and 1 of each block in one lane, words 2 and 3 in the other.
GRADUS_INLINE Elements in_order(Words first, Words second) {
#if GRADUS_VECTOR_BYTES == 64
  const Words low = __builtin_shufflevector(first, second, 0, 8, 1, 9, 2, 10, 3, 11);
  const Words high = __builtin_shufflevector(first, second, 4, 12, 5, 13, 6, 14, 7, 15);
#elif GRADUS_VECTOR_BYTES == 32
  const Words low = __builtin_shufflevector(first, second, 0, 4, 1, 5);
  const Words high = __builtin_shufflevector(first, second, 2, 6, 3, 7);
#else
  const Words low = __builtin_shufflevector(first, second, 0, 2);
  const Words high = __builtin_shufflevector(first, second, 1, 3);
#endif
  return {reinterpret_cast<Bits>(low), reinterpret_cast<Bits>(high)};
}

/// philox() of tensor/random.cpp for the counters first, first + 1, ...
GRADUS_INLINE Elements philox_lanes(std::uint64_t key, std::uint64_t first, std::uint64_t draw) {
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
  return in_order((c0 & kLow) | (c1 << 32), (c2 & kLow) | (c3 << 32));
}

template <class T>
GRADUS_INLINE void put_chosen(Bits bits, std::uint32_t last, T yes, T no, T* y) {
  const Vec<std::int32_t> chosen = bits <= last;
  if constexpr (sizeof(T) == 4) {
    store(y, select<T>(chosen, all_of(yes), all_of(no)));
  } else {
    std::int32_t each[2 * kBlocks];
    std::memcpy(each, &chosen, sizeof each);
    for (int i = 0; i < 2 * kBlocks; ++i) y[i] = each[i] ? yes : no;
  }
}

template <class T>
void choose(std::uint64_t key, std::uint64_t draw, std::uint64_t first, std::int64_t blocks,
            std::uint64_t limit, T yes, T no, T* y) {
  if (limit == 0) yes = no;
  const auto last = static_cast<std::uint32_t>(limit - 1);
  const auto put_at = [&](std::int64_t block, T* to) {
    const Elements e = philox_lanes(key, first + static_cast<std::uint64_t>(block), draw);
    put_chosen(e.low, last, yes, no, to);
    put_chosen(e.high, last, yes, no, to + 2 * kBlocks);
  };
  std::int64_t b = 0;
  for (; b + kBlocks <= blocks; b += kBlocks) put_at(b, y + 4 * b);
  if (b == blocks) return;
  T rest[4 * kBlocks];
  put_at(b, rest);
  for (std::int64_t i = 0; i < 4 * (blocks - b); ++i) y[4 * b + i] = rest[i];
}

}  // namespace

extern const RandomKernels random_kernels = {
    {choose<float>}, {choose<double>}, {choose<std::uint8_t>}};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
