#include "tensor/extents.h"

#include <sys/mman.h>

#include <algorithm>
#include <iterator>

#include "tensor/poison.h"

namespace gradus::detail {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
// The leak check of AddressSanitizer reads whole arenas.
constexpr std::size_t kArena = std::size_t{kPoisons ? 8 : 64} << 20;
// A rest below this stays with the block.
constexpr std::size_t kSmallestRest = kPage;

enum class ChunkState : std::uint8_t { live, cached, fresh, end };

}  // namespace

/// Stands right before its bytes. An arena's last chunk is an `end` without bytes.
struct alignas(kUnit) Chunk {
  std::size_t size;  // header included
  Chunk* before;     // the neighbour, null in front
  Chunk* previous;   // in the bin
  Chunk* next;
  ChunkState state;
};
static_assert(sizeof(Chunk) == kUnit);

namespace {

Chunk* chunk_at(void* base, std::size_t offset) {
  return reinterpret_cast<Chunk*>(static_cast<std::byte*>(base) + offset);
}
GRADUS_UNCHECKED Chunk* after(Chunk* chunk) { return chunk_at(chunk, chunk->size); }

GRADUS_UNCHECKED int bin_of(const Chunk* chunk) {
  const std::size_t room = chunk->size - sizeof(Chunk);
  const int c = class_of(room);
  return class_bytes(c) <= room ? c : c - 1;
}

}  // namespace

GRADUS_UNCHECKED void ChunkBins::add(Chunk* chunk) {
  const int bin = bin_of(chunk);
  chunk->previous = nullptr;
  chunk->next = first[bin];
  if (chunk->next) chunk->next->previous = chunk;
  first[bin] = chunk;
  used[bin / 64] |= std::uint64_t{1} << (bin % 64);
}

GRADUS_UNCHECKED void ChunkBins::remove(Chunk* chunk) {
  const int bin = bin_of(chunk);
  (chunk->previous ? chunk->previous->next : first[bin]) = chunk->next;
  if (chunk->next) chunk->next->previous = chunk->previous;
  if (!first[bin]) used[bin / 64] &= ~(std::uint64_t{1} << (bin % 64));
}

int ChunkBins::at_least(int c) const {
  std::uint64_t word = used[c / 64] & (~std::uint64_t{0} << (c % 64));
  for (int i = c / 64;; word = used[i]) {
    if (word) return 64 * i + std::countr_zero(word);
    if (++i == static_cast<int>(std::size(used))) return -1;
  }
}

/// Cuts a chunk that is in no bin; the second part, of the same state, is in no bin either.
GRADUS_UNCHECKED Chunk* split(Chunk* chunk, std::size_t size) {
  Chunk* second = chunk_at(chunk, size);
  second->size = chunk->size - size;
  second->before = chunk;
  second->state = chunk->state;
  after(second)->before = second;
  chunk->size = size;
  return second;
}

/// Makes a free chunk, which is in no bin, live; what it has beyond `bytes` stays free.
GRADUS_UNCHECKED void* Extents::hand_out(Chunk* chunk, std::size_t bytes) {
  const std::size_t need = bytes + sizeof(Chunk);
  ChunkBins& bins = chunk->state == ChunkState::cached ? cached_ : fresh_;
  if (chunk->size - need >= kSmallestRest) bins.add(split(chunk, need));
  if (chunk->state == ChunkState::cached) cached_bytes_ -= chunk->size;
  chunk->state = ChunkState::live;
  return chunk + 1;
}

GRADUS_UNCHECKED void* Extents::take_cached(int c) {
  const int bin = cached_.at_least(c);
  if (bin < 0) return nullptr;
  Chunk* chunk = cached_.first[bin];
  cached_.remove(chunk);
  return hand_out(chunk, class_bytes(c));
}

