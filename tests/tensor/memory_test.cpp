#include "tensor/memory.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <thread>
#include <utility>
#include <vector>

using namespace gradus;

namespace {

struct Block {
  void* at;
  std::size_t bytes;
};
Block take(std::size_t bytes) { return {pool_allocate(bytes), bytes}; }
void give(std::vector<Block>& blocks) {
  for (const Block& b : blocks) pool_free(b.at, b.bytes);
  blocks.clear();
}
std::uint64_t held() {
  const PoolStats s = pool_stats();
  return s.live_bytes + s.cached_bytes;
}
/// A small pseudo-random sequence, the same everywhere.
std::uint64_t next(std::uint64_t& state) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return state >> 33;
}

}  // namespace

TEST_CASE("blocks of every size are aligned, writable and apart") {
  std::vector<Block> blocks;
  for (std::size_t bytes :
       {0u,     1u,     63u,    64u,    65u,    255u,    256u,     257u,     320u,     321u,
        16384u, 16385u, 65535u, 65536u, 65537u, 100000u, 2097151u, 2097152u, 2097153u, 5000000u})
    for (int copy = 0; copy < 3; ++copy) blocks.push_back(take(bytes));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    CHECK(reinterpret_cast<std::uintptr_t>(blocks[i].at) % 64 == 0);
    std::memset(blocks[i].at, static_cast<int>(i), blocks[i].bytes);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto* p = static_cast<const unsigned char*>(blocks[i].at);
    bool intact = true;
    for (std::size_t k = 0; k < blocks[i].bytes; ++k) intact = intact && p[k] == i;
    CHECK(intact);
  }
  give(blocks);
}

TEST_CASE("a block occupies at most a quarter more than was asked, and a header") {
  for (std::size_t bytes = 1; bytes < 300000; bytes += 1 + bytes / 50) {
    const std::uint64_t before = pool_stats().live_bytes;
    void* p = pool_allocate(bytes);
    const std::uint64_t taken = pool_stats().live_bytes - before;
    CHECK(taken >= bytes);
    CHECK(taken <= bytes + bytes / 4 + 128);
    pool_free(p, bytes);
    CHECK(pool_stats().live_bytes == before);
  }
}

