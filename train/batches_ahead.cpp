#include "train/batches_ahead.h"

#include <chrono>

#include "tensor/error.h"

namespace gradus {

BatchesAhead::BatchesAhead(std::size_t first, std::size_t count, bool ahead, Make make)
    : next_(first), count_(count), make_(std::move(make)) {
  if (ahead && !done()) worker_ = std::thread([this, first] { work(first); });
}

BatchesAhead::~BatchesAhead() {
  if (!worker_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    left_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

void BatchesAhead::work(std::size_t index) {
  for (; index < count_; ++index) {
    std::vector<HarmonyBatch> batches;
    std::exception_ptr error;
    try {
      batches = make_(index);
    } catch (...) {
      error = std::current_exception();
    }
    std::unique_lock lock(mutex_);
    if (error)
      error_ = std::move(error);
    else
      made_ = std::move(batches);
    changed_.notify_all();
    changed_.wait(lock, [this] { return left_ || (!made_ && !error_); });
    if (left_) return;
  }
}

std::vector<HarmonyBatch> BatchesAhead::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return made_ || error_; });
  if (error_) std::rethrow_exception(error_);
  std::vector<HarmonyBatch> batches = std::move(*made_);
  made_.reset();
  lock.unlock();
  changed_.notify_all();
  return batches;
}

std::vector<HarmonyBatch> BatchesAhead::next() {
  check<InternalError>(!done(), "batches_ahead: step {} asked for, there are {}", next_, count_);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<HarmonyBatch> batches = worker_.joinable() ? take() : make_(next_);
  ++next_;
  waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return batches;
}

}  // namespace gradus
