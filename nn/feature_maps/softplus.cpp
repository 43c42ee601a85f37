// softplus: phi(x) = log(1 + e^x), positive and smooth: near x for large x, near e^x for small x,
// as elu1, whose second derivative jumps at 0.
#include "nn/feature_maps/elementwise.h"

namespace gradus::detail {

extern const FeatureMapDef kSoftplusMap{
    .name = "softplus",
    .formula = "phi(x) = log(1 + e^x)",
    .source = "Dugas et al. 2001, the function",
    .non_negative = true,
    .stochastic = false,
    .learned = false,
    .options = {},
    .make = [](const Build& build, int64 width, int64, Options&) -> std::unique_ptr<FeatureMap> {
      return std::make_unique<ElementwiseMap>(build, "softplus", width,
                                              ElementwiseMap::Sign::non_negative,
                                              [](const Var& x) { return softplus(x); });
    }};

}  // namespace gradus::detail
