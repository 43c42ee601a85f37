// Samples of a run: held-out pieces as MIDI files, their melody beside the model's accompaniment.
#pragma once

#include <filesystem>
#include <vector>

#include "train/harmonizer.h"

namespace gradus {

/// Melody and accompaniment, both in steps of the piece's grid, as two tracks at 120 quarters a
/// minute.
Song sample_song(const Piece& piece, const std::vector<Note>& accompaniment);
/// folder/NAME.mid of the first three validation pieces.
void write_samples(const std::filesystem::path& folder, const Harmonizer& harmonizer,
                   const std::vector<Piece>& pieces, double threshold);

}  // namespace gradus