GRADUS_UNCHECKED void* Extents::take_fresh(int c) {
  const int bin = fresh_.at_least(c);
  Chunk* chunk = bin < 0 ? nullptr : fresh_.first[bin];
  if (chunk) {
    fresh_.remove(chunk);
  } else {
    const std::size_t need = class_bytes(c) + 2 * sizeof(Chunk);
    const std::size_t size = std::max(kArena, (need + kHugePage - 1) / kHugePage * kHugePage);
    void* arena = map_aligned(size, kHugePage, true);
    if (!arena) return nullptr;
    note_mapped(arena, size);
    chunk = chunk_at(arena, 0);
    chunk->size = size - sizeof(Chunk);
    chunk->before = nullptr;
    chunk->state = ChunkState::fresh;
    Chunk* end = after(chunk);
    end->size = 0;
    end->before = chunk;
    end->state = ChunkState::end;
  }
  return hand_out(chunk, class_bytes(c));
}

GRADUS_UNCHECKED std::uint64_t Extents::occupied(void* block) {
  return (static_cast<Chunk*>(block) - 1)->size;
}

/// Merges a free chunk with neighbours of the same state and puts it into its bin.
GRADUS_UNCHECKED Chunk* Extents::add_free(Chunk* chunk) {
  ChunkBins& bins = chunk->state == ChunkState::cached ? cached_ : fresh_;
  if (Chunk* right = after(chunk); right->state == chunk->state) {
    bins.remove(right);
    chunk->size += right->size;
  }
  if (Chunk* left = chunk->before; left && left->state == chunk->state) {
    bins.remove(left);
    left->size += chunk->size;
    chunk = left;
  }
  after(chunk)->before = chunk;
  bins.add(chunk);
  return chunk;
}

GRADUS_UNCHECKED void Extents::give(void* block) {
  Chunk* chunk = static_cast<Chunk*>(block) - 1;
  chunk->state = ChunkState::cached;
  cached_bytes_ += chunk->size;
  add_free(chunk);
}

/// Gives the pages of a cached chunk, in no bin, back; of an arena that is wholly free, the arena.
GRADUS_UNCHECKED void Extents::drop(Chunk* chunk) {
  cached_bytes_ -= chunk->size;
  const auto start = reinterpret_cast<std::uintptr_t>(chunk + 1);
  const std::uintptr_t from = (start + kPage - 1) / kPage * kPage;
  const std::uintptr_t to = reinterpret_cast<std::uintptr_t>(after(chunk)) / kPage * kPage;
  if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
  chunk->state = ChunkState::fresh;
  chunk = add_free(chunk);
  if (!chunk->before && after(chunk)->state == ChunkState::end) {
    fresh_.remove(chunk);
    unmap(chunk, chunk->size + sizeof(Chunk));
  }
}

GRADUS_UNCHECKED void Extents::shed(std::uint64_t wanted) {
  const std::uint64_t target = cached_bytes_ - std::min(cached_bytes_, wanted);
  while (cached_bytes_ > target) {
    // The smallest chunk that is enough, else the largest one; of a much larger one only the end.
    const std::uint64_t missing = cached_bytes_ - target;
    int bin = cached_.at_least(class_of(std::min<std::uint64_t>(missing, kLargestRequest)));
    for (int c = kClasses - 1; bin < 0; --c)
      if (cached_.first[c]) bin = c;
    Chunk* chunk = cached_.first[bin];
    cached_.remove(chunk);
    if (chunk->size > missing + 2 * kHugePage) {
      Chunk* end = split(chunk, chunk->size - (missing + kHugePage) / kUnit * kUnit);
      cached_.add(chunk);
      chunk = end;
    }
    drop(chunk);
  }
}

void* map_aligned(std::size_t bytes, std::size_t alignment, bool huge) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  void* raw = mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  const auto start = reinterpret_cast<std::uintptr_t>(raw), end = start + bytes + alignment;
  const std::uintptr_t aligned = (start + alignment - 1) / alignment * alignment;
  if (aligned > start) munmap(raw, aligned - start);
  if (end > aligned + bytes)
    munmap(reinterpret_cast<void*>(aligned + bytes), end - aligned - bytes);
  void* block = reinterpret_cast<void*>(aligned);
  if (huge) madvise(block, bytes, MADV_HUGEPAGE);
  return block;
}

void unmap(void* start, std::size_t bytes) {
  note_unmapped(start, bytes);
  munmap(start, bytes);
}

}  // namespace gradus::detail
