#include "train/batches_ahead.h"

#include <chrono>

namespace gradus {

BatchesAhead::BatchesAhead(std::size_t first, std::size_t count, bool ahead, Make make)
    : next_(first), count_(count), ahead_(ahead), make_(std::move(make)) {
  start();
}

void BatchesAhead::start() {
  if (done()) return;
  const auto when = ahead_ ? std::launch::async : std::launch::deferred;
  coming_ = std::async(when, [this, index = next_] { return make_(index); });
}

std::vector<HarmonyBatch> BatchesAhead::next() {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<HarmonyBatch> batches = coming_.get();
  ++next_;
  start();
  waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return batches;
}

}  // namespace gradus
