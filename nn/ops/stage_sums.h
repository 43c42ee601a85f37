// The gradients of what a stage of features is made with (W, b, shifts), which all heads share:
// each head has sums of its own, added in one order at the end, so that their bits are those of any
// number of threads.
#pragma once

#include <vector>

#include "nn/ops/linear_attention.h"
#include "nn/ops/row_features.h"
#include "tensor/index.h"

namespace gradus::ops {

template <class T>
class StageSums {
 public:
  StageSums(const KernelCall& c, const Places& at, int64 heads, int64 queries) {
    const auto wanted = [&c](int i) { return i && c.wanted[static_cast<std::size_t>(i)]; };
    const auto input = [&c](int i) -> const Tensor& { return c.in[static_cast<std::size_t>(i)]; };
    const auto fresh = [&](Tensor& sums, T*& begin, const Shape& shape) {
      sums = zeros(shape, c.cotangent.dtype());
      begin = sums.template writable<T>();
    };
    if (wanted(at.weight)) {
      const Shape& w = input(at.weight).shape();
      columns_ = stage_padded(w[1]), weight_size_ = stage_padded(w[0]) * columns_;
      fresh(weight_, to_weight_, {heads, stage_padded(w[0]), columns_});
    }
    if (wanted(at.bias)) {
      columns_ = stage_padded(input(at.bias).size(0));
      fresh(bias_, to_bias_, {heads, columns_});
    }
    if (wanted(at.shift)) fresh(q_shift_, to_q_, {heads, queries});
    if (at.shift && wanted(at.shift + 1)) fresh(k_shift_, to_k_, {heads, 1});
    queries_ = queries;
  }
  void place(LinearBackward<T>& b, int64 head) const {
    if (to_weight_) b.dweight = {to_weight_ + head * weight_size_, columns_};
    if (to_bias_) b.dbias = to_bias_ + head * columns_;
    if (to_q_) b.dq_shift = {to_q_ + head * queries_, 1};
    if (to_k_) b.dk_shift = {to_k_ + head, 0};
  }
  /// Into the gradients of the op's inputs.
  void give(std::vector<Tensor>& out, const KernelCall& c, const Places& at) const {
    const auto give = [&](int i, const Tensor& sums, auto&& made) {
      const auto k = static_cast<std::size_t>(i);
      if (sums.defined()) out[k] = made(c.in[k].shape());
    };
    give(at.weight, weight_, [&](const Shape& s) {
      return contiguous(slice(slice(sum(weight_, {0}), 0, 0, s[0]), 1, 0, s[1]));
    });
    give(at.bias, bias_,
         [&](const Shape& s) { return contiguous(slice(sum(bias_, {0}), 0, 0, s[0])); });
    give(at.shift, q_shift_, [&](const Shape& s) { return reshape(q_shift_, s); });
    give(at.shift + 1, k_shift_, [&](const Shape& s) { return reshape(k_shift_, s); });
  }

 private:
  Tensor weight_, bias_, q_shift_, k_shift_;
  T *to_weight_ = nullptr, *to_bias_ = nullptr, *to_q_ = nullptr, *to_k_ = nullptr;
  int64 columns_ = 0, weight_size_ = 0, queries_ = 0;
};

}  // namespace gradus::ops
