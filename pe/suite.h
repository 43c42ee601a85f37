// The suite of positional encodings: what an encoding declares (Traits, hooks, closed form) is
// proved on small random inputs in f64, and what every encoding owes is checked: gradients of both
// orders, query offsets, padding, smallest sizes, state, seeds, clear errors. An encoding of one's
// own is checked in the same way, by check_traits.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pe/table.h"

namespace gradus {

struct TraitCheck {
  std::string_view trait;  ///< one of trait_names(), or the name of an own trait
  bool passed = false;
  std::string text;  ///< what was measured; what is wrong, with the numbers
};

struct [[nodiscard]] TraitReport {
  std::string encoding;
  Traits traits{};
  std::vector<TraitCheck> checks;  ///< those that apply to what it declares
  std::vector<OwnTrait> own_traits = {};

  bool passed() const;
  /// The check of a trait, or null where it did not apply.
  const TraitCheck* find(std::string_view trait) const;
  /// "rope: 20 checks passed", or a line for each that failed.
  std::string text() const;
  /// A line for each trait of trait_names(), those that were not declared included, and for each
  /// own trait: "rope  relative  exactly  passed  max error 3e-12".
  std::string table() const;
};

/// make_core, or what stands in its place.
using MakeCore = std::function<std::unique_ptr<AttentionCore>(
    const Build&, const CoreConfig&, const PositionalEncoding&, int64 head_dim)>;

/// What is checked: an encoding by its maker, which must give the same one for the same Build.
struct SuiteSubject {
  std::string name;
  MakeEncoding make;
  MakeEncoding other = {};  ///< the same encoding with other settings, or empty
  int64 label_width = 1;
  EncodingShape shape{8, 2};
  bool any_size = true;       ///< false where the settings fix the head size
  bool sized = false;         ///< an option `features` says for how many features it is built
  Options options{};          ///< that `make` was made with
  std::string_view row = {};  ///< of the table, whose golden scores it is held against
  /// The same encoding with other options in their place; empty where it has no own traits.
  std::function<MakeEncoding(const Options&)> with = {};
  std::vector<OwnTrait> own_traits = {};
  MakeCore core = make_core;  ///< whose attention is held against its N x N form
};

/// All checks, or those of one trait only.
TraitReport check_traits(const SuiteSubject& subject, std::string_view only = {});
/// An entry of the table with these options, as check_encoding checks it.
SuiteSubject subject_of(const EncodingDef& def, const Options& options = {},
                        EncodingShape shape = {8, 2});
TraitReport check_encoding(const EncodingDef& def, const Options& options = {},
                           EncodingShape shape = {8, 2});
/// Settings of an encoding that the suite is run on: small, and each variant.
struct SuiteCase {
  std::string_view name;
  std::vector<const char*> settings;
  bool any_size = true;  ///< false: a head of size 2 is refused, or `base` has no influence
};
/// Of every entry of the table, sorted by name (pe/suite_cases.cpp).
const std::vector<SuiteCase>& suite_cases();
SuiteSubject subject_of(const SuiteCase& c);
/// All traits that the suite knows, in the order of the checks.
std::vector<std::string_view> trait_names();

}  // namespace gradus
