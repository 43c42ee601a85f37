// Features of rows for linear attention: their maps by name, in plain ops, and as the kernel takes
// them.
#pragma once

#include <string_view>

#include "nn/kernels/linear_attention.h"
#include "nn/ops.h"

namespace gradus::ops {

std::string_view name_of(ElementMap map);
/// InternalError for a word that is no map's.
ElementMap map_named(std::string_view name);
/// Whether numbers may be taken out of its exponents.
bool is_exponential(ElementMap map);

/// The features of rows x, composed of plain ops.
Var plain_features(const Var& x, const RowFeatures& f, const Var& shift);

/// What a kernel reads of a stage beside shifts; memory of its own.
template <class T>
class StageMemory {
 public:
  StageMemory() = default;
  /// `weight` and `bias` may be undefined; `both_ways`: with the transpose too.
  StageMemory(ElementMap map, int64 inputs, const Tensor& weight, const Tensor& bias, double norm,
              double scale, bool both_ways);
  const FeatureStage<T>& stage() const { return stage_; }

 private:
  Tensor weight_, transposed_, bias_;
  FeatureStage<T> stage_;
};
extern template class StageMemory<float>;
extern template class StageMemory<double>;

/// n up to the next multiple of kStagePad.
inline int64 stage_padded(int64 n) { return (n + kStagePad - 1) / kStagePad * kStagePad; }

}  // namespace gradus::ops
