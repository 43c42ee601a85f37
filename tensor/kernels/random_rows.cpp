#include "tensor/kernels/random_rows.h"

#include "tensor/kernels/vec_random.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

template <class T>
GRADUS_INLINE void put_chosen(RandomBits bits, std::uint32_t last, T yes, T no, T* y) {
  const Vec<std::int32_t> chosen = bits <= last;
  if constexpr (sizeof(T) == 4) {
    store(y, select<T>(chosen, all_of(yes), all_of(no)));
  } else {
    std::int32_t each[2 * kPhiloxBlocks];
    std::memcpy(each, &chosen, sizeof each);
    for (int i = 0; i < 2 * kPhiloxBlocks; ++i) y[i] = each[i] ? yes : no;
  }
}

template <class T>
void choose(std::uint64_t key, std::uint64_t draw, std::uint64_t first, std::int64_t blocks,
            std::uint64_t limit, T yes, T no, T* y) {
  if (limit == 0) yes = no;
  const auto last = static_cast<std::uint32_t>(limit - 1);
  const auto put_at = [&](std::int64_t block, T* to) {
    const RandomElements e = philox_blocks(key, first + static_cast<std::uint64_t>(block), draw);
    put_chosen(e.low, last, yes, no, to);
    put_chosen(e.high, last, yes, no, to + 2 * kPhiloxBlocks);
  };
  std::int64_t b = 0;
  for (; b + kPhiloxBlocks <= blocks; b += kPhiloxBlocks) put_at(b, y + 4 * b);
  if (b == blocks) return;
  T rest[4 * kPhiloxBlocks];
  put_at(b, rest);
  for (std::int64_t i = 0; i < 4 * (blocks - b); ++i) y[4 * b + i] = rest[i];
}

}  // namespace

extern const RandomKernels random_kernels = {
    {choose<float>}, {choose<double>}, {choose<std::uint8_t>}};

}  // namespace GRADUS_LEVEL
}  // namespace gradus
