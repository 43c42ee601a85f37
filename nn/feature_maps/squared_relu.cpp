// squared_relu: phi(x) = max(x, 0)^2, whose derivative has no jump at 0. phi(q) . phi(k) = sum of
// (q_i k_i)^2 where both are positive: large agreement counts more than with relu.
#include "nn/feature_maps/elementwise.h"

namespace gradus::detail {

extern const FeatureMapDef kSquaredReluMap{
    .name = "squared_relu",
    .formula = "phi(x) = max(x, 0)^2",
    .source = "So et al. 2021, the activation of Primer",
    .non_negative = true,
    .stochastic = false,
    .learned = false,
    .options = {},
    .make = [](const Build& build, int64 width, int64, Options&) -> std::unique_ptr<FeatureMap> {
      return std::make_unique<ElementwiseMap>(build, "squared_relu", width,
                                              ElementwiseMap::Sign::non_negative,
                                              [](const Var& x) { return square(relu(x)); });
    }};

}  // namespace gradus::detail
