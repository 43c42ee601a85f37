// elu1: phi(x) = elu(x) + 1, positive and smooth at 0.
#include "nn/ops.h"

#include "nn/feature_maps/elementwise.h"

namespace gradus::detail {

extern const FeatureMapDef kElu1Map{
    .name = "elu1",
    .formula = "phi(x) = x + 1 where x > 0, else e^x",
    .source = "Katharopoulos et al. 2020, eq. 7",
    .non_negative = true,
    .stochastic = false,
    .learned = false,
    .options = {},
    .make = [](const Build& build, int64 width, int64, Options&) -> std::unique_ptr<FeatureMap> {
      return std::make_unique<ElementwiseMap>(build, "elu1", width,
                                              ElementwiseMap::Sign::non_negative,
                                              [](const Var& x) { return elu1(x); });
    }};

}  // namespace gradus::detail
