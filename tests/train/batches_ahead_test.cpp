// Batches made ahead: the same ones in the same order as without, errors where they are asked for,
// and no thread left behind.
#include "train/batches_ahead.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "tensor/error.h"
#include "tensor/tensor.h"

using namespace gradus;

namespace {

/// As many batches as the index says, each with the index as its input.
std::vector<HarmonyBatch> numbered(std::size_t index) {
  std::vector<HarmonyBatch> batches(index);
  for (HarmonyBatch& b : batches) b.input = scalar(static_cast<double>(index), DType::f64);
  return batches;
}

}  // namespace

TEST_CASE("each step once, in order, from where it begins") {
  for (const bool ahead : {false, true}) {
    BatchesAhead batches(2, 5, ahead, numbered);
    for (std::size_t step = 2; step < 5; ++step) {
      REQUIRE_FALSE(batches.done());
      const std::vector<HarmonyBatch> got = batches.next();
      REQUIRE(got.size() == step);
      CHECK(got.front().input.item() == static_cast<double>(step));
    }
    CHECK(batches.done());
    CHECK(batches.waited() >= 0);
  }
  for (const bool ahead : {false, true}) CHECK(BatchesAhead(3, 3, ahead, numbered).done());
}

TEST_CASE("ahead: the next one is made without being asked for, by another thread, and no more") {
  std::atomic<int> made{0};
  std::atomic<bool> elsewhere{true};
  const std::thread::id here = std::this_thread::get_id();
  BatchesAhead batches(0, 3, true, [&](std::size_t index) {
    if (std::this_thread::get_id() == here) elsewhere = false;
    ++made;
    return numbered(index);
  });
  while (made.load() < 1) std::this_thread::yield();
  batches.next();
  while (made.load() < 2) std::this_thread::yield();
  CHECK(elsewhere.load());
  CHECK(made.load() == 2);
}

TEST_CASE("ahead: one thread makes them all") {
  // By what a thread remembers: ids are given again to later threads.
  std::vector<int> made_here;
  {
    BatchesAhead batches(0, 40, true, [&](std::size_t) {
      thread_local int made = 0;
      made_here.push_back(++made);
      return numbered(1);
    });
    while (!batches.done()) batches.next();
  }
  REQUIRE(made_here.size() == 40);
  for (std::size_t i = 0; i < 40; ++i) CHECK(made_here[i] == static_cast<int>(i) + 1);
}

TEST_CASE("not ahead: nothing is made before it is asked for") {
  int made = 0;
  BatchesAhead batches(0, 3, false, [&](std::size_t index) {
    ++made;
    return numbered(index);
  });
  CHECK(made == 0);
  batches.next();
  CHECK(made == 1);
}

TEST_CASE("an error in the making comes out of next()") {
  for (const bool ahead : {false, true}) {
    BatchesAhead batches(0, 2, ahead, [](std::size_t index) -> std::vector<HarmonyBatch> {
      if (index == 1) throw std::runtime_error("no such window");
      return numbered(index);
    });
    batches.next();
    CHECK_THROWS_WITH(batches.next(), "no such window");
    // None was handed out, so it is still the one to come.
    CHECK_FALSE(batches.done());
    CHECK_THROWS_WITH(batches.next(), "no such window");
  }
}

TEST_CASE("an error that nobody asks for is left behind") {
  std::atomic<bool> thrown{false};
  {
    const BatchesAhead batches(0, 2, true, [&](std::size_t) -> std::vector<HarmonyBatch> {
      thrown = true;
      throw std::runtime_error("no such window");
    });
    while (!thrown.load()) std::this_thread::yield();
  }
  CHECK(thrown.load());
}

TEST_CASE("one that is left in the middle waits for what is being made") {
  std::atomic<bool> ended{false};
  {
    const BatchesAhead batches(0, 2, true, [&](std::size_t index) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      ended = true;
      return numbered(index);
    });
  }
  CHECK(ended.load());
}

TEST_CASE("one may be left at any moment: before, while and after each step is made") {
  for (std::size_t taken = 0; taken <= 3; ++taken)
    for (int pause = 0; pause < 20; ++pause) {
      std::atomic<int> made{0};
      {
        BatchesAhead batches(0, 3, true, [&](std::size_t index) {
          ++made;
          return numbered(index);
        });
        for (std::size_t i = 0; i < taken; ++i) CHECK(batches.next().size() == i);
        for (int i = 0; i < pause; ++i) std::this_thread::yield();
      }
      CHECK(made.load() >= static_cast<int>(taken));
      CHECK(made.load() <= static_cast<int>(taken) + 1);
    }
}

TEST_CASE("one step too many is refused") {
  for (const bool ahead : {false, true}) {
    BatchesAhead batches(0, 1, ahead, numbered);
    batches.next();
    CHECK_THROWS_AS(batches.next(), InternalError);
  }
}
