// What a model reads of its data: which of its inputs and contexts are functions of the chords, and
// which of what is still to come.
#pragma once

#include "train/harmonizer.h"

namespace gradus {

/// What depends on chords: "context bin", "input chord".
std::vector<std::string> chord_readers(const Harmonizer& harmonizer);
/// What depends on later steps: "context rep looks ahead: ...", one sentence each.
std::vector<std::string> looks_ahead(const Harmonizer& harmonizer);
/// ConfigError where a model reads chords and no piece has any.
void check_chords(const Harmonizer& harmonizer, const std::vector<Piece>& pieces);

}  // namespace gradus
