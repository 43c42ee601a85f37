// The batches of an epoch, each made while the step before it runs: a training step waits for its
// input only where that takes longer than the step. What a batch holds does not depend on when it
// is made.
#pragma once

#include <functional>
#include <future>
#include <vector>

#include "data/harmony_set.h"

namespace gradus {

class BatchesAhead {
 public:
  /// The micro-batches of step `index`; called from another thread, for one step at a time.
  using Make = std::function<std::vector<HarmonyBatch>(std::size_t index)>;

  /// Steps first .. count - 1. With `ahead` false each is made when asked for (one thread).
  BatchesAhead(std::size_t first, std::size_t count, bool ahead, Make make);

  bool done() const { return next_ >= count_; }
  /// The next step's batches; what making them threw is thrown here.
  std::vector<HarmonyBatch> next();
  /// Seconds that next() took so far.
  double waited() const { return waited_; }

 private:
  void start();
  std::size_t next_, count_;
  bool ahead_;
  Make make_;
  double waited_ = 0;
  std::future<std::vector<HarmonyBatch>> coming_;  // last: its end waits for the thread
};

}  // namespace gradus
