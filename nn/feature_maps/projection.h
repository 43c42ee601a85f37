// Random projections W [r, columns] for feature maps that estimate a kernel: each column is
// Gaussian, N(0, I), and those of a block of r are orthogonal, which makes the estimate vary less
// and leaves its mean (Yu et al. 2016; Choromanski et al. 2021, theorem 2).
#pragma once

#include "nn/module.h"
#include "tensor/elementwise.h"

namespace gradus::detail {

/// f64 [width, columns]: orthogonal inside a block of `width` columns, independent beside it.
Tensor orthogonal_projection(Rng& rng, int64 width, int64 columns);
/// Draws the projection that the buffer holds anew.
void redraw(Buffer& projection, Rng& rng);

}  // namespace gradus::detail
