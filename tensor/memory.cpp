#include "tensor/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>
#include <mutex>
#include <new>
#include <thread>

#if defined(__SANITIZE_ADDRESS__)
#define GRADUS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GRADUS_ASAN 1
#endif
#endif
#ifdef GRADUS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

namespace gradus {
namespace {

// ---- sanitizers: a free block may not be touched, by nobody but the pool's own links ------------

#ifdef GRADUS_ASAN
#define GRADUS_UNCHECKED __attribute__((no_sanitize_address, noinline))
void forbid(void* p, std::size_t n) { ASAN_POISON_MEMORY_REGION(p, n); }
void permit(void* p, std::size_t n) { ASAN_UNPOISON_MEMORY_REGION(p, n); }
void note_mapped(void* p, std::size_t n) { __lsan_register_root_region(p, n); }
void note_unmapped(void* p, std::size_t n) {
  ASAN_UNPOISON_MEMORY_REGION(p, n);
  __lsan_unregister_root_region(p, n);
}
#else
#define GRADUS_UNCHECKED
void forbid(void*, std::size_t) {}
void permit(void*, std::size_t) {}
void note_mapped(void*, std::size_t) {}
void note_unmapped(void*, std::size_t) {}
#endif

/// What a free block holds in its first bytes.
struct Link {
  Link* next;
};
GRADUS_UNCHECKED Link* next_of(Link* link) { return link->next; }
GRADUS_UNCHECKED void set_next(Link* link, Link* next) { link->next = next; }

// ---- size classes: 64, 128, 192, 256, then four an octave ---------------------------------------

constexpr std::size_t kUnit = 64;
constexpr int kClasses = 4 + 4 * 50;
constexpr int kSmallClasses = 36;  // up to 64 KiB
constexpr std::size_t kLargestSmall = std::size_t{64} << 10;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kLargestRequest = std::size_t{1} << 46;

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
static_assert(class_of(1) == 0 && class_of(256) == 3 && class_of(257) == 4);
static_assert(class_bytes(4) == 320 && class_bytes(7) == 512 && class_bytes(8) == 640);
static_assert(class_of(kLargestSmall) == kSmallClasses - 1);
static_assert(class_bytes(kSmallClasses - 1) == kLargestSmall);
static_assert(class_of(kLargestRequest) < kClasses);

// ---- memory of the system -----------------------------------------------------------------------

void* map_aligned(std::size_t bytes, std::size_t alignment) {
  void* raw = mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  const auto start = reinterpret_cast<std::uintptr_t>(raw);
  const std::uintptr_t aligned = (start + alignment - 1) & ~(std::uintptr_t{alignment} - 1);
  if (aligned > start) munmap(raw, aligned - start);
  const std::uintptr_t end = start + bytes + alignment;
  if (end > aligned + bytes)
    munmap(reinterpret_cast<void*>(aligned + bytes), end - aligned - bytes);
  void* block = reinterpret_cast<void*>(aligned);
  note_mapped(block, bytes);
  return block;
}
void* map_block(std::size_t bytes) {
  if (bytes >= kHugePage) {
    void* block = map_aligned(bytes, kHugePage);
    if (block) madvise(block, bytes, MADV_HUGEPAGE);
    return block;
  }
  void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return nullptr;
  note_mapped(block, bytes);
  return block;
}
void unmap(void* block, std::size_t bytes) {
  note_unmapped(block, bytes);
  munmap(block, bytes);
}

// ---- slabs: small blocks of one class, carved one by one ----------------------------------------

/// Stands at the start of its slab, which is aligned to its size: a block's slab is found from its
/// address.
struct alignas(kUnit) Slab {
  Slab* previous;
  Slab* next;
  Link* free;
  std::uint32_t free_count, carved, capacity;
};

constexpr std::size_t slab_bytes(int c) {
  return std::size_t{c < class_of(16 << 10) + 1 ? 256u : 1024u} << 10;
}
Slab* slab_of(void* block, int c) {
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  return reinterpret_cast<Slab*>(address & ~(std::uintptr_t{slab_bytes(c)} - 1));
}

/// Slabs of one class that have room: partly used ones in front, wholly free ones behind.
struct SlabList {
  Slab* first;
  Slab* last;

