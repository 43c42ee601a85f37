// The explicit table of the ops of nn/, sorted by name.
#include "nn/ops.h"

namespace gradus {

namespace ops {
extern const OpDef kBceWithLogits, kCausalProduct, kCrossEntropyRows, kElu1, kGelu, kLagProduct,
    kLayerNorm, kLinear, kLinearAttention, kRmsNorm, kSilu, kSoftmaxAttention, kToeplitzProduct;
}  // namespace ops

std::span<const OpDef* const> nn_ops() {
  using namespace ops;
  static const OpDef* const table[] = {
      &kBceWithLogits,  &kCausalProduct, &kCrossEntropyRows, &kElu1,    &kGelu, &kLagProduct,
      &kLayerNorm,      &kLinear,        &kLinearAttention,  &kRmsNorm, &kSilu, &kSoftmaxAttention,
      &kToeplitzProduct};
  return table;
}

}  // namespace gradus
