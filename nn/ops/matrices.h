// A tensor [..., N, w] as one matrix per index of the batch axes, for kernels that take rows of
// numbers side by side; and outputs that lie in memory as another tensor does, so that heads which
// were split by a view are joined by one.
#pragma once

#include <algorithm>
#include <vector>

#include "autograd/op.h"
#include "nn/kernels/linear_attention.h"
#include "nn/ops.h"
#include "tensor/array.h"
#include "tensor/parallel.h"

namespace gradus::ops {

/// Where the matrix of that index of the batch axes begins.
inline int64 matrix_offset(const Tensor& t, int64 index) {
  int64 offset = 0;
  for (int axis = t.rank() - 3; axis >= 0; --axis) {
    offset += index % t.shape()[axis] * t.strides()[axis];
    index /= t.shape()[axis];
  }
  return offset;
}

/// A matrix [N, w] per index of the batch axes, with rows `lead` apart; copied where columns do not
/// lie side by side.
template <class T>
class Matrices {
 public:
  /// None: rows() has a null pointer.
  Matrices() = default;
  explicit Matrices(const Tensor& t) : tensor_(t) {
    const int last = t.rank() - 1;
    const bool rows_apart = t.shape()[last - 1] == 1 || t.strides()[last - 1] >= t.shape()[last];
    if ((t.strides()[last] != 1 && t.shape()[last] > 1) || !rows_apart) tensor_ = contiguous(t);
    lead_ = tensor_.shape()[last - 1] == 1 ? tensor_.shape()[last] : tensor_.strides()[last - 1];
    elements_ = tensor_.template data<T>();
  }
  RowsAt<const T> rows(int64 index) const {
    if (!elements_) return {};
    return {elements_ + matrix_offset(tensor_, index), lead_};
  }

 private:
  Tensor tensor_;
  int64 lead_ = 1;
  const T* elements_ = nullptr;
};

/// A new tensor to be filled matrix by matrix, its axes in memory in the order of those of `like`
/// where each row of `like` lies in one piece.
template <class T>
class NewMatrices {
 public:
  /// Nothing to be filled: rows() has a null pointer.
  NewMatrices() = default;
  NewMatrices(const Shape& shape, const Tensor& like) {
    const int rank = shape.rank();
    std::vector<int64> order(static_cast<std::size_t>(rank)), back(order.size());
    for (int i = 0; i < rank; ++i) order[static_cast<std::size_t>(i)] = i;
    const bool rows_whole = like.rank() == rank && like.strides()[rank - 1] == 1;
    if (rows_whole)
      std::stable_sort(order.begin(), order.end() - 1, [&like](int64 a, int64 b) {
        return like.strides()[static_cast<int>(a)] > like.strides()[static_cast<int>(b)];
      });
    Shape in_memory = shape;
    for (int i = 0; i < rank; ++i) {
      const int64 axis = order[static_cast<std::size_t>(i)];
      in_memory[i] = shape[static_cast<int>(axis)];
      back[static_cast<std::size_t>(axis)] = i;
    }
    tensor_ = Tensor::empty(in_memory, like.dtype());
    elements_ = tensor_.template writable<T>();
    tensor_ = permute(tensor_, back);
  }
  const Tensor& tensor() const { return tensor_; }
  RowsAt<T> rows(int64 index) const {
    if (!elements_) return {};
    return {elements_ + matrix_offset(tensor_, index), tensor_.strides()[tensor_.rank() - 2]};
  }

 private:
  Tensor tensor_;
  T* elements_ = nullptr;
};

/// The sizes of a head of linear attention.
struct HeadSizes {
  int64 queries, keys, features, width;
  int64 inputs = 0, columns = 0;  ///< of the stage that makes features
  /// Multiply-adds, about.
  int64 work() const {
    return (queries + keys) * (64 * (features + width) + features * width + inputs * columns);
  }
};

/// f(head, scratch) for each head, with memory of its own for each part of the heads.
template <class T, class F>
void for_heads(int64 heads, const HeadSizes& sizes, F&& f) {
  constexpr int64 kPart = 1 << 19;  // multiply-adds that are worth another thread
  const int64 needed = GRADUS_KERNELS(kLinearAttention)
                           .of(T())
                           .scratch(sizes.features, sizes.width, sizes.inputs, sizes.columns);
  parallel_for(0, heads, 1 + kPart / (sizes.work() + 1), [&](int64 begin, int64 end) {
    Tensor memory = Tensor::empty({needed}, dtype_of<T>());
    T* const scratch = memory.writable<T>();
    for (int64 i = begin; i < end; ++i) f(i, scratch);
  });
}

}  // namespace gradus::ops
