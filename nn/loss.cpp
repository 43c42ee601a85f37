#include "nn/loss.h"

#include <algorithm>

#include "autograd/record.h"

#include "tensor/elementwise.h"
#include "tensor/reduce.h"

namespace gradus {

namespace {

/// The mean of `values` where the mask is 1.
Var masked_mean(const Var& values, const Var& mask) {
  if (!mask.defined()) return values.numel() > 0 ? mean(values) : sum(values);
  check_dtype(mask.dtype() == DType::u8, "the mask of a loss must be u8, got {}",
              name(mask.dtype()));
  check_shape(can_broadcast(mask.shape(), values.shape()),
              "the mask {} does not broadcast to the loss's elements {}", text(mask.shape()),
              text(values.shape()));
  const Tensor all = broadcast_to(mask.value(), values.shape());
  const double count = std::max(1.0, sum(all).item());
  return sum(masked_fill(values, Var(logical_not(all)), 0)) / count;
}

}  // namespace

Var bce_loss(At x, const Var& target, const Var& mask, BceOptions options) {
  const ScopeGuard scope("bce_loss");
  return masked_mean(bce_with_logits(x, target, options.positive_weight, options.focal_gamma), mask)
      .named("loss");
}

Var cross_entropy_loss(At logits, const Var& ids, CrossEntropyOptions options) {
  const ScopeGuard scope("cross_entropy_loss");
  const Var rows = cross_entropy_rows(logits, ids, options.label_smoothing, options.ignore_index);
  const Tensor kept =
      not_equal(ids.value(), scalar(static_cast<double>(options.ignore_index), DType::i64));
  return (sum(rows) / std::max(1.0, sum(kept).item())).named("loss");
}

Var mse_loss(At x, const Var& target, const Var& mask) {
  const ScopeGuard scope("mse_loss");
  check_shape(x.var.shape() == target.shape(), "the prediction is {}, the target {}",
              text(x.var.shape()), text(target.shape()));
  return masked_mean(square(sub(x, target)), mask).named("loss");
}

}  // namespace gradus
