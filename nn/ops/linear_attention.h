// The attributes of linear_attention, where its inputs stand, and its samples.
#pragma once

#include <vector>

#include "autograd/op.h"
#include "nn/element_map.h"

namespace gradus::ops {

/// RowFeatures without tensors.
struct FeaturesSaid {
  ElementMap map = ElementMap::identity;
  bool weighted = false, biased = false, shifted = false;
  double norm = 0, scale = 1;
};
Attrs attrs_of(Keys keys, const FeaturesSaid& features, bool divided, bool masked,
               bool turned = false, bool scaled = false);

/// Where the inputs behind q, k and v stand; 0: not there. A turn of k, a shift or a scale, comes
/// after that of q.
struct Places {
  int eps, kept, turn, weight, bias, shift, scale;
};
Places places_of(const Attrs& attrs);

std::vector<Sample> linear_attention_samples();
std::vector<BadSample> linear_attention_bad();

}  // namespace gradus::ops
