// The cells of a study as samples: the seeds of one encoding in one context, which tables and tests
// are made of. A cell that stands for several values of an axis (no encoding reads no context)
// belongs to each of them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "train/study/rows.h"

namespace gradus {

/// All cells of one study and preset that differ in nothing but the seed.
struct SeedGroup {
  std::string study, preset;
  std::string encoding, context;  ///< names of the axes' values; "" where there is no such axis
  std::string other;              ///< values of all other axes, "rate 1e-4, merge 4"
  std::vector<const CellRow*> cells;
  std::vector<std::string> seeds;  ///< of the cells

  /// "RoPE (A)", and what else it is.
  std::string label() const;
  /// One value a seed, of windows of that length; empty where the table has no such length.
  std::vector<double> sample(std::string_view measure, int64 bars) const;
  std::vector<double> sample(double CellRow::*value) const;
};

/// "none", then RoPE, F-StrIPE1, RoPEPool, then others as they come; contexts TIME, REP, KEY, BIN,
/// then others. The table must outlive the groups.
std::vector<SeedGroup> seed_groups(const CellTable& table);
/// Whose study and preset these are, in order.
struct StudyPreset {
  std::string study, preset;
  bool operator==(const StudyPreset&) const = default;
};
std::vector<StudyPreset> presets_of(const CellTable& table);

/// As the paper calls it: "rope_a" is "RoPE (A)", "f_stripe1_pooled" is "F-StrIPE1".
std::string encoding_title(const std::string& name);
enum class EncodingFamily : std::uint8_t { none, rope, unpooled, other };
EncodingFamily encoding_family(const std::string& name);

}  // namespace gradus
