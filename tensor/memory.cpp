#include "tensor/memory.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <new>
#include <thread>

#include "tensor/extents.h"
#include "tensor/poison.h"
#include "tensor/size_class.h"

namespace gradus {
namespace {

using namespace detail;

/// What a free small block holds in its first bytes.
struct Link {
  Link* next;
};
GRADUS_UNCHECKED Link* next_of(Link* link) { return link->next; }
GRADUS_UNCHECKED void set_next(Link* link, Link* next) { link->next = next; }

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
  return std::size_t{c <= class_of(16 << 10) ? 256u : 1024u} << 10;
}
// A class that has this much already gets its next slabs on one huge page.
constexpr std::size_t kHugePage = std::size_t{2} << 20;

Slab* slab_of(void* block, int c) {
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  return reinterpret_cast<Slab*>(address & ~(std::uintptr_t{slab_bytes(c)} - 1));
}
bool is_full(const Slab* s) { return !s->free && s->carved == s->capacity; }
bool is_unused(const Slab* s) { return s->free_count == s->carved; }

/// Slabs of one class that have room: those in use in front, unused ones behind.
struct SlabList {
  Slab* first = nullptr;
  Slab* last = nullptr;
  std::size_t mapped_bytes = 0;  // full slabs included

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

// Mostly held for some ten nanoseconds; after a while a waiting thread lets others run.
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

class Pool {
 public:
  void* take(int c) {
    if (c < kSmallClasses) {
      if (!slabs_[c].first && !add_slabs(c)) return nullptr;
      return take_small(c);
    }
    return take_large(c);
  }
  void give(void* block, int c) {
    if (c < kSmallClasses) return give_small(block, c);
    live_ -= Extents::occupied(block);
    extents_.give(block);
  }
  void shed(std::uint64_t wanted);
  PoolStats stats() const { return {live_, peak_live_, cached(), peak_held_, system_calls_}; }
  void reset_peak() {
    peak_live_ = live_;
    peak_held_ = live_ + cached();
  }

  SpinLock lock;

 private:
  std::uint64_t cached() const { return small_cached_ + extents_.cached_bytes(); }
  void count(std::uint64_t bytes) {
    live_ += bytes;
    peak_live_ = std::max(peak_live_, live_);
    peak_held_ = std::max(peak_held_, live_ + cached());
  }
  void make_room(std::uint64_t request);
  bool add_slabs(int c);
  void* take_small(int c);
  void* take_large(int c);
  void give_small(void* block, int c);

  std::uint64_t live_ = 0, peak_live_ = 0, peak_held_ = 0, small_cached_ = 0, system_calls_ = 0;
  SlabList slabs_[kSmallClasses] = {};
  Extents extents_;
};
// No constructor and no destructor runs: tensors in static storage may come before and go after
// everything else.
constinit Pool pool;

/// Before fresh memory is used: live + cached must stay within the peak of live and an eighth.
void Pool::make_room(std::uint64_t request) {
  ++system_calls_;
  const std::uint64_t live = live_ + request, peak = std::max(peak_live_, live);
  const std::uint64_t bound = peak + peak / 8, held = live + cached();
  if (held > bound) shed(held - bound);
}

bool Pool::add_slabs(int c) {
  const std::size_t one = slab_bytes(c);
  const bool huge = slabs_[c].mapped_bytes >= kHugePage;
  const std::size_t bytes = huge ? kHugePage : one;
  make_room(huge ? bytes : class_bytes(c));
  void* fresh = map_aligned(bytes, bytes, huge);
  if (!fresh) return false;
  slabs_[c].mapped_bytes += bytes;
  for (std::size_t i = 0; i < bytes / one; ++i) {
    void* start = static_cast<std::byte*>(fresh) + i * one;
    note_mapped(start, one);
    permit(start, sizeof(Slab));
    Slab* slab = ::new (start) Slab{};
    slab->capacity = static_cast<std::uint32_t>((one - sizeof(Slab)) / class_bytes(c));
    slabs_[c].push_back(slab);
  }
  return true;
}

void* Pool::take_small(int c) {
  Slab* slab = slabs_[c].first;
  const std::size_t bytes = class_bytes(c);
  void* block = slab->free;
  if (block) {
    slab->free = next_of(slab->free);
    --slab->free_count;
    small_cached_ -= bytes;
  } else {
    block = reinterpret_cast<std::byte*>(slab) + sizeof(Slab) + bytes * slab->carved++;
  }
  if (is_full(slab)) slabs_[c].remove(slab);
  count(bytes);
  return block;
}

void* Pool::take_large(int c) {
  void* block = extents_.take_cached(c);
  if (!block) {
    make_room(class_bytes(c));
    block = extents_.take_fresh(c);
  }
  if (block) count(Extents::occupied(block));
  return block;
}

void Pool::give_small(void* block, int c) {
  const std::size_t bytes = class_bytes(c);
  Slab* slab = slab_of(block, c);
  if (is_full(slab)) slabs_[c].push_front(slab);
  set_next(static_cast<Link*>(block), slab->free);
  slab->free = static_cast<Link*>(block);
  ++slab->free_count;
  live_ -= bytes;
  small_cached_ += bytes;
  if (is_unused(slab) && slabs_[c].last != slab) {
    slabs_[c].remove(slab);
    slabs_[c].push_back(slab);
  }
}

/// Gives back `wanted` cached bytes, or all there are.
void Pool::shed(std::uint64_t wanted) {
  const std::uint64_t target = cached() - std::min(cached(), wanted);
  extents_.shed(wanted);
  for (int c = kSmallClasses - 1; c >= 0; --c)
    for (Slab* slab; cached() > target && (slab = slabs_[c].last) && is_unused(slab);) {
      slabs_[c].remove(slab);
      slabs_[c].mapped_bytes -= slab_bytes(c);
      small_cached_ -= class_bytes(c) * slab->carved;
      unmap(slab, slab_bytes(c));
    }
}

}  // namespace

void* pool_allocate(std::size_t bytes) {
  if (bytes > kLargestRequest) throw std::bad_alloc();
  const int c = class_of(bytes);
  void* block;
  {
    const std::lock_guard guard(pool.lock);
    block = pool.take(c);
    if (!block) [[unlikely]] {
      pool.shed(std::numeric_limits<std::uint64_t>::max());
      block = pool.take(c);
    }
  }
  if (!block) throw std::bad_alloc();
  permit(block, bytes);
  return block;
}

void pool_free(void* block, std::size_t bytes) noexcept {
  if (!block) return;
  forbid(block, bytes);
  const std::lock_guard guard(pool.lock);
  pool.give(block, class_of(bytes));
}

PoolStats pool_stats() {
  const std::lock_guard guard(pool.lock);
  return pool.stats();
}

void pool_reset_peak() {
  const std::lock_guard guard(pool.lock);
  pool.reset_peak();
}

void pool_trim() {
  const std::lock_guard guard(pool.lock);
  pool.shed(std::numeric_limits<std::uint64_t>::max());
}

}  // namespace gradus