TEST_CASE("impossible sizes are bad_alloc, and nothing else breaks") {
  CHECK_THROWS_AS(pool_allocate(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
  CHECK_THROWS_AS(pool_allocate((std::size_t{1} << 46) + 1), std::bad_alloc);
  void* p = pool_allocate(1);
  CHECK(p != nullptr);
  pool_free(p, 1);
  pool_free(nullptr, 100);
}

TEST_CASE("a repeated step asks the system for nothing") {
  // Forward keeps activations of many sizes, backward frees them while gradients of other sizes
  // appear.
  const auto step = [] {
    std::vector<Block> activations, gradients;
    std::uint64_t seed = 7;
    for (int i = 0; i < 200; ++i) activations.push_back(take(1000 + next(seed) % 700000));
    for (int i = 0; i < 200; ++i) {
      gradients.push_back(take(1000 + next(seed) % 200000));
      pool_free(activations.back().at, activations.back().bytes);
      activations.pop_back();
    }
    give(gradients);
  };
  for (int warm = 0; warm < 3; ++warm) step();
  const PoolStats before = pool_stats();
  for (int i = 0; i < 5; ++i) step();
  CHECK(pool_stats().system_calls == before.system_calls);
  CHECK(held() == before.live_bytes + before.cached_bytes);
}

TEST_CASE("1245 lengths in turn hold at most 1.5 times the largest step") {
  pool_trim();
  pool_reset_peak();
  const std::uint64_t base = pool_stats().live_bytes;
  std::vector<Block> blocks;
  std::uint64_t largest = 0;
  for (std::size_t i = 0; i < 1245; ++i) {
    const std::size_t length = 16 + (i * 1008) / 1244;
    std::uint64_t asked = 0;
    for (int layer = 0; layer < 4; ++layer)
      for (const std::size_t bytes : {length * 512, length * 1536, length * 2048, length * length,
                                      length * 8, std::size_t{64}, std::size_t{40000}}) {
        blocks.push_back(take(bytes));
        asked += bytes;
      }
    largest = std::max(largest, asked);
    give(blocks);
  }
  CHECK(pool_stats().live_bytes == base);
  CHECK(pool_stats().peak_held_bytes - base <= largest + largest / 2);
}

TEST_CASE("live and cached stay within the peak and an eighth, small blocks included") {
  pool_trim();
  pool_reset_peak();
  const PoolStats start = pool_stats();
  std::vector<Block> blocks;
  for (int i = 0; i < 100000; ++i) blocks.push_back(take(100));
  give(blocks);
  const std::uint64_t peak = pool_stats().peak_live_bytes;
  CHECK(peak >= 100000 * 100);
  CHECK(pool_stats().cached_bytes >= 100000 * 100);
  // Another size: the slabs of the first one go back.
  for (int i = 0; i < 400; ++i) blocks.push_back(take(20000));
  CHECK(pool_stats().peak_held_bytes <= peak + peak / 8 + 1024 * 1024);
  give(blocks);
  // One large block.
  blocks.push_back(take(12000000));
  CHECK(pool_stats().peak_held_bytes <= pool_stats().peak_live_bytes * 9 / 8 + 1024 * 1024);
  give(blocks);
  pool_trim();
  CHECK(pool_stats().live_bytes == start.live_bytes);
  CHECK(pool_stats().cached_bytes <= start.cached_bytes);
}

TEST_CASE("random sizes in random order keep their contents and the counts right") {
  const std::uint64_t base = pool_stats().live_bytes;
  std::vector<Block> blocks;
  std::uint64_t seed = 1;
  bool intact = true;
  for (int i = 0; i < 20000; ++i) {
    if (blocks.size() < 200 && next(seed) % 2) {
      const std::size_t bytes = 8 + (next(seed) % (std::size_t{1} << (4 + next(seed) % 17)));
      blocks.push_back(take(bytes));
      const std::uint64_t mark = reinterpret_cast<std::uintptr_t>(blocks.back().at) ^ bytes;
      std::memcpy(blocks.back().at, &mark, 8);
      std::memcpy(static_cast<char*>(blocks.back().at) + bytes - 8, &mark, 8);
    } else if (!blocks.empty()) {
      std::swap(blocks[next(seed) % blocks.size()], blocks.back());
      const Block b = blocks.back();
      blocks.pop_back();
      const std::uint64_t mark = reinterpret_cast<std::uintptr_t>(b.at) ^ b.bytes;
      std::uint64_t tail;
      std::memcpy(&tail, static_cast<char*>(b.at) + b.bytes - 8, 8);
      intact = intact && tail == mark;
      pool_free(b.at, b.bytes);
    }
    if (i % 5000 == 4999) pool_trim();
  }
  CHECK(intact);
  give(blocks);
  CHECK(pool_stats().live_bytes == base);
}

TEST_CASE("blocks taken by one thread are freed by another") {
  const std::uint64_t base = pool_stats().live_bytes;
  std::vector<Block> made[4];
  std::vector<std::thread> team;
  for (int t = 0; t < 4; ++t)
    team.emplace_back([t, &made] {
      for (std::size_t i = 0; i < 500; ++i) {
        made[t].push_back(take(i * i % 90000));
        if (i % 3 == 0) {
          pool_free(made[t].back().at, made[t].back().bytes);
          made[t].pop_back();
        }
        if (i % 100 == 99) pool_trim();
      }
    });
  for (auto& t : team) t.join();
  team.clear();
  for (int t = 0; t < 4; ++t) team.emplace_back([t, &made] { give(made[(t + 1) % 4]); });
  for (auto& t : team) t.join();
  CHECK(pool_stats().live_bytes == base);
}

namespace {

/// Freed when static objects go, which must work whatever the order.
struct AtExit {
  void* block = pool_allocate(1000);
  ~AtExit() { pool_free(block, 1000); }
};
const AtExit at_exit;

}  // namespace

TEST_CASE("a block in static storage is there") {
  std::memset(at_exit.block, 1, 1000);
  CHECK(static_cast<char*>(at_exit.block)[999] == 1);
}
