// What `gradus data info` prints of each source: what is there, what is used, what is left out and
// why.
#pragma once

#include <string>

#include "data/midi_set.h"
#include "data/pop909.h"

namespace gradus {

void print_pop909_info(const PopSet& set, const std::string& data);
void print_midi_info(const MidiSet& set, const std::string& data);
void print_tunes_info();

}  // namespace gradus
