// The chord vocabulary of a run, chords.npy: the codes of the data set's chords in ascending order.
// Contexts that number chords (rep, key, key-mode, chord) mean by it what they meant in training,
// whatever the data a model is used on.
#pragma once

#include "data/context.h"
#include "train/run_folder.h"

namespace gradus {

void save_vocabulary(const RunFolder& folder, const ChordVocabulary& chords);
/// IoError where the file is missing or broken.
ChordVocabulary load_vocabulary(const RunFolder& folder);

}  // namespace gradus
