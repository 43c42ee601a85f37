#include "tensor/parallel.h"

#include <fmt/core.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace gradus {
namespace {

constexpr int kMaxThreads = 1024;
// About 20 us: long enough to catch the next loop of the same step, short enough to cost nothing
// where other processes want the core.
constexpr int kSpins = 1000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// Note [How a loop is handed out]
// `claim` holds the number of parts nobody has taken yet. Whoever lowers it by one owns that part;
// the caller takes parts like any worker, so a worker that wakes late costs nothing, and a process
// without workers (after fork) still gets all the work done. The fields of the loop are read only
// between taking a part and counting it as done: the caller cannot leave, nor start the next loop,
// in that time.
class Pool {
 public:
  void run(int64 begin, std::uint64_t count, int parts, detail::RangeFn fn, void* context, int n) {
    start(n - 1);
    fn_ = fn, context_ = context, begin_ = begin, count_ = count, parts_ = parts;
    error_ = nullptr;
    failed_.store(false, std::memory_order_relaxed);
    remaining_.store(parts, std::memory_order_relaxed);
    claim_.store(parts);
    if (sleepers_.load() > 0) {
      bell_.fetch_add(1);
      bell_.notify_all();
    }
    work();
    for (int spin = 0; spin < spins_; ++spin) {
      if (remaining_.load(std::memory_order_acquire) == 0) break;
      pause();
    }
    for (int left; (left = remaining_.load(std::memory_order_acquire)) != 0;)
      remaining_.wait(left, std::memory_order_acquire);
    if (failed_.load(std::memory_order_relaxed)) {
      std::exception_ptr error = std::move(error_);
      error_ = nullptr;
      std::rethrow_exception(error);
    }
  }

  void stop() {
    stop_.store(true);
    bell_.fetch_add(1);
    bell_.notify_all();
    for (auto& w : workers_) w.join();
    workers_.clear();
    started_ = false;
    stop_.store(false);
  }

  void work_alone() { started_ = true; }

  // Set while a loop runs or the pool changes: whoever finds it set does its work alone.
  std::atomic<bool> busy{false};

 private:
  void start(int wanted);
  void serve();
  void work();
  void run_part(int part);

  detail::RangeFn fn_ = nullptr;
  void* context_ = nullptr;
  int64 begin_ = 0;
  std::uint64_t count_ = 0;
  int parts_ = 0;
  std::exception_ptr error_;

  int spins_ = kSpins;
  bool started_ = false;
  std::vector<std::thread> workers_;
  alignas(64) std::atomic<int> claim_{0};
  alignas(64) std::atomic<int> remaining_{0};
  std::atomic<bool> failed_{false};
  alignas(64) std::atomic<int> sleepers_{0};
  std::atomic<int> bell_{0};
  std::atomic<bool> stop_{false};
};

thread_local bool inside_part = false;

void Pool::run_part(int part) {
  const auto i = static_cast<std::uint64_t>(part), n = static_cast<std::uint64_t>(parts_);
  const std::uint64_t size = count_ / n, rest = count_ % n;
  // Unsigned arithmetic wraps as it should for ranges that start far below zero.
  const std::uint64_t b = static_cast<std::uint64_t>(begin_) + i * size + std::min(i, rest);
  const std::uint64_t e = b + size + (i < rest ? 1 : 0);
  try {
    fn_(context_, static_cast<int64>(b), static_cast<int64>(e));
  } catch (...) {
    if (!failed_.exchange(true)) error_ = std::current_exception();
  }
}

void Pool::work() {
  int left = claim_.load();
  while (left > 0) {
    if (!claim_.compare_exchange_weak(left, left - 1)) continue;
    inside_part = true;
    run_part(parts_ - left);
    inside_part = false;
    if (remaining_.fetch_sub(1, std::memory_order_acq_rel) == 1) remaining_.notify_all();
    left = claim_.load();
  }
}

void Pool::serve() {
  for (;;) {
    for (int spin = 0; spin < spins_ && claim_.load(std::memory_order_relaxed) <= 0; ++spin)
      pause();
    work();
    const int rung = bell_.load();
    sleepers_.fetch_add(1);
    if (claim_.load() <= 0 && !stop_.load()) bell_.wait(rung);
    sleepers_.fetch_sub(1);
    if (stop_.load()) return;
  }
}

int usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void Pool::start(int wanted) {
  if (started_) return;
  started_ = true;
  // With more threads than CPUs a spinning thread holds the CPU that another one needs.
  spins_ = wanted + 1 > usable_cpus() ? 0 : kSpins;
  // Signals belong to the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    for (int i = 0; i < wanted; ++i) {
      workers_.emplace_back([this] { serve(); });
      pthread_setname_np(workers_.back().native_handle(), "gradus");
    }
  } catch (const std::system_error&) {
    // The system gives no more threads: the ones there are share the work.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// Leaked on purpose: workers sleep in it until the process ends, and tensors in static storage may
// still compute then.
std::atomic<Pool*> current_pool{nullptr};

Pool& pool() {
  static const bool ready = [] {
    current_pool.store(new Pool);
    // A forked child has no workers: it works alone, until it calls set_threads.
    pthread_atfork(nullptr, nullptr, [] {
      current_pool.store(new Pool);
      current_pool.load()->work_alone();
    });
    return true;
  }();
  (void)ready;
  return *current_pool.load(std::memory_order_acquire);
}

std::atomic<int> thread_count{0};

}  // namespace

int threads() {
  const int n = thread_count.load(std::memory_order_relaxed);
  if (n > 0) [[likely]]
    return n;
  int unset = 0;
  const char* text = std::getenv("GRADUS_THREADS");
  const int first =
      text && *text ? detail::parse_threads(text) : std::min(usable_cpus(), kMaxThreads);
  return thread_count.compare_exchange_strong(unset, first) ? first : unset;
}

void set_threads(int n) {
  check<ConfigError>(n >= 1 && n <= kMaxThreads, "threads is {}; allowed is 1 to {}", n,
                     kMaxThreads);
  check<ConfigError>(!inside_part, "set_threads({}) inside parallel_for: call it outside", n);
  Pool& p = pool();
  while (p.busy.exchange(true)) std::this_thread::yield();
  p.stop();
  thread_count.store(n);
  p.busy.store(false);
}

namespace detail {

int parse_threads(const char* text) {
  int n = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, n);
  check<ConfigError>(error == std::errc() && stop == end && n >= 1 && n <= kMaxThreads,
                     "GRADUS_THREADS is '{}'; allowed is a whole number from 1 to {}", text,
                     kMaxThreads);
  return n;
}

void parallel_for(int64 begin, int64 end, int64 grain, RangeFn fn, void* context) {
  if (begin >= end) return;
  const std::uint64_t count = static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(begin);
  const std::uint64_t most = count / static_cast<std::uint64_t>(std::max<int64>(grain, 1));
  if (most >= 2 && !inside_part && threads() > 1) {
    Pool& p = pool();
    if (!p.busy.exchange(true)) {
      struct Release {
        Pool& held;
        ~Release() { held.busy.store(false); }
      } release{p};
      // Read again: set_threads may have come in between, and cannot any more.
      const int n = threads();
      const auto parts = std::min<std::uint64_t>(static_cast<std::uint64_t>(n), most);
      return p.run(begin, count, static_cast<int>(parts), fn, context, n);
    }
  }
  fn(context, begin, end);
}

}  // namespace detail
}  // namespace gradus
