// Context: what an encoding may know of each step besides its notes. The context types of the
// papers (SPEC 5: time, rep, key, bin), and chord, root, phrase, section, bar, place in the bar,
// melody, style. One table serves training, export and documentation.
#pragma once

#include <string>
#include <vector>

#include "data/piece.h"

namespace gradus {

/// Numbers chords as the papers' table of (root, chroma) does: no chord is 0, then by root from C,
/// then by the chroma bits from C on. Basses do not count.
std::uint32_t chord_code(int root, unsigned tones);
std::uint32_t chord_code(const StepLabels& step);
/// The code of the same chord so many semitones higher.
std::uint32_t transposed_code(std::uint32_t code, int semitones);

/// The chords of a data set in all twelve keys, in the order of their codes.
class ChordVocabulary {
 public:
  ChordVocabulary() = default;  ///< no chord alone
  explicit ChordVocabulary(const std::vector<std::uint32_t>& codes);
  explicit ChordVocabulary(const std::vector<Piece>& pieces);
  int64 size() const { return static_cast<int64>(codes_.size()); }
  /// 0 for no chord; ConfigError for a chord that the set has in no key.
  int64 token(std::uint32_t code) const;
  const std::vector<std::uint32_t>& codes() const { return codes_; }

 private:
  std::vector<std::uint32_t> codes_ = {0};
};

/// How the values of a label behave: a point in time, one of so many tokens, or 0 and 1.
enum class LabelKind : std::uint8_t { time, token, bit };
struct LabelColumn {
  std::string name;
  LabelKind kind = LabelKind::token;
  int64 values = 0;  ///< number of tokens; 2 for bits, 0 for times
};

std::vector<std::string> context_names();
/// One line on what the values are.
std::string context_meaning(const std::string& name);
/// True where a value depends on later steps of the window: rep, whose numbers are ranks in it.
bool context_looks_ahead(const std::string& name);
/// True where a value depends on the chords.
bool context_reads_chords(const std::string& name);
/// Twelve columns "bin.0" to "bin.11" for bin, one for each other. ConfigError names the nearest.
std::vector<LabelColumn> context_columns(const std::vector<std::string>& names,
                                         const ChordVocabulary& chords,
                                         int steps_per_quarter = kStepsPerQuarter);
/// Steps [begin, begin + length) of a piece, transposed by so many semitones: f64 [length, columns]
/// from `out` on. Time counts from the window's begin.
void write_context(const Piece& piece, const ChordVocabulary& chords,
                   const std::vector<std::string>& names, int64 begin, int64 length, int semitones,
                   double* out);
/// The same as a tensor, i64 [length, columns].
Tensor context_labels(const Piece& piece, const ChordVocabulary& chords, const std::string& name,
                      int64 begin, int64 length);

}  // namespace gradus
