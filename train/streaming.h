// Streaming: a piece is harmonized while it is heard, bar by bar. A causal model gives a bar the
// same probabilities whether or not it knows what follows; one that hears the whole window, or
// whose context is a function of it, cannot be used so.
#pragma once

#include <functional>

#include "train/harmonizer.h"

namespace gradus {

/// What of a model depends on later steps: "context rep looks ahead: ...", one sentence each.
std::vector<std::string> looks_ahead(const Harmonizer& harmonizer);

/// As Harmonizer::probabilities(piece), but each bar is computed from the steps up to its end
/// alone. `heard` is called after each bar. ConfigError for a model that looks ahead.
HarmonyProbabilities streamed_probabilities(const Harmonizer& harmonizer, const Piece& piece,
                                            const std::function<void()>& heard = {});

}  // namespace gradus
