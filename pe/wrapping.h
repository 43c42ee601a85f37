// Encodings that wrap another one, which their option `wraps` names: which options there are, and
// whose each is. Those of the encoding inside stand beside those of the wrapper; one that both have
// (`wraps`, where a wrapper is inside) is the wrapper's, and inside.NAME that of the encoding
// inside. inside.NAME is allowed for any of them.
#pragma once

#include "pe/table.h"

namespace gradus {

/// An option by the name that the outermost encoding has for it: "range", "inside.wraps".
struct NamedOption {
  std::string name;
  const OptionInfo* info;
};
/// Every option that an encoding takes when these are chosen, those of what it wraps behind its
/// own. ConfigError for an unknown encoding inside.
std::vector<NamedOption> options_of(const EncodingDef& def, const Options& chosen);
/// The one of `options` with this name; null where there is none.
const OptionInfo* find_option(const std::vector<NamedOption>& options, std::string_view name);
/// The name by which options_of lists `key`, which may say inside.NAME where NAME would do.
std::string option_name(const EncodingDef& def, std::string_view key, const Options& chosen);
/// The same options under the names of options_of; ConfigError for one that is given twice.
Options with_option_names(const EncodingDef& def, const Options& chosen);

/// For a wrapper `def`: the encoding inside, made from those of `options` that are not the
/// wrapper's own.
std::unique_ptr<PositionalEncoding> make_inside(const EncodingDef& def, const EncodingDef& inside,
                                                const Build& build, EncodingShape shape,
                                                Options& options);

}  // namespace gradus
