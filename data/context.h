// Context: what an encoding may know of each step besides its notes. The context types of the
// papers (SPEC 5: time, rep, key, bin), and chord, root, phrase, section, bar, place in the bar,
// melody, style. One table serves training, export and documentation.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/piece.h"

namespace gradus {

/// A number for (root, tones): 0 for no chord, then by root from C, then by the bits from C on.
/// Basses do not count.
std::uint32_t chord_code(int root, unsigned tones);
std::uint32_t chord_code(const StepLabels& step);
/// The code of the same chord so many semitones higher.
std::uint32_t transposed_code(std::uint32_t code, int semitones);

/// The chords of a data set in all twelve keys. Numbered as the papers number them, who do not say
/// it: of the orders tried, the one in which the songs first bring them up gives REP the mutual
/// information of their Table I (SPEC 6.2; `gradus data mi`). So: no chord, the chords as they
/// appear, then their transpositions that do not, a semitone higher before two.
class ChordVocabulary {
 public:
  ChordVocabulary() : ChordVocabulary(std::vector<std::uint32_t>{}) {}  ///< no chord alone
  /// Codes as they appear; further times do not count.
  explicit ChordVocabulary(const std::vector<std::uint32_t>& codes);
  explicit ChordVocabulary(const std::vector<Piece>& pieces);
  int64 size() const { return static_cast<int64>(codes_.size()); }
  /// 0 for no chord; ConfigError for a chord that the set has in no key.
  int64 token(std::uint32_t code) const;
  /// The same; nothing for a chord that the set has in no key.
  std::optional<int64> find(std::uint32_t code) const;
  /// By token.
  const std::vector<std::uint32_t>& codes() const { return codes_; }

 private:
  std::vector<std::uint32_t> codes_;
  std::unordered_map<std::uint32_t, int64> tokens_;
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
