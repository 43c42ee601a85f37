// Streaming: a piece is harmonized while it is heard, bar by bar. A causal model gives a bar the
// same probabilities whether or not it knows what follows; one that hears the whole window, or
// whose context is a function of it, cannot be used so.
#pragma once

#include <functional>

#include "train/model_reads.h"

namespace gradus {

/// ConfigError for a model that looks ahead.
void check_no_look_ahead(const Harmonizer& harmonizer);
/// As Harmonizer::probabilities(piece), but each bar is computed from the steps up to its end
/// alone. `heard` is called after each bar. ConfigError for a model that looks ahead.
HarmonyProbabilities streamed_probabilities(const Harmonizer& harmonizer, const Piece& piece,
                                            const std::function<void()>& heard = {});

}  // namespace gradus
