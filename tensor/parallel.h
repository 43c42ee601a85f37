// The one thread pool. `parallel_for` cuts a range into parts; the caller works too; nested calls
// run in the caller. Nothing that is computed may depend on how the range was cut: same seed, same
// bits, whatever the number of threads, as long as each part writes its own elements. Kernels that
// sum over parts use fixed-size parts and add in order.
#pragma once

#include <type_traits>
#include <utility>

#include "tensor/dtype.h"

namespace gradus {

/// Threads in use, the caller included. At start: GRADUS_THREADS, else the CPUs this process may
/// run on.
int threads();
/// 1 to 1024, else ConfigError. Programs call it; the library never does.
void set_threads(int n);

namespace detail {
/// The value of GRADUS_THREADS; ConfigError where it is none.
int parse_threads(const char* text);
using RangeFn = void (*)(void* context, int64 begin, int64 end);
void parallel_for(int64 begin, int64 end, int64 grain, RangeFn fn, void* context);
}  // namespace detail

/// Calls body(b, e) on disjoint parts that cover [begin, end), each of at least `grain` items,
/// maybe at the same time. The first exception thrown by a part is thrown here once all parts have
/// ended.
template <class F>
void parallel_for(int64 begin, int64 end, int64 grain, F&& body) {
  using Body = std::remove_reference_t<F>;
  detail::parallel_for(
      begin, end, grain,
      [](void* context, int64 b, int64 e) { (*static_cast<Body*>(context))(b, e); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace gradus
