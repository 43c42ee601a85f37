// relu: phi(x) = max(x, 0).
#include "nn/feature_maps/elementwise.h"

namespace gradus::detail {

extern const FeatureMapDef kReluMap{
    .name = "relu",
    .formula = "phi(x) = max(x, 0)",
    .source = "Choromanski et al. 2021, generalised attention",
    .non_negative = true,
    .stochastic = false,
    .learned = false,
    .options = {},
    .make = [](const Build& build, int64 width, int64, Options&) -> std::unique_ptr<FeatureMap> {
      return std::make_unique<ElementwiseMap>(build, "relu", width,
                                              ElementwiseMap::Sign::non_negative,
                                              [](const Var& x) { return relu(x); });
    }};

}  // namespace gradus::detail
