// checkpoint: less memory for more time. y = f(inputs) becomes one node; the values inside f are
// not kept but computed again when the backward pass arrives there (Chen et al. 2016, "Training
// Deep Nets with Sublinear Memory Cost").
//
// Note [What f may do]
// f runs twice or more and must give the same bits each time: it reads its inputs, constants and
// attributes, no hidden state, and no Var outside its inputs that wants a gradient (a GraphError in
// the backward pass: that gradient would be lost). Gradients have the bits of a plain run, as long
// as all uses of an input that f uses twice stand inside f; else sums associate in another order.
//
// Note [Who sees the inside]
// Value hooks fire in each run of f, for all runs must compute the same. Gradient hooks fire on the
// nodes inside f once a backward pass; the inputs and the result have theirs outside. Observers see
// the first run's ops and the vjps of the second; the second's forward is a part of the vjp.
// Gradients and dumps hold the outer nodes only. Under Fusion::off f is recorded as it is, for
// inspection; so it is where nothing wants a gradient.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>

#include "autograd/op.h"

namespace gradus {

using CheckpointFunction = std::function<Var(std::span<const Var>)>;

/// y = f(inputs) as one node; the values inside are computed again in the vjp.
Var checkpoint(CheckpointFunction f, std::span<const Var> inputs,
               const char* file = __builtin_FILE(), int line = __builtin_LINE());
inline Var checkpoint(CheckpointFunction f, std::initializer_list<Var> inputs,
                      const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return checkpoint(std::move(f), std::span<const Var>(inputs.begin(), inputs.size()), file, line);
}

}  // namespace gradus
