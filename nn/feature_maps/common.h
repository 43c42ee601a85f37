// What the feature maps share: the limit on their size.
#pragma once

#include "nn/feature_map.h"

namespace gradus::detail {

/// m itself; ConfigError above kMaxFeatures.
inline int64 checked_features(std::string_view map, int64 width, int64 m) {
  check<ConfigError>(m <= kMaxFeatures,
                     "feature map '{}' makes {} features of inputs {} wide; {} is the limit", map,
                     m, width, kMaxFeatures);
  return m;
}

}  // namespace gradus::detail
