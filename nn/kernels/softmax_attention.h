// Kernels of softmax attention in blocks (Dao et al. 2022): 64 queries meet 64 keys at a time, so
// that no N x N matrix is ever stored. With s_mn = scale q_m . k_n + lag_(m-n) + bias_mn,
//
//   forward    t_m = max_n s_mn (running),  l_m = sum_n e^(s_mn - t_m),  y_m = sum_n e^(..) v_n /
//   l_m backward   p = e^(s - t) / l again,  D_m = g_m . y_m,  ds_mn = p_mn (g_m . v_n - D_m),
//              dv_n = sum_m p_mn g_m,  dq_m = scale sum_n ds_mn k_n,  dk_n = scale sum_m ds_mn q_m
//
// Every sum goes over the blocks in order, whatever the number of threads.
#pragma once

#include <cstdint>

#include "tensor/level.h"

namespace gradus {

/// A matrix in somebody's memory.
template <class T>
struct SoftmaxMatrix {
  const T* at = nullptr;
  std::int64_t row_step = 0, column_step = 1;
};

/// Rows to write, columns side by side; null where not wanted.
template <class T>
struct SoftmaxRows {
  T* at = nullptr;
  std::int64_t step = 0;  // from row to row
};

/// One head of one sequence.
template <class T>
struct SoftmaxHead {
  std::int64_t queries = 0, keys = 0;       // rows of q, rows of k and v
  std::int64_t width = 0, value_width = 0;  // columns of q and k, columns of v
  std::int64_t first = 0;                   // query i is row first + i of the keys
  bool causal = false;                      // it sees keys up to its own row
  T scale = 1;
  SoftmaxMatrix<T> q, k, v;
  SoftmaxMatrix<T> bias;   // [queries, keys], column_step 1; or null
  const T* lag = nullptr;  // [queries + keys - 1], from lag -(keys - 1) on; or null
  std::int64_t lag_step = 1;
  const std::uint8_t* key_mask = nullptr;  // [keys], 0: hidden; or null
  std::int64_t key_mask_step = 1;
  // Weight (i, n) is dropped where the random bits of element first_element + i keys + n are below
  // drop_below, and multiplied by kept elsewhere (tensor/random.h).
  std::uint64_t drop_below = 0, random_key = 0, random_draw = 0, first_element = 0;
  T kept = 1;
  SoftmaxRows<T> y;                      // written by the forward direction
  T *top = nullptr, *inverse = nullptr;  // t and 1/l [queries]
};

/// Gradients of one head; null where not wanted.
template <class T>
struct SoftmaxGrads {
  SoftmaxMatrix<T> g, y;
  SoftmaxRows<T> dq;  // written by the part that has all keys, else the part's own sum
  SoftmaxRows<T> dk, dv;
  T* dbias = nullptr;  // [queries, keys]: added to
  T* dlag = nullptr;   // [queries + keys - 1]: added to
};

inline constexpr std::int64_t kSoftmaxBlock = 64;

template <class T>
struct SoftmaxKernels {
  /// Elements of scratch that one thread needs, 64-byte aligned.
  std::int64_t (*forward_scratch)(const SoftmaxHead<T>&);
  std::int64_t (*backward_scratch)(const SoftmaxHead<T>&);
  /// Before the blocks of a head.
  void (*prepare_forward)(const SoftmaxHead<T>&, T* scratch);
  /// Queries 64 block .. 64 block + 63.
  void (*forward)(const SoftmaxHead<T>&, std::int64_t block, T* scratch);
  /// What key blocks begin .. end - 1 give; dq of these keys alone.
  void (*backward)(const SoftmaxHead<T>&, const SoftmaxGrads<T>&, std::int64_t begin,
                   std::int64_t end, T* scratch);
};

GRADUS_DECLARE_KERNELS(SoftmaxKernels<float>, softmax_f32);
GRADUS_DECLARE_KERNELS(SoftmaxKernels<double>, softmax_f64);

}  // namespace gradus
