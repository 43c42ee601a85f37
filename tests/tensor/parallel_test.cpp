#include "tensor/parallel.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace gradus;

namespace {

/// Puts the number of threads back at the end of a test.
struct Threads {
  int before = threads();
  explicit Threads(int n) { set_threads(n); }
  ~Threads() { set_threads(before); }
};

using Parts = std::vector<std::pair<int64, int64>>;
Parts parts_of(int64 begin, int64 end, int64 grain) {
  Parts parts;
  std::mutex lock;
  parallel_for(begin, end, grain, [&](int64 b, int64 e) {
    const std::lock_guard guard(lock);
    parts.emplace_back(b, e);
  });
  std::sort(parts.begin(), parts.end());
  return parts;
}

}  // namespace

TEST_CASE("the parts cover the range once, each of at least the grain") {
  constexpr int64 least = std::numeric_limits<int64>::min(),
                  most = std::numeric_limits<int64>::max();
  const std::vector<std::pair<int64, int64>> ranges = {
      {0, 1}, {0, 2}, {0, 7}, {5, 100}, {-10, 10}, {0, most}, {least, most}, {most - 3, most}};
  for (const int n : {1, 2, 3, 5, 8}) {
    const Threads guard(n);
    for (const auto& [begin, end] : ranges)
      for (const int64 grain : {int64{-1}, int64{0}, int64{1}, int64{3}, int64{50}, most}) {
        const Parts parts = parts_of(begin, end, grain);
        REQUIRE_FALSE(parts.empty());
        CHECK(parts.size() <= static_cast<std::size_t>(n));
        CHECK(parts.front().first == begin);
        CHECK(parts.back().second == end);
        for (std::size_t i = 0; i < parts.size(); ++i) {
          const std::uint64_t size = static_cast<std::uint64_t>(parts[i].second) -
                                     static_cast<std::uint64_t>(parts[i].first);
          CHECK(parts[i].first < parts[i].second);
          if (i > 0) CHECK(parts[i].first == parts[i - 1].second);
          if (parts.size() > 1)
            CHECK(size >= static_cast<std::uint64_t>(std::max<int64>(grain, 1)));
        }
      }
  }
}

TEST_CASE("an empty or reversed range calls nothing") {
  int calls = 0;
  parallel_for(0, 0, 1, [&](int64, int64) { ++calls; });
  parallel_for(5, 3, 1, [&](int64, int64) { ++calls; });
  CHECK(calls == 0);
}

TEST_CASE("many short loops in a row") {
  for (const int n : {2, 4}) {
    const Threads guard(n);
    std::vector<int> hits(64);
    for (int round = 0; round < 3000; ++round)
      parallel_for(0, 64, 1 + round % 40, [&](int64 b, int64 e) {
        for (int64 i = b; i < e; ++i) ++hits[static_cast<std::size_t>(i)];
      });
    CHECK(std::count(hits.begin(), hits.end(), 3000) == 64);
  }
}

TEST_CASE("workers asleep are woken, and other threads do work") {
  const Threads guard(2);
  std::atomic<int> here{0};
  // Each part waits for the other one: this ends only if two threads run them.
  for (int round = 0; round < 3; ++round) {
    here = 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    parallel_for(0, 2, 1, [&](int64, int64) {
      here.fetch_add(1);
      while (here.load() < 2) std::this_thread::yield();
    });
  }
  CHECK(here.load() == 2);
}

TEST_CASE("nested loops run in the caller") {
  const Threads guard(4);
  std::atomic<int> total{0}, strangers{0};
  parallel_for(0, 4, 1, [&](int64 b, int64 e) {
    const auto self = std::this_thread::get_id();
    for (int64 i = b; i < e; ++i)
      parallel_for(0, 100, 1, [&](int64 c, int64 d) {
        total += static_cast<int>(d - c);
        strangers += std::this_thread::get_id() != self;
      });
  });
  CHECK(total.load() == 400);
  CHECK(strangers.load() == 0);
}

TEST_CASE("loops from several threads at once") {
  const Threads guard(3);
  std::vector<std::vector<int>> hits(4, std::vector<int>(1000));
  std::vector<std::thread> team;
  for (auto& mine : hits)
    team.emplace_back([&mine] {
      for (int round = 0; round < 200; ++round)
        parallel_for(0, 1000, 1, [&mine](int64 b, int64 e) {
          for (int64 i = b; i < e; ++i) ++mine[static_cast<std::size_t>(i)];
        });
    });
  for (auto& t : team) t.join();
  for (const auto& mine : hits) CHECK(std::count(mine.begin(), mine.end(), 200) == 1000);
}

TEST_CASE("an exception arrives after all parts have ended, and the pool works on") {
  for (const int n : {1, 4}) {
    const Threads guard(n);
    for (int round = 0; round < 50; ++round) {
      std::atomic<int> begun{0}, ended{0};
      bool caught = false;
      try {
        parallel_for(0, 4, 1, [&](int64 b, int64 e) {
          ++begun;
          if (b <= 2 && 2 < e) {
            ++ended;
            throw std::runtime_error("part 2");
          }
          ++ended;
        });
      } catch (const std::runtime_error& e) {
        caught = std::string(e.what()) == "part 2";
      }
      CHECK(caught);
      CHECK(begun.load() == n);
      CHECK(ended.load() == n);
    }
    CHECK_THROWS_AS(
        parallel_for(0, 4, 1, [](int64, int64) { fail<ShapeError>("all parts throw"); }),
        ShapeError);
    CHECK(parts_of(0, 4, 1).size() == static_cast<std::size_t>(n));
  }
}

TEST_CASE("the number of threads is checked") {
  const Threads guard(2);
  CHECK_THROWS_AS(set_threads(0), ConfigError);
  CHECK_THROWS_AS(set_threads(-3), ConfigError);
  CHECK_THROWS_AS(set_threads(1 << 20), ConfigError);
  CHECK(threads() == 2);
  CHECK_THROWS_AS(parallel_for(0, 2, 1, [](int64, int64) { set_threads(3); }), ConfigError);
  CHECK(threads() == 2);
  set_threads(5);
  CHECK(threads() == 5);
}

TEST_CASE("GRADUS_THREADS is read strictly") {
  CHECK(detail::parse_threads("1") == 1);
  CHECK(detail::parse_threads("16") == 16);
  for (const char* bad : {"", "0", "-1", "two", "2x", " 2", "1.5", "99999999999", "5000"}) {
    std::string message;
    try {
      detail::parse_threads(bad);
    } catch (const ConfigError& e) {
      message = e.what();
    }
    CHECK(message ==
          "GRADUS_THREADS is '" + std::string(bad) + "'; allowed is a whole number from 1 to 1024");
  }
}

TEST_CASE("a forked child works without the parent's workers") {
  const Threads guard(3);
  CHECK(parts_of(0, 3, 1).size() == 3);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::vector<int> hits(3);
    for (int i = 0; i < 100; ++i)
      parallel_for(0, 3, 1, [&](int64 b, int64 e) {
        for (int64 k = b; k < e; ++k) ++hits[static_cast<std::size_t>(k)];
      });
    _exit(hits == std::vector<int>{100, 100, 100} ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