  void remove(Slab* s) {
    (s->previous ? s->previous->next : first) = s->next;
    (s->next ? s->next->previous : last) = s->previous;
  }
  void push_front(Slab* s) {
    s->previous = nullptr, s->next = first;
    (first ? first->previous : last) = s;
    first = s;
  }
  void push_back(Slab* s) {
    s->next = nullptr, s->previous = last;
    (last ? last->next : first) = s;
    last = s;
  }
};

// ---- the pool -----------------------------------------------------------------------------------

// Held for some ten nanoseconds, never during a system call; after a while a waiting thread lets
// others run.
class SpinLock {
 public:
  void lock() {
    for (int spin = 0; taken_.exchange(true, std::memory_order_acquire); ++spin)
      if (spin > 50) std::this_thread::yield();
  }
  void unlock() { taken_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> taken_{false};
};

/// Memory taken from the lists under the lock, to be unmapped after it.
struct Doomed {
  Link* blocks[kClasses];
  Slab* slabs[kSmallClasses];
};

// No constructor and no destructor runs: tensors in static storage may come before and go after
// everything else.
struct Pool {
  SpinLock lock;
  PoolStats stats;
  SlabList slabs[kSmallClasses];
  Link* blocks[kClasses];

  void took(std::size_t bytes) {
    stats.live_bytes += bytes;
    stats.peak_live_bytes = std::max(stats.peak_live_bytes, stats.live_bytes);
    stats.peak_held_bytes = std::max(stats.peak_held_bytes, stats.live_bytes + stats.cached_bytes);
  }
  void* take_small(int c);
  void* take_large(int c);
  void give_small(void* block, int c);
  void give_large(void* block, int c);
  std::uint64_t excess(std::size_t request) const;
  void shed(std::uint64_t wanted, Doomed& doomed);
  bool shed_slab(int c, Doomed& doomed, std::uint64_t& shed_bytes);
};
constinit Pool pool{};

void release(Doomed& doomed) {
  for (int c = 0; c < kClasses; ++c)
    while (Link* block = doomed.blocks[c]) {
      doomed.blocks[c] = next_of(block);
      unmap(block, class_bytes(c));
    }
  for (int c = 0; c < kSmallClasses; ++c)
    while (Slab* slab = doomed.slabs[c]) {
      doomed.slabs[c] = slab->next;
      unmap(slab, slab_bytes(c));
    }
}

/// A block of class c from the lists, or null.
void* Pool::take_small(int c) {
  Slab* slab = slabs[c].first;
  if (!slab) return nullptr;
  const std::size_t bytes = class_bytes(c);
  void* block;
  if (slab->free) {
    block = slab->free;
    slab->free = next_of(slab->free);
    --slab->free_count;
    stats.cached_bytes -= bytes;
  } else {
    block = reinterpret_cast<std::byte*>(slab) + sizeof(Slab) + bytes * slab->carved++;
  }
  if (!slab->free && slab->carved == slab->capacity) slabs[c].remove(slab);
  took(bytes);
  return block;
}

void* Pool::take_large(int c) {
  Link* block = blocks[c];
  if (!block) return nullptr;
  blocks[c] = next_of(block);
  stats.cached_bytes -= class_bytes(c);
  took(class_bytes(c));
  return block;
}

void Pool::give_small(void* block, int c) {
  const std::size_t bytes = class_bytes(c);
  Slab* slab = slab_of(block, c);
  if (!slab->free && slab->carved == slab->capacity) slabs[c].push_front(slab);
  set_next(static_cast<Link*>(block), slab->free);
  slab->free = static_cast<Link*>(block);
  stats.live_bytes -= bytes;
  stats.cached_bytes += bytes;
  if (++slab->free_count == slab->carved && slabs[c].last != slab) {
    slabs[c].remove(slab);
    slabs[c].push_back(slab);
  }
}

void Pool::give_large(void* block, int c) {
  set_next(static_cast<Link*>(block), blocks[c]);
  blocks[c] = static_cast<Link*>(block);
  stats.live_bytes -= class_bytes(c);
  stats.cached_bytes += class_bytes(c);
}

/// By how much a fresh block would raise live + cached above the bound.
std::uint64_t Pool::excess(std::size_t request) const {
  const std::uint64_t live = stats.live_bytes + request;
  const std::uint64_t peak = std::max(stats.peak_live_bytes, live);
  const std::uint64_t bound = peak + peak / 8;
  return live + stats.cached_bytes > bound ? live + stats.cached_bytes - bound : 0;
}

bool Pool::shed_slab(int c, Doomed& doomed, std::uint64_t& shed_bytes) {
  Slab* slab = slabs[c].last;
  if (!slab || slab->free_count != slab->carved) return false;
  slabs[c].remove(slab);
  const std::uint64_t bytes = class_bytes(c) * slab->carved;
  stats.cached_bytes -= bytes;
  shed_bytes += bytes;
  slab->next = doomed.slabs[c];
  doomed.slabs[c] = slab;
  return true;
}

/// Takes `wanted` cached bytes out of the lists, or all there are: first the smallest large block
/// that is enough, else the largest ones, then slabs.
void Pool::shed(std::uint64_t wanted, Doomed& doomed) {
  std::uint64_t done = 0;
  const auto drop = [&](int c) {
    Link* block = blocks[c];
    blocks[c] = next_of(block);
    set_next(block, doomed.blocks[c]);
    doomed.blocks[c] = block;
    stats.cached_bytes -= class_bytes(c);
    done += class_bytes(c);
  };
  for (int c = kClasses - 1; c >= kSmallClasses && done < wanted; --c)
    while (blocks[c] && done < wanted) {
      int enough = c;
      for (int d = kSmallClasses; d < c; ++d)
        if (blocks[d] && class_bytes(d) >= wanted - done) {
          enough = d;
          break;
        }
      drop(enough);
    }
  for (int c = kSmallClasses - 1; c >= 0 && done < wanted; --c)
    while (done < wanted && shed_slab(c, doomed, done)) {
    }
}

/// Asks the system, after giving back what would be too much.
void* grow(int c) {
  const bool small = c < kSmallClasses;
  const std::size_t bytes = class_bytes(c);
  Doomed doomed{};
  {
    const std::lock_guard guard(pool.lock);
    if (const std::uint64_t wanted = pool.excess(bytes)) pool.shed(wanted, doomed);
    ++pool.stats.system_calls;
  }
  release(doomed);
  const auto ask = [&] {
    return small ? map_aligned(slab_bytes(c), slab_bytes(c)) : map_block(bytes);
  };
  void* fresh = ask();
  if (!fresh) {
    pool_trim();
    fresh = ask();
  }
  if (!fresh) throw std::bad_alloc();
  const std::lock_guard guard(pool.lock);
  if (!small) {
    pool.took(bytes);
    return fresh;
  }
  const std::size_t capacity = (slab_bytes(c) - sizeof(Slab)) / bytes;
  Slab* slab = ::new (fresh) Slab{};
  slab->capacity = static_cast<std::uint32_t>(capacity);
  forbid(slab + 1, slab_bytes(c) - sizeof(Slab));
  pool.slabs[c].push_front(slab);
  return pool.take_small(c);
}

}  // namespace

void* pool_allocate(std::size_t bytes) {
  if (bytes > kLargestRequest) throw std::bad_alloc();
  const int c = class_of(bytes);
  void* block;
  {
    const std::lock_guard guard(pool.lock);
    block = c < kSmallClasses ? pool.take_small(c) : pool.take_large(c);
  }
  if (!block) [[unlikely]]
    block = grow(c);
  permit(block, bytes);
  return block;
}

void pool_free(void* block, std::size_t bytes) noexcept {
  if (!block) return;
  const int c = class_of(bytes);
  forbid(block, class_bytes(c));
  const std::lock_guard guard(pool.lock);
  c < kSmallClasses ? pool.give_small(block, c) : pool.give_large(block, c);
}

PoolStats pool_stats() {
  const std::lock_guard guard(pool.lock);
  return pool.stats;
}

void pool_reset_peak() {
  const std::lock_guard guard(pool.lock);
  pool.stats.peak_live_bytes = pool.stats.live_bytes;
  pool.stats.peak_held_bytes = pool.stats.live_bytes + pool.stats.cached_bytes;
}

void pool_trim() {
  Doomed doomed{};
  {
    const std::lock_guard guard(pool.lock);
    pool.shed(std::numeric_limits<std::uint64_t>::max(), doomed);
  }
  release(doomed);
}

}  // namespace gradus
