// What is known of each tick of a POP909 song besides its notes: the context types of the papers
// (SPEC 5: time, rep, key, bin) and phrase, section, bar, place in the bar, melody.
#pragma once

#include <string>
#include <vector>

#include "data/harmony_set.h"
#include "data/pop909_song.h"

namespace gradus {

/// Numbers chords as the papers' table of (root, chroma) does: no chord, then by root from C, then
/// by the chroma bits from C on. Basses do not count.
std::uint32_t pop_chord_code(const PopChord& chord);
PopChord transposed(const PopChord& chord, int semitones);

/// The chords of a set in all twelve keys, in the order of their codes.
class PopVocabulary {
 public:
  PopVocabulary() = default;
  explicit PopVocabulary(const std::vector<PopSong>& songs);
  int64 size() const { return static_cast<int64>(codes_.size()); }
  /// 0 for no chord; IndexError for a chord that no song of the set has in any key.
  int64 token(const PopChord& chord) const;

 private:
  std::vector<std::uint32_t> codes_;
};

/// "time", "rep", "key", "key-mode", "bin", "phrase", "section", "bar", "beat", "melody".
std::vector<std::string> pop_context_names();
/// One line on what the values are.
std::string pop_context_meaning(const std::string& name);
/// True where a value depends on later ticks of the window: rep, whose numbers are ranks in it.
bool pop_context_looks_ahead(const std::string& name);
/// Twelve columns for bin, one for the others. ConfigError names the nearest context.
std::vector<LabelColumn> pop_context_columns(const std::string& name, const PopVocabulary& chords);
/// The values for the ticks [begin, begin + length), i64 [length, columns].
Tensor pop_context(const PopSong& song, const PopVocabulary& chords, const std::string& name,
                   int64 begin, int64 length);

}  // namespace gradus
