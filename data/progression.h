// Chord progressions as text: "C | F G | C". Bars stand between bar lines, the symbols of a bar
// share its beats equally; the whole grammar is in data/README.md.
#pragma once

#include <filesystem>

#include "data/chord.h"
#include "data/words.h"
#include "tensor/dtype.h"

namespace gradus {

/// One chord for each beat of each bar.
struct Progression {
  int beats_per_bar = 4;
  std::vector<Chord> beats;
  int64 bars() const { return static_cast<int64>(beats.size()) / beats_per_bar; }
  bool operator==(const Progression&) const = default;
};

/// The whole text, one or more lines. ConfigError says `where`, line, column; a text without any
/// chord is one.
Progression parse_progression(std::string_view text, int beats_per_bar,
                              std::string_view where = "chords");
/// The same grammar from a file.
Progression read_progression(const std::filesystem::path& path, int beats_per_bar);
/// Reads one more bar behind those that are there.
void append_bar(Progression& progression, const Bar& bar, std::string_view where);
/// "C | F G | C": the shortest text that parses to the same progression.
std::string to_string(const Progression& progression);

}  // namespace gradus
