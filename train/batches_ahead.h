// The batches of an epoch, each made while the step before it runs: a training step waits for its
// input only where that takes longer than the step. One thread makes them all, one at a time; what
// a batch holds does not depend on when it is made.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "data/harmony_set.h"

namespace gradus {

class BatchesAhead {
 public:
  /// The micro-batches of step `index`; called from another thread, for one step at a time.
  using Make = std::function<std::vector<HarmonyBatch>(std::size_t index)>;

  /// Steps first .. count - 1. With `ahead` false each is made when asked for (one thread).
  BatchesAhead(std::size_t first, std::size_t count, bool ahead, Make make);
  /// Waits for what is being made.
  ~BatchesAhead();
  BatchesAhead(const BatchesAhead&) = delete;
  BatchesAhead& operator=(const BatchesAhead&) = delete;

  bool done() const { return next_ >= count_; }
  /// The next step's batches; what making them threw is thrown here, and again if asked again.
  std::vector<HarmonyBatch> next();
  /// Seconds that next() took so far.
  double waited() const { return waited_; }

 private:
  void work(std::size_t index);
  std::vector<HarmonyBatch> take();

  std::size_t next_, count_;
  Make make_;
  double waited_ = 0;

  std::mutex mutex_;  // of the three below
  std::condition_variable changed_;
  std::optional<std::vector<HarmonyBatch>> made_;  // those of step next_
  std::exception_ptr error_;                       // of making them; none follow
  bool left_ = false;                              // nobody asks any more
  std::thread worker_;
};

}  // namespace gradus
