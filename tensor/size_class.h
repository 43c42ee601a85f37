// Size classes of the page pool: 64, 128, 192, 256 bytes, then four an octave (320, 384, 448, 512,
// 640, ...), so that at most a fifth of a block is unused.
#pragma once

#include <bit>
#include <cstddef>

namespace gradus::detail {

inline constexpr std::size_t kUnit = 64;
inline constexpr int kClasses = 4 + 4 * 50;

/// The smallest class that holds `bytes`.
constexpr int class_of(std::size_t bytes) {
  const std::size_t units = bytes == 0 ? 1 : (bytes + kUnit - 1) / kUnit;
  if (units <= 4) return static_cast<int>(units) - 1;
  const int octave = static_cast<int>(std::bit_width(units - 1)) - 1;
  const std::size_t base = std::size_t{1} << octave, step = base / 4;
  return 4 * (octave - 1) + static_cast<int>((units - base + step - 1) / step) - 1;
}
constexpr std::size_t class_bytes(int c) {
  if (c < 4) return kUnit * static_cast<std::size_t>(c + 1);
  const std::size_t base = std::size_t{1} << (c / 4 + 1);
  return kUnit * (base + base / 4 * static_cast<std::size_t>(c % 4 + 1));
}

inline constexpr std::size_t kLargestSmall = std::size_t{64} << 10;
inline constexpr int kSmallClasses = class_of(kLargestSmall) + 1;
inline constexpr std::size_t kLargestRequest = std::size_t{1} << 46;

static_assert(class_of(1) == 0 && class_of(256) == 3 && class_of(257) == 4);
static_assert(class_bytes(4) == 320 && class_bytes(7) == 512 && class_bytes(8) == 640);
static_assert(class_bytes(kSmallClasses - 1) == kLargestSmall);
static_assert(class_of(kLargestRequest) < kClasses);

}  // namespace gradus::detail
