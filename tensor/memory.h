// The page pool: all tensor storage comes from here, 64-byte aligned, and goes back here.
// Size classes, four an octave, so that tensors of nearby sizes (a length curriculum) reuse each
// other's blocks; blocks of 2 MiB and more ask for huge pages. The pool never holds more than the
// largest live total needed: a request that would raise live + cached above the peak of live bytes
// (plus an eighth) first gives cached blocks back to the system. A steady-state training step asks
// the system for nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gradus {

struct PoolStats {
  std::uint64_t live_bytes = 0;       ///< handed out now, in size-class bytes
  std::uint64_t peak_live_bytes = 0;  ///< largest live_bytes since pool_reset_peak()
  std::uint64_t cached_bytes = 0;     ///< free blocks kept for reuse
  std::uint64_t peak_held_bytes = 0;  ///< largest live + cached since pool_reset_peak()
  std::uint64_t system_calls = 0;     ///< how often the system was asked for memory
};

/// A block of at least `bytes`, 64-byte aligned, not initialised. Thread-safe. Throws
/// std::bad_alloc.
void* pool_allocate(std::size_t bytes);
/// Gives a block back; `bytes` as it was asked for.
void pool_free(void* block, std::size_t bytes) noexcept;
PoolStats pool_stats();
/// Peaks start again from what is live now.
void pool_reset_peak();
/// Returns every cached block to the system.
void pool_trim();

}  // namespace gradus
