#include "tensor/gemm.h"

#include <cblas.h>

#include <mutex>
#include <type_traits>

// Note [Which OpenBLAS may run in several threads at once]
// Each product takes a work buffer from one table of the library. The builds with threads of their
// own lock that table; Debian's serial build does not, and two threads may be given the same buffer
// (seen: wrong products in one of 1e5 calls from four threads). So calls of a serial build take
// turns here.

namespace gradus {
namespace {

/// A threaded OpenBLAS would compete with our pool, and its bits would depend on its threads.
void use_one_blas_thread() {
  static const bool done = [] {
    if (openblas_get_parallel() != 0) openblas_set_num_threads(1);
    return true;
  }();
  static_cast<void>(done);
}

/// Held during a call where the library does not lock its buffers itself.
std::unique_lock<std::mutex> turn() {
  static const bool locks_itself = openblas_get_parallel() != 0;
  static std::mutex mutex;
  return locks_itself ? std::unique_lock<std::mutex>() : std::unique_lock(mutex);
}

CBLAS_TRANSPOSE flag(Transposed t) { return t == Transposed::yes ? CblasTrans : CblasNoTrans; }

}  // namespace

template <class T>
void gemm(Transposed transposed_a, Transposed transposed_b, int64 m, int64 n, int64 k, T alpha,
          const T* a, int64 lead_a, const T* b, int64 lead_b, T beta, T* c, int64 lead_c) {
  use_one_blas_thread();
  const std::unique_lock<std::mutex> held = turn();
  const auto call = [&](auto* function) {
    function(CblasRowMajor, flag(transposed_a), flag(transposed_b), static_cast<blasint>(m),
             static_cast<blasint>(n), static_cast<blasint>(k), alpha, a,
             static_cast<blasint>(lead_a), b, static_cast<blasint>(lead_b), beta, c,
             static_cast<blasint>(lead_c));
  };
  if constexpr (std::is_same_v<T, float>)
    call(&cblas_sgemm);
  else
    call(&cblas_dgemm);
}

template void gemm<float>(Transposed, Transposed, int64, int64, int64, float, const float*, int64,
                          const float*, int64, float, float*, int64);
template void gemm<double>(Transposed, Transposed, int64, int64, int64, double, const double*,
                           int64, const double*, int64, double, double*, int64);

}  // namespace gradus
