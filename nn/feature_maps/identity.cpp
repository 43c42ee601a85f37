// identity: phi(x) = x, so that K(q, k) = q . k: what an encoding does to the product is left as
// it is. Signed, so it needs normaliser = none.
#include "nn/feature_maps/elementwise.h"

namespace gradus::detail {

extern const FeatureMapDef kIdentityMap{
    .name = "identity",
    .formula = "phi(x) = x",
    .source = "Choromanski et al. 2021, generalised attention",
    .non_negative = false,
    .stochastic = false,
    .learned = false,
    .options = {},
    .make = [](const Build& build, int64 width, int64, Options&) -> std::unique_ptr<FeatureMap> {
      return std::make_unique<ElementwiseMap>(build, "identity", width, ElementwiseMap::Sign::any,
                                              [](const Var& x) { return alias(x); });
    }};

}  // namespace gradus::detail
