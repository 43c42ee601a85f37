// What a model reads of its data: which of its inputs and contexts are functions of the chords, and
// which of what is still to come.
#pragma once

#include "data/harmony_data.h"
#include "train/harmonizer.h"

namespace gradus {

/// What depends on chords: "context bin", "input chord".
std::vector<std::string> chord_readers(const Harmonizer& harmonizer);
/// What depends on later steps: "context rep looks ahead: ...", one sentence each.
std::vector<std::string> looks_ahead(const Harmonizer& harmonizer);
/// True where it reads the style of the accompaniment.
bool reads_style(const Harmonizer& harmonizer);
/// ConfigError where a model reads what the data does not have: chords, or styles, which the
/// bundled tunes alone have.
void check_reads(const Harmonizer& harmonizer, const HarmonyData& data);

}  // namespace gradus
