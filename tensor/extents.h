// Large blocks of the page pool. Arenas of 64 MiB (more for larger requests), on huge pages, are
// cut into chunks that stand side by side, each with a header of 64 bytes; free neighbours merge,
// larger ones are split, so that bytes freed in one size serve any other size. A free chunk is
// `cached` (its pages are there) or `fresh` (never touched, or given back to the system).
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/size_class.h"

namespace gradus::detail {

struct Chunk;

/// Free chunks by the largest class they can hold, the last freed one first.
struct ChunkBins {
  Chunk* first[kClasses] = {};
  std::uint64_t used[(kClasses + 63) / 64] = {};

  void add(Chunk* chunk);
  void remove(Chunk* chunk);
  /// The bin of the smallest chunks that can hold class c, or -1.
  int at_least(int c) const;
};

/// It has no lock of its own.
class Extents {
 public:
  /// A block of class c out of cached chunks, or null where none is large enough.
  void* take_cached(int c);
  /// A block out of fresh chunks or a new arena; null where the system gives nothing.
  void* take_fresh(int c);
  /// Bytes that a block of take_*() occupies, its header included.
  static std::uint64_t occupied(void* block);
  void give(void* block);
  /// Gives cached pages back, at least `wanted` bytes or all there are.
  void shed(std::uint64_t wanted);
  std::uint64_t cached_bytes() const { return cached_bytes_; }

 private:
  void* hand_out(Chunk* chunk, std::size_t bytes);
  Chunk* add_free(Chunk* chunk);
  void drop(Chunk* chunk);

  ChunkBins cached_, fresh_;
  std::uint64_t cached_bytes_ = 0;
};

/// `bytes` of memory whose address is a multiple of `alignment`, on huge pages where asked; null
/// where the system gives nothing.
void* map_aligned(std::size_t bytes, std::size_t alignment, bool huge);
void unmap(void* start, std::size_t bytes);

}  // namespace gradus::detail
